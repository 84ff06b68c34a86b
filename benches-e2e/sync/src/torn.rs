use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::target::{Replica, Target, prepare};

#[derive(Args)]
pub(crate) struct Torn {
    #[command(flatten)]
    target: Target,
    /// Replicas, each with a connection and one request under way
    #[arg(long)]
    replicas: usize,
    /// Operations of each request
    #[arg(long)]
    operations: usize,
    /// Distinguishes replicas of one run from those of another
    #[arg(long)]
    name: String,
}

#[derive(Serialize)]
pub(crate) struct TornOff {
    /// Of each replica, the number of the last operation that the server said it keeps.
    acknowledged: BTreeMap<String, u64>,
}

impl Torn {
    pub(crate) async fn run(&self) -> Result<TornOff> {
        prepare(&self.target).await?;
        let mut tasks = JoinSet::new();
        for at in 0..self.replicas {
            let device = format!("{}{at}", self.name);
            let replica = Replica::connect(&self.target, &device).await?;
            let count = self.operations;
            tasks.spawn(async move { (device, until_torn(replica, count).await) });
        }
        let mut acknowledged = BTreeMap::new();
        while let Some(ended) = tasks.join_next().await {
            let (device, last) = ended.context("a replica broke")?;
            acknowledged.insert(device, last);
        }
        Ok(TornOff { acknowledged })
    }
}

/// The last operation that was acknowledged before a request failed.
async fn until_torn(mut replica: Replica, count: usize) -> u64 {
    let mut last = 0;
    while replica.push(count).await.is_ok() {
        last += count as u64;
    }
    last
}
