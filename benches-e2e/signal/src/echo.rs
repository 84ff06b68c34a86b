use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use sangam_bench_common::process::Meter;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::client::Client;
use crate::crowd::{all, gather};
use crate::packet::event;
use crate::target::Target;

#[derive(Args)]
pub(crate) struct Echo {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 50)]
    connections: usize,
    /// Messages of one connection under way at most
    #[arg(long, default_value_t = 16)]
    window: usize,
    /// Of all connections together
    #[arg(long, default_value_t = 100_000)]
    echoes: usize,
    /// Before the count begins
    #[arg(long, default_value_t = 20_000)]
    warm_up: usize,
    /// Of the one string that each message carries
    #[arg(long, default_value_t = 64)]
    payload_bytes: usize,
    /// How long the count may take, and what goes before it
    #[arg(long, default_value_t = 120)]
    limit_seconds: u64,
}

/// What echoes showed.
#[derive(Debug, Serialize)]
struct Outcome {
    echoes: usize,
    seconds: f64,
    cpu_nanos: u64,
}

/// How every echo begins.
const ANSWER: &str = r#"42["message-back","#;

impl Echo {
    pub(crate) async fn run(&self) -> Result<impl Serialize + use<>> {
        self.target.check(self.connections)?;
        ensure!(self.connections > 0 && self.window > 0, "no connection or no window: nothing would be sent");
        let target = self.target;
        let clients =
            gather(self.connections, move |index| async move { Client::connect(&target, index).await }).await?;
        let clients = self.drive(clients, self.warm_up).await?;
        let meter = Meter::start(target.pid)?;
        self.drive(clients, self.echoes).await?;
        let cost = meter.read()?;
        Ok(Outcome {
            echoes: self.per_connection(self.echoes) * self.connections,
            seconds: cost.took.as_secs_f64(),
            cpu_nanos: u64::try_from(cost.cpu.as_nanos())?,
        })
    }

    /// The same for each connection, so that they end together.
    fn per_connection(&self, echoes: usize) -> usize {
        echoes.div_ceil(self.connections)
    }

    async fn drive(&self, clients: Vec<Client>, echoes: usize) -> Result<Vec<Client>> {
        let message = Utf8Bytes::from(event("message", &["x".repeat(self.payload_bytes).into()]));
        let (each, window) = (self.per_connection(echoes), self.window);
        let limit = Duration::from_secs(self.limit_seconds);
        let mut tasks = JoinSet::new();
        for client in clients {
            tasks.spawn(exchange(client, message.clone(), each, window));
        }
        timeout(limit, all(tasks)).await.context("the server was too slow")?
    }
}

async fn exchange(mut client: Client, message: Utf8Bytes, count: usize, window: usize) -> Result<Client> {
    let mut sent = 0;
    for _ in 0..count {
        while sent < count.min(window) {
            client.send(message.clone()).await?;
            sent += 1;
        }
        client.next_beginning(ANSWER).await?;
        if sent < count {
            client.send(message.clone()).await?;
            sent += 1;
        }
    }
    Ok(client)
}
