use std::time::Duration;

use anyhow::Result;
use clap::Args;
use sangam_bench_common::process::{Memory, Meter};
use serde::Serialize;

use crate::fanout::open;
use crate::target::{Target, prepare};

#[derive(Args)]
pub(crate) struct Idle {
    #[command(flatten)]
    target: Target,
    /// Listeners
    #[arg(long)]
    listeners: usize,
    /// How long to look on once all are there
    #[arg(long)]
    millis: u64,
}

#[derive(Serialize)]
pub(crate) struct Idled {
    resident_bytes_before: u64,
    resident_bytes_after: u64,
    resident_bytes_per_listener: f64,
    anonymous_bytes_per_listener: f64,
    /// Of one core, while nothing is said.
    cpu_part: f64,
}

impl Idle {
    pub(crate) async fn run(&self) -> Result<Idled> {
        prepare(&self.target).await?;
        // What the first of them makes the server set up is nobody's share.
        let first = open(&self.target, usize::MAX).await?;
        let before = Memory::of(self.target.pid)?;
        let mut listeners = Vec::with_capacity(self.listeners);
        for at in 0..self.listeners {
            listeners.push(open(&self.target, at).await?);
        }
        let meter = Meter::start(self.target.pid)?;
        tokio::time::sleep(Duration::from_millis(self.millis)).await;
        let (cost, after) = (meter.read()?, Memory::of(self.target.pid)?);
        drop((first, listeners));
        let each = |after: u64, before: u64| (after as f64 - before as f64) / self.listeners as f64;
        Ok(Idled {
            resident_bytes_before: before.resident,
            resident_bytes_after: after.resident,
            resident_bytes_per_listener: each(after.resident, before.resident),
            anonymous_bytes_per_listener: each(after.anonymous, before.anonymous),
            cpu_part: cost.cpu.as_secs_f64() / cost.took.as_secs_f64(),
        })
    }
}
