use std::time::Duration;

use anyhow::{Context, Error, Result, ensure};
use clap::{Args, ValueEnum};
use sangam_bench_common::process::{Memory, Meter};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;
use crate::crowd::Gate;
use crate::packet::event;
use crate::target::Target;
use crate::wire::Wire;

#[derive(Args)]
pub(crate) struct Idle {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 5_000)]
    connections: usize,
    /// What they do before they idle
    #[arg(long, default_value = "connected")]
    who: Who,
    /// Readings of which the least counts, a quarter of a second apart
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    readings: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Who {
    /// Socket.IO clients that joined the main namespace, and nothing else
    Connected,
    /// Socket.IO clients that joined sessions of ten with `join-session`
    Sessions,
    /// Agents of the plain JSON WebSocket at `/ws` that registered
    Agents,
}

/// What idle connections showed.
#[derive(Debug, Serialize)]
struct Outcome {
    connections: usize,
    resident_bytes_before: u64,
    resident_bytes_after: u64,
    resident_bytes_per_connection: f64,
    anonymous_bytes_per_connection: f64,
    cpu_micros_per_connect: f64,
}

const SESSION_MEMBERS: usize = 10;
const BETWEEN_READINGS: Duration = Duration::from_millis(250);

enum Connection {
    SocketIo(Box<Client>),
    Json(Box<Wire>),
}

impl Idle {
    pub(crate) async fn run(&self) -> Result<impl Serialize + use<>> {
        self.target.check(self.connections)?;
        ensure!(self.connections > 0, "no connection, nothing to measure");
        let pid = self.target.pid;
        let before = self.least_memory().await?;
        let meter = Meter::start(pid)?;
        let mut lingering = self.connect_all().await?;
        let cpu = meter.read()?.cpu;
        let after = self.least_memory().await?;
        if let Some(ended) = lingering.try_join_next() {
            return Err(ended.context("a client panicked")?.context("the server let an idle client go"));
        }
        // Far below 2^52: exact.
        let each = self.connections as f64;
        Ok(Outcome {
            connections: self.connections,
            resident_bytes_before: before.resident,
            resident_bytes_after: after.resident,
            resident_bytes_per_connection: after.resident.saturating_sub(before.resident) as f64 / each,
            anonymous_bytes_per_connection: after.anonymous.saturating_sub(before.anonymous) as f64 / each,
            cpu_micros_per_connect: cpu.as_secs_f64() * 1e6 / each,
        })
    }

    /// Every connection is read from the moment it is there: some servers tell each client of each other.
    async fn connect_all(&self) -> Result<JoinSet<Error>> {
        let (target, who, gate) = (self.target, self.who, Gate::new());
        let (connected, mut connections) = mpsc::channel(1);
        let mut lingering = JoinSet::new();
        for index in 0..self.connections {
            let (gate, connected) = (gate.clone(), connected.clone());
            lingering.spawn(async move {
                match gate.pass(connect(target, who, index)).await {
                    Ok(mut connection) => {
                        // Nobody counts any more if another client failed.
                        connected.send(()).await.ok();
                        connection.linger().await
                    }
                    Err(error) => error,
                }
            });
        }
        for _ in 0..self.connections {
            tokio::select! {
                _ = connections.recv() => {}
                Some(ended) = lingering.join_next() => return Err(ended.context("a client panicked")?),
            }
        }
        Ok(lingering)
    }

    async fn least_memory(&self) -> Result<Memory> {
        let mut least = Memory::of(self.target.pid)?;
        for _ in 1..self.readings {
            sleep(BETWEEN_READINGS).await;
            least = least.least(Memory::of(self.target.pid)?);
        }
        Ok(least)
    }
}

impl Connection {
    async fn linger(&mut self) -> Error {
        match self {
            Self::SocketIo(client) => client.linger().await,
            Self::Json(wire) => loop {
                if let Err(error) = wire.next().await {
                    return error;
                }
            },
        }
    }
}

async fn connect(target: Target, who: Who, index: usize) -> Result<Connection> {
    match who {
        Who::Connected => Ok(Connection::SocketIo(Box::new(Client::connect(&target, index).await?))),
        Who::Sessions => join_session(&target, index).await,
        Who::Agents => register(&target, index).await,
    }
}

async fn join_session(target: &Target, index: usize) -> Result<Connection> {
    let mut client = Client::connect(target, index).await?;
    let join = json!({ "sessionId": format!("s{}", index / SESSION_MEMBERS), "participantId": format!("p{index}") });
    client.send(event("join-session", &[join])).await?;
    client.next_event("session-joined").await?;
    Ok(Connection::SocketIo(Box::new(client)))
}

async fn register(target: &Target, index: usize) -> Result<Connection> {
    let mut wire = Wire::open(target, index, "/ws").await?;
    wire.send(json!({ "type": "register", "agent_id": format!("agent-{index}") }).to_string()).await?;
    while !wire.next().await?.starts_with(r#"{"type":"registered""#) {}
    Ok(Connection::Json(Box::new(wire)))
}
