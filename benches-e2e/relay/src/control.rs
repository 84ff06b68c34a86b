use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use sangam_bench_common::process::{Meter, resident_bytes};
use serde::Serialize;

use crate::service::Service;
use crate::turn::{Credentials, TurnClient};

#[derive(Args)]
pub(crate) struct Control {
    #[command(flatten)]
    service: Service,
    #[arg(long, default_value_t = 10_000)]
    allocations: usize,
}

/// What making many allocations showed.
#[derive(Debug, Serialize)]
struct Outcome {
    allocations: usize,
    /// Each with two round trips: challenge and answer.
    allocations_per_second: f64,
    cpu_micros_per_allocation: f64,
    cpu_micros_per_channel: f64,
    resident_bytes_per_allocation: f64,
}

/// Requests under way at a time.
pub(crate) const ABREAST: usize = 64;

impl Control {
    pub(crate) fn run(&self) -> Result<impl Serialize + use<>> {
        let pid = self.service.pid;
        let credentials = self.service.credentials()?;
        let mut clients = Vec::with_capacity(self.allocations);
        for _ in 0..self.allocations {
            clients.push(TurnClient::new(self.service.server())?);
        }
        let resident = resident_bytes(pid)?;
        let (cpu, took) = cost(pid, || allocate(&mut clients, &credentials))?;
        let grown = resident_bytes(pid)?.saturating_sub(resident);
        // Nobody sends to it; it stands for a peer that all clients share.
        let peer = SocketAddr::new(self.service.server().ip(), 9);
        let (channel_cpu, _) = cost(pid, || in_ranks(&mut clients, |c| c.ask_channel(peer), TurnClient::succeeded))?;
        in_ranks(&mut clients, TurnClient::ask_release, TurnClient::succeeded)?;
        // Far below 2^52: exact.
        let each = self.allocations as f64;
        Ok(Outcome {
            allocations: self.allocations,
            allocations_per_second: each / took.as_secs_f64(),
            cpu_micros_per_allocation: cpu.as_secs_f64() * 1e6 / each,
            cpu_micros_per_channel: channel_cpu.as_secs_f64() * 1e6 / each,
            resident_bytes_per_allocation: grown as f64 / each,
        })
    }
}

fn allocate(clients: &mut [TurnClient], credentials: &Credentials) -> Result<()> {
    for (rank, clients) in clients.chunks_mut(ABREAST).enumerate() {
        for client in &mut *clients {
            client.ask_allocate()?;
        }
        for (index, client) in clients.iter_mut().enumerate() {
            client.challenged(credentials, rank * ABREAST + index)?;
            client.ask_allocate()?;
        }
        for client in clients {
            client.allocated()?;
        }
    }
    Ok(())
}

pub(crate) fn in_ranks(
    clients: &mut [TurnClient],
    ask: impl Fn(&mut TurnClient) -> Result<()>,
    answered: impl Fn(&mut TurnClient) -> Result<()>,
) -> Result<()> {
    for rank in clients.chunks_mut(ABREAST) {
        rank.iter_mut().try_for_each(&ask)?;
        rank.iter_mut().try_for_each(&answered)?;
    }
    Ok(())
}

/// CPU time that a process spent on `work`, and how long that took.
pub(crate) fn cost(pid: u32, work: impl FnOnce() -> Result<()>) -> Result<(Duration, Duration)> {
    let meter = Meter::start(pid)?;
    work()?;
    let cost = meter.read()?;
    Ok((cost.cpu, cost.took))
}
