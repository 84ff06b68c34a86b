use std::time::Instant;

use anyhow::Result;
use clap::Args;
use sangam_bench_common::process::{Meter, resident_bytes};
use serde::Serialize;

use crate::target::{Pulled, Replica, Target};

#[derive(Args)]
pub(crate) struct Pull {
    #[command(flatten)]
    target: Target,
    /// Operations of a page
    #[arg(long)]
    limit: u64,
    /// Stop after so many operations
    #[arg(long)]
    operations: u64,
    /// The replica that reads
    #[arg(long, default_value = "reader")]
    device: String,
}

#[derive(Serialize)]
pub(crate) struct PulledAll {
    operations: u64,
    requests: u64,
    bytes: u64,
    seconds: f64,
    cpu_nanos: u64,
    resident_bytes: u64,
}

impl Pull {
    pub(crate) async fn run(&self) -> Result<PulledAll> {
        let mut replica = Replica::connect(&self.target, &self.device).await?;
        let meter = Meter::start(self.target.pid)?;
        let began = Instant::now();
        let Whole { operations, requests, bytes, .. } = whole(&mut replica, self.limit, self.operations).await?;
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), meter.read()?.cpu);
        let cpu_nanos = u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        let resident_bytes = resident_bytes(self.target.pid)?;
        Ok(PulledAll { operations, requests, bytes, seconds, cpu_nanos, resident_bytes })
    }
}

/// What was read from the beginning on.
#[derive(Default)]
pub(crate) struct Whole {
    pub(crate) operations: u64,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    /// After the last of them.
    pub(crate) cursor: u64,
}

/// Reads from the beginning until there is no more, or enough.
pub(crate) async fn whole(replica: &mut Replica, limit: u64, enough: u64) -> Result<Whole> {
    let mut whole = Whole::default();
    loop {
        let page: Pulled = replica.pull(whole.cursor, limit).await?;
        whole.operations += page.operations as u64;
        whole.requests += 1;
        whole.bytes += page.bytes as u64;
        whole.cursor = page.next;
        if !page.has_more || whole.operations >= enough {
            return Ok(whole);
        }
    }
}
