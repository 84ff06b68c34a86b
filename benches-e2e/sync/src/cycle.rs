use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use sangam_bench_common::process::{Meter, resident_bytes};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::latency::Latencies;
use crate::pull::whole;
use crate::target::{Replica, Target};

#[derive(Args)]
pub(crate) struct Cycle {
    #[command(flatten)]
    target: Target,
    /// Replicas that are known to the server
    #[arg(long)]
    replicas: usize,
    /// Of these, how many ask at the same time
    #[arg(long, default_value_t = 32)]
    at_once: usize,
    /// How long it counts
    #[arg(long)]
    millis: u64,
}

#[derive(Serialize)]
pub(crate) struct Cycled {
    cycles: u64,
    seconds: f64,
    cpu_nanos: u64,
    p50_ms: f64,
    p99_ms: f64,
    resident_bytes: u64,
}

impl Cycle {
    pub(crate) async fn run(&self) -> Result<Cycled> {
        // A group of none would go round for ever.
        let at_once = self.at_once.clamp(1, self.replicas.max(1));
        let mut groups: Vec<Vec<Replica>> = (0..at_once).map(|_| Vec::new()).collect();
        let mut head = 0;
        for at in 0..self.replicas {
            let mut replica = Replica::connect(&self.target, &format!("idle{at}")).await?;
            if at == 0 {
                head = whole(&mut replica, 1_000, u64::MAX).await?.cursor;
            }
            replica.cycle(head).await?;
            groups[at % at_once].push(replica);
        }
        let (meter, began) = (Meter::start(self.target.pid)?, Instant::now());
        let ends = began + Duration::from_millis(self.millis);
        let mut tasks = JoinSet::new();
        for group in groups {
            tasks.spawn(cycle(group, head, ends));
        }
        let mut latencies = Latencies::default();
        while let Some(ended) = tasks.join_next().await {
            latencies.append(ended.context("a replica broke")??);
        }
        let cost = meter.read()?;
        Ok(Cycled {
            cycles: latencies.len() as u64,
            seconds: began.elapsed().as_secs_f64(),
            cpu_nanos: u64::try_from(cost.cpu.as_nanos()).unwrap_or(u64::MAX),
            p50_ms: latencies.quantile_ms(0.5),
            p99_ms: latencies.quantile_ms(0.99),
            resident_bytes: resident_bytes(self.target.pid)?,
        })
    }
}

/// One replica after the other, round and round.
async fn cycle(mut group: Vec<Replica>, head: u64, ends: Instant) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    loop {
        for replica in &mut group {
            let began = Instant::now();
            replica.cycle(head).await?;
            let ended = Instant::now();
            if ended >= ends {
                return Ok(latencies);
            }
            latencies.add(ended - began);
        }
    }
}
