use anyhow::{Context, Result};
use sangam_testkit::http;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::peer::{Kind, Peer, Programs};
use super::plan::Plan;
use crate::bench::generator;
use crate::bench::place::Priority;
use crate::bench::running::Running;
use crate::repository::Repository;

/// What every step needs.
pub(super) struct Bench<'a> {
    pub(super) repository: &'a Repository,
    pub(super) programs: &'a Programs,
    pub(super) plan: &'a Plan,
    pub(super) priority: Priority,
}

/// What the generator says of idle connections.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct IdleOutcome {
    pub(super) resident_bytes_before: u64,
    pub(super) resident_bytes_after: u64,
    pub(super) resident_bytes_per_connection: f64,
    pub(super) anonymous_bytes_per_connection: f64,
    pub(super) cpu_micros_per_connect: f64,
}

/// The product with idle clients; `None`: not measured.
#[derive(Clone, Debug, Default)]
pub(super) struct ProductOutcome {
    pub(super) agents: Option<IdleOutcome>,
    pub(super) sessions: Option<IdleOutcome>,
}

/// What it says of echoes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct EchoOutcome {
    pub(super) echoes: u64,
    pub(super) seconds: f64,
    pub(super) cpu_nanos: u64,
}

/// What it says of deliveries to a room.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RoomOutcome {
    pub(super) deliveries: u64,
    pub(super) seconds: f64,
    pub(super) cpu_nanos: u64,
}

/// What it says of a storm.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct StormOutcome {
    pub(super) clients: u64,
    pub(super) back: u64,
    pub(super) gave_up: u64,
    pub(super) recovered: u64,
    pub(super) attempts_failed: u64,
    pub(super) attempts_timed_out: u64,
    pub(super) accept_queue_overflows: u64,
    pub(super) seconds_to_50: Option<f64>,
    pub(super) seconds_to_99: Option<f64>,
    pub(super) seconds_to_100: Option<f64>,
    pub(super) cpu_nanos: u64,
    pub(super) resident_bytes_before: u64,
    pub(super) resident_bytes_peak: u64,
}

/// What it says of clients cut at random.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct JitterOutcome {
    pub(super) expected: u64,
    pub(super) missing: u64,
    pub(super) missing_after_reset: u64,
    pub(super) missing_after_silence: u64,
    pub(super) missing_otherwise: u64,
    pub(super) duplicates: u64,
    pub(super) out_of_order: u64,
    pub(super) resets: u64,
    pub(super) silences: u64,
    pub(super) recovered_from_reset: u64,
    pub(super) recovered_from_silence: u64,
    pub(super) ended_by_server: u64,
    pub(super) cpu_nanos: u64,
}

pub(super) fn idle(bench: &Bench<'_>, kind: Kind, with_recovery: bool) -> Result<IdleOutcome> {
    let plan = bench.plan;
    let arguments = [format!("--connections={}", plan.idle_connections), format!("--readings={}", plan.idle_readings)];
    bench.on_fresh_peer(kind, with_recovery, "idle", &arguments)
}

pub(super) fn echo(bench: &Bench<'_>, kind: Kind) -> Result<EchoOutcome> {
    let plan = bench.plan;
    let arguments = [
        format!("--connections={}", plan.echo_connections),
        format!("--echoes={}", plan.echoes),
        format!("--warm-up={}", plan.echoes / 5),
    ];
    bench.on_fresh_peer(kind, false, "echo", &arguments)
}

pub(super) fn room(bench: &Bench<'_>, kind: Kind) -> Result<RoomOutcome> {
    let plan = bench.plan;
    let arguments = [
        format!("--members={}", plan.room_members),
        format!("--deliveries={}", plan.deliveries),
        format!("--warm-up={}", plan.deliveries / 5),
    ];
    bench.on_fresh_peer(kind, false, "room", &arguments)
}

pub(super) fn storm(bench: &Bench<'_>, kind: Kind) -> Result<StormOutcome> {
    let plan = bench.plan;
    let arguments =
        [format!("--clients={}", plan.storm_clients), format!("--limit-seconds={}", plan.storm_limit_seconds)];
    bench.on_fresh_peer(kind, true, "storm", &arguments)
}

pub(super) fn jitter(bench: &Bench<'_>, kind: Kind) -> Result<JitterOutcome> {
    let plan = bench.plan;
    let arguments = [
        format!("--clients={}", plan.jitter_clients),
        format!("--rooms={}", plan.jitter_rooms),
        format!("--seconds={}", plan.jitter_seconds),
        format!("--cut-every-seconds={}", plan.jitter_cut_every_seconds),
        format!("--settle-seconds={}", plan.jitter_settle_seconds),
    ];
    bench.on_fresh_peer(kind, true, "jitter", &arguments)
}

/// The whole product with idle clients of both kinds, each on a server of its own.
pub(super) fn product(bench: &Bench<'_>) -> Result<ProductOutcome> {
    let idle = |who: &str| -> Result<Option<IdleOutcome>> {
        let server = Running::start(bench.repository, &bench.programs.sangam)?;
        if who == "sessions" && !answers_socketio(&server) {
            return Ok(None);
        }
        let plan = bench.plan;
        let arguments = [
            format!("--who={who}"),
            format!("--connections={}", plan.product_connections),
            format!("--readings={}", plan.idle_readings),
        ];
        let target = [format!("--server={}", server.addr), format!("--pid={}", server.pid())];
        let arguments = [&["idle".to_owned()], &target[..], &arguments[..]].concat();
        let (repository, generator) = (bench.repository, &bench.programs.generator);
        let outcome = generator::outcome(repository, generator, server.pid(), bench.priority, &arguments);
        outcome.map(Some).with_context(|| format!("the server was sangam serve with idle {who}"))
    };
    Ok(ProductOutcome { agents: idle("agents")?, sessions: idle("sessions")? })
}

/// Whether the product opens a session of Engine.IO v4 at its main HTTP.
fn answers_socketio(server: &Running) -> bool {
    http::get(server.addr, "/socket.io/?EIO=4&transport=polling").is_ok_and(|answer| answer.status == 200)
}

impl Bench<'_> {
    /// Runs the generator against a server started for it: what one step leaves behind would weigh on the next.
    fn on_fresh_peer<T: DeserializeOwned>(
        &self,
        kind: Kind,
        with_recovery: bool,
        command: &str,
        arguments: &[String],
    ) -> Result<T> {
        let peer = Peer::start(self.repository, self.programs, kind, with_recovery)?;
        let target = [command.to_owned(), format!("--server={}", peer.addr()), format!("--pid={}", peer.pid())];
        let arguments = [&target[..], arguments].concat();
        generator::outcome(self.repository, &self.programs.generator, peer.pid(), self.priority, &arguments)
            .with_context(|| format!("the server was {kind}"))
    }
}
