use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use sangam_bench_common::process::{Meter, forget_peak, peak_bytes, resident_bytes};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::pull::whole;
use crate::target::{Replica, Target};

#[derive(Args)]
pub(crate) struct Crowd {
    #[command(flatten)]
    target: Target,
    /// New replicas
    #[arg(long)]
    replicas: usize,
    /// Operations of a page
    #[arg(long)]
    limit: u64,
    /// Operations that each must have read in the end
    #[arg(long)]
    operations: u64,
}

#[derive(Serialize)]
pub(crate) struct Crowded {
    operations: u64,
    seconds: f64,
    cpu_nanos: u64,
    resident_bytes_before: u64,
    resident_bytes_peak: u64,
}

impl Crowd {
    pub(crate) async fn run(&self) -> Result<Crowded> {
        let mut replicas = Vec::new();
        for at in 0..self.replicas {
            replicas.push(Replica::connect(&self.target, &format!("new{at}")).await?);
        }
        let resident_bytes_before = resident_bytes(self.target.pid)?;
        forget_peak(self.target.pid)?;
        let (meter, began) = (Meter::start(self.target.pid)?, Instant::now());
        let mut tasks = JoinSet::new();
        for mut replica in replicas {
            let limit = self.limit;
            tasks.spawn(async move { whole(&mut replica, limit, u64::MAX).await });
        }
        let mut operations = 0;
        while let Some(ended) = tasks.join_next().await {
            let read = ended.context("a replica broke")??.operations;
            anyhow::ensure!(read >= self.operations, "a replica read {read} operations of {}", self.operations);
            operations += read;
        }
        Ok(Crowded {
            operations,
            seconds: began.elapsed().as_secs_f64(),
            cpu_nanos: u64::try_from(meter.read()?.cpu.as_nanos()).unwrap_or(u64::MAX),
            resident_bytes_before,
            resident_bytes_peak: peak_bytes(self.target.pid)?,
        })
    }
}
