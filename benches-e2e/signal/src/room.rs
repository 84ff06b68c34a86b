use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use sangam_bench_common::process::{Cost, Meter};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::client::Client;
use crate::crowd::{all, gather};
use crate::packet::event;
use crate::target::Target;

#[derive(Args)]
pub(crate) struct Room {
    #[command(flatten)]
    target: Target,
    /// In the room, the speaker among them
    #[arg(long, default_value_t = 200)]
    members: usize,
    /// What the speaker has said and not heard yet, at most
    #[arg(long, default_value_t = 4)]
    window: usize,
    #[arg(long, default_value_t = 100_000)]
    deliveries: usize,
    /// Deliveries before the count begins
    #[arg(long, default_value_t = 20_000)]
    warm_up: usize,
    /// Of the one string that is said
    #[arg(long, default_value_t = 64)]
    payload_bytes: usize,
    /// How long the count may take, and what goes before it
    #[arg(long, default_value_t = 120)]
    limit_seconds: u64,
}

/// What deliveries to a room showed.
#[derive(Debug, Serialize)]
struct Outcome {
    deliveries: usize,
    seconds: f64,
    cpu_nanos: u64,
}

const ROOM: &str = "hall";
/// How every delivery begins.
const SAID: &str = r#"42["said","#;

impl Room {
    pub(crate) async fn run(&self) -> Result<impl Serialize + use<>> {
        self.target.check(self.members)?;
        ensure!(self.members > 0 && self.window > 0, "no member or no window: nothing would be said");
        let target = self.target;
        let members = gather(self.members, move |index| async move {
            let mut client = Client::connect(&target, index).await?;
            client.join(ROOM).await?;
            Ok(client)
        });
        let (members, _) = self.drive(members.await?, self.warm_up).await?;
        let (_, cost) = self.drive(members, self.deliveries).await?;
        Ok(Outcome {
            deliveries: self.said_for(self.deliveries) * self.members,
            seconds: cost.took.as_secs_f64(),
            cpu_nanos: u64::try_from(cost.cpu.as_nanos())?,
        })
    }

    /// How often something must be said for so many deliveries.
    fn said_for(&self, deliveries: usize) -> usize {
        deliveries.div_ceil(self.members)
    }

    /// The first member speaks; ends when the last delivery has come to the last member.
    async fn drive(&self, mut members: Vec<Client>, deliveries: usize) -> Result<(Vec<Client>, Cost)> {
        let count = self.said_for(deliveries);
        let payload = "x".repeat(self.payload_bytes);
        let said = Utf8Bytes::from(event("say", &[ROOM.into(), payload.into()]));
        let meter = Meter::start(self.target.pid)?;
        let limit = Duration::from_secs(self.limit_seconds);
        let mut tasks = JoinSet::new();
        let listeners = members.split_off(1);
        let speaker = members.pop().context("a room has a speaker")?;
        tasks.spawn(speak(speaker, said, count, self.window));
        for listener in listeners {
            tasks.spawn(listen(listener, count));
        }
        let members = timeout(limit, all(tasks)).await.context("the server was too slow")??;
        Ok((members, meter.read()?))
    }
}

async fn speak(mut client: Client, said: Utf8Bytes, count: usize, window: usize) -> Result<Client> {
    for _ in 0..count.min(window) {
        client.send(said.clone()).await?;
    }
    for heard in 1..=count {
        client.next_beginning(SAID).await?;
        if heard + window <= count {
            client.send(said.clone()).await?;
        }
    }
    Ok(client)
}

async fn listen(mut client: Client, count: usize) -> Result<Client> {
    for _ in 0..count {
        client.next_beginning(SAID).await?;
    }
    Ok(client)
}
