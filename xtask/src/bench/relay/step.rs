use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::plan::{Plan, Scenario};
use super::server::{Programs, RelayServer};
use crate::bench::generator;
use crate::bench::place::Priority;
use crate::repository::Repository;

/// What the generator says of one step of traffic.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct LoadOutcome {
    pub(super) seconds: f64,
    pub(super) packets: u64,
    pub(super) cpu_nanos: u64,
    pub(super) sent: u64,
    pub(super) lost: u64,
}

impl LoadOutcome {
    pub(super) fn nanos_per_packet(&self) -> f64 {
        self.cpu_nanos as f64 / self.packets as f64
    }

    pub(super) fn packets_per_second(&self) -> f64 {
        self.packets as f64 / self.seconds
    }

    pub(super) fn loss_percent(&self) -> f64 {
        100.0 * self.lost as f64 / self.sent as f64
    }

    /// The server's share of its core.
    pub(super) fn busy_percent(&self) -> f64 {
        self.cpu_nanos as f64 / 1e7 / self.seconds
    }
}

/// What it says of many allocations.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ControlOutcome {
    pub(super) allocations: usize,
    pub(super) allocations_per_second: f64,
    pub(super) cpu_micros_per_allocation: f64,
    pub(super) cpu_micros_per_channel: f64,
    pub(super) resident_bytes_per_allocation: f64,
}

/// What it says of a flood before authentication.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct FloodOutcome {
    pub(super) resident_bytes_per_source: f64,
    pub(super) cpu_micros_per_request: f64,
    pub(super) reply_bytes: u32,
}

pub(super) fn load(
    repository: &Repository,
    programs: &Programs,
    server: &RelayServer,
    plan: &Plan,
    scenario: Scenario,
    priority: Priority,
) -> Result<LoadOutcome> {
    let Scenario { clients, payload_bytes, mode } = scenario;
    let arguments = [
        "load".to_owned(),
        format!("--mode={}", mode.name()),
        format!("--clients={clients}"),
        format!("--payload-bytes={payload_bytes}"),
        format!("--millis={}", plan.millis),
        format!("--warm-up-millis={}", plan.warm_up_millis),
    ];
    generate(repository, programs, server, priority, &arguments)
}

pub(super) fn control(
    repository: &Repository,
    programs: &Programs,
    server: &RelayServer,
    plan: &Plan,
    priority: Priority,
) -> Result<ControlOutcome> {
    let arguments = ["control".to_owned(), format!("--allocations={}", plan.allocations)];
    generate(repository, programs, server, priority, &arguments)
}

pub(super) fn flood(
    repository: &Repository,
    programs: &Programs,
    server: &RelayServer,
    plan: &Plan,
    priority: Priority,
) -> Result<FloodOutcome> {
    let arguments = ["flood".to_owned(), format!("--sources={}", plan.flood_sources)];
    generate(repository, programs, server, priority, &arguments)
}

/// Runs the generator against a server, both at the priority, and reads its one line.
pub(super) fn generate<T: DeserializeOwned>(
    repository: &Repository,
    programs: &Programs,
    server: &RelayServer,
    priority: Priority,
    arguments: &[String],
) -> Result<T> {
    let arguments = [arguments, &server.arguments()].concat();
    generator::outcome(repository, &programs.generator, server.pid(), priority, &arguments)
        .with_context(|| format!("the server was {}", server.kind()))
}
