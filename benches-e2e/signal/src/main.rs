//! What `cargo xtask bench signal` runs: one load generator for every Socket.IO server.
//!
//! Each command prints one line of JSON. Its clients speak Engine.IO v4 and Socket.IO v5 over WebSocket in the main
//! namespace with a codec of their own: it shares nothing with the server that is measured. The server runs the bench's
//! application: it emits `auth` to each client that comes, and hears `join` (room, acknowledged), `message` (arguments come
//! back as `message-back`) and `say` (room, arguments: everybody in the room gets `said`). Pinning and priority are the caller's affair (`taskset`, `chrt`).

mod accept_queue;
mod client;
mod crowd;
mod echo;
mod idle;
mod jitter;
mod ledger;
mod packet;
mod reconnect;
mod returns;
mod room;
mod storm;
mod target;
mod wire;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use sangam_bench_common::outcome::{exit_code, print};

#[derive(Parser)]
#[command(about = "Load generator for `cargo xtask bench signal`")]
enum Command {
    /// Memory of the server for each connection that does nothing
    Idle(idle::Idle),
    /// CPU of the server for each message that comes back to its sender
    Echo(echo::Echo),
    /// CPU of the server for each message delivered to a member of a room
    Room(room::Room),
    /// Cut every client at once and see who comes back, when, and to what
    Storm(storm::Storm),
    /// Cut clients at random while rooms are spoken to, and see what is missing in the end
    Jitter(jitter::Jitter),
}

impl Command {
    async fn run(&self) -> Result<()> {
        match self {
            Self::Idle(idle) => print(&idle.run().await?),
            Self::Echo(echo) => print(&echo.run().await?),
            Self::Room(room) => print(&room.run().await?),
            Self::Storm(storm) => print(&storm.run().await?),
            Self::Jitter(jitter) => print(&jitter.run().await?),
        }
    }
}

/// One thread: it has a core of its own, or shares the server's.
fn run(command: &Command) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(command.run())
}

fn main() -> ExitCode {
    exit_code(run(&Command::parse()))
}
