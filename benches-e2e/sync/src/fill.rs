use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::target::{Replica, Target, prepare};

#[derive(Args)]
pub(crate) struct Fill {
    #[command(flatten)]
    target: Target,
    /// Operations to put in, in all
    #[arg(long)]
    operations: usize,
    /// Operations of each request
    #[arg(long, default_value_t = 500)]
    batch: usize,
    /// Replicas that do it
    #[arg(long, default_value_t = 4)]
    replicas: usize,
    /// Distinguishes replicas of one run from those of another
    #[arg(long, default_value = "fill")]
    name: String,
}

#[derive(Serialize)]
pub(crate) struct Filled {
    operations: usize,
    seconds: f64,
    /// Of each replica, the number of the last operation that the server said it keeps.
    acknowledged: BTreeMap<String, u64>,
}

impl Fill {
    pub(crate) async fn run(&self) -> Result<Filled> {
        prepare(&self.target).await?;
        let began = Instant::now();
        let requests = self.operations.div_ceil(self.batch * self.replicas);
        let mut tasks = JoinSet::new();
        let mut acknowledged = BTreeMap::new();
        for at in 0..self.replicas {
            let device = format!("{}{at}", self.name);
            let mut replica = Replica::connect(&self.target, &device).await?;
            acknowledged.insert(device, (requests * self.batch) as u64);
            let batch = self.batch;
            tasks.spawn(async move {
                for _ in 0..requests {
                    replica.push(batch).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.context("a replica broke")??;
        }
        let operations = requests * self.batch * self.replicas;
        Ok(Filled { operations, seconds: began.elapsed().as_secs_f64(), acknowledged })
    }
}
