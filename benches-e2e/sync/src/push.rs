use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use sangam_bench_common::process::{Meter, resident_bytes};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::latency::Latencies;
use crate::target::{Replica, Target, prepare};

#[derive(Args)]
pub(crate) struct Push {
    #[command(flatten)]
    target: Target,
    /// Replicas, each with a connection and one request under way
    #[arg(long)]
    replicas: usize,
    /// Operations of each request
    #[arg(long)]
    operations: usize,
    /// How long before anything counts
    #[arg(long)]
    warm_up_millis: u64,
    /// How long it counts
    #[arg(long)]
    millis: u64,
    /// Distinguishes replicas of one run from those of another
    #[arg(long, default_value = "r")]
    name: String,
}

#[derive(Serialize)]
pub(crate) struct Pushed {
    requests: u64,
    operations: u64,
    seconds: f64,
    cpu_nanos: u64,
    p50_ms: f64,
    p99_ms: f64,
    resident_bytes: u64,
}

impl Push {
    pub(crate) async fn run(&self) -> Result<Pushed> {
        prepare(&self.target).await?;
        let mut tasks = JoinSet::new();
        let counts_from = Instant::now() + Duration::from_millis(self.warm_up_millis);
        let ends = counts_from + Duration::from_millis(self.millis);
        for at in 0..self.replicas {
            let replica = Replica::connect(&self.target, &format!("{}{at}", self.name)).await?;
            tasks.spawn(push(replica, self.operations, counts_from, ends));
        }
        tokio::time::sleep_until(counts_from.into()).await;
        let meter = Meter::start(self.target.pid)?;
        tokio::time::sleep_until(ends.into()).await;
        let cost = meter.read()?;
        let mut latencies = Latencies::default();
        while let Some(ended) = tasks.join_next().await {
            latencies.append(ended.context("a replica broke")??);
        }
        let requests = latencies.len() as u64;
        Ok(Pushed {
            requests,
            operations: requests * self.operations as u64,
            seconds: cost.took.as_secs_f64(),
            cpu_nanos: u64::try_from(cost.cpu.as_nanos()).unwrap_or(u64::MAX),
            p50_ms: latencies.quantile_ms(0.5),
            p99_ms: latencies.quantile_ms(0.99),
            resident_bytes: resident_bytes(self.target.pid)?,
        })
    }
}

/// Counts requests that were answered between the two moments.
async fn push(mut replica: Replica, count: usize, from: Instant, to: Instant) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    loop {
        let began = Instant::now();
        replica.push(count).await?;
        let ended = Instant::now();
        if ended >= to {
            return Ok(latencies);
        }
        if ended >= from {
            latencies.add(ended - began);
        }
    }
}
