use super::Results;
use super::goal::Goal;
use super::plan::{Measure, Plan};
use super::step::{IdleOutcome, JitterOutcome, StormOutcome};
use super::table::{Row, Table};

/// The table of a measure.
pub(super) fn table(measure: Measure, plan: &Plan, results: &Results) -> Table {
    match measure {
        Measure::Idle => idle(plan, results),
        Measure::Echo => echo(plan, results),
        Measure::Room => room(plan, results),
        Measure::Storm => storm(plan, results),
        Measure::Jitter => jitter(plan, results),
    }
}

/// Of our resident memory, for each connection: half of what Node's server took when it was first measured.
const CONNECTION_BYTES_GOAL: f64 = 8_500.0;
/// CPU for each echo, against Node's.
const ECHO_GOAL: f64 = 0.55;
/// CPU for each delivery to a room, against Node's.
const DELIVERY_GOAL: f64 = 0.4;
/// Until the last client of a storm is back.
const STORM_SECONDS_GOAL: f64 = 10.0;
/// Of what was said to clients that came back within the time for recovery.
const DELIVERED_PERCENT_GOAL: f64 = 100.0;

/// Rows of one pair of readings.
struct Pair<'a, T> {
    ours: &'a [T],
    node: &'a [T],
}

impl<T> Pair<'_, T> {
    fn row(&self, what: impl Into<String>, digits: usize, goal: Option<Goal>, figure: impl Fn(&T) -> f64) -> Row {
        let [ours, node] = [self.ours, self.node].map(|outcomes| outcomes.iter().map(&figure).collect());
        Row { what: what.into(), ours, node, digits, goal }
    }
}

fn idle(plan: &Plan, results: &Results) -> Table {
    let pair = Pair { ours: &results.first.idle, node: &results.node.idle };
    let recovery = Pair { ours: &results.first.idle_with_recovery, node: &results.node.idle_with_recovery };
    let goal = Some(Goal::AtMost(CONNECTION_BYTES_GOAL));
    let resident = |idle: &IdleOutcome| idle.resident_bytes_per_connection;
    let mut rows = vec![
        pair.row("resident memory of each, bytes", 0, goal, resident),
        pair.row("heap and stacks of each, bytes", 0, None, |idle| idle.anonymous_bytes_per_connection),
        pair.row("resident memory of the process without them, MB", 1, None, |o| megabytes(o.resident_bytes_before)),
        pair.row("with them, MB", 1, None, |o| megabytes(o.resident_bytes_after)),
        pair.row("CPU for each connect, µs", 0, None, |idle| idle.cpu_micros_per_connect),
        recovery.row("with state recovery on: resident memory of each, bytes", 0, goal, resident),
        recovery.row("with state recovery on: heap and stacks of each, bytes", 0, None, |idle| {
            idle.anonymous_bytes_per_connection
        }),
    ];
    let mut notes = Vec::new();
    let count = plan.product_connections;
    for (clients, outcome) in [
        (format!("{count} JSON agents, registered"), &results.product.agents),
        (format!("{count} Socket.IO clients in sessions of ten"), &results.product.sessions),
    ] {
        let Some(outcome) = outcome else {
            notes.push(format!("`sangam serve` with {clients}: not measured{}.", why_not(results)));
            continue;
        };
        let of_product = Pair { ours: std::slice::from_ref(outcome), node: &[] };
        rows.push(of_product.row(
            format!("`sangam serve`, {clients}: resident memory of each, bytes"),
            0,
            None,
            resident,
        ));
    }
    Table { title: format!("{} idle connections", plan.idle_connections), rows, notes }
}

/// Why a row of the product is missing.
fn why_not(results: &Results) -> &'static str {
    if results.product.agents.is_some() { ", because its main HTTP does not answer at `/socket.io/`" } else { "" }
}

fn echo(plan: &Plan, results: &Results) -> Table {
    let pair = Pair { ours: &results.first.echo, node: &results.node.echo };
    let goal = Some(Goal::RatioAtMost(ECHO_GOAL));
    let rows = vec![
        pair.row("CPU for each echo, µs", 2, goal, |echo| per(echo.cpu_nanos, echo.echoes) / 1e3),
        pair.row("echoes/s", 0, None, |echo| echo.echoes as f64 / echo.seconds),
        pair.row("server busy, %", 0, None, |echo| busy_percent(echo.cpu_nanos, echo.seconds)),
    ];
    Table { title: format!("{} echoes, {} connections", plan.echoes, plan.echo_connections), rows, notes: Vec::new() }
}

fn room(plan: &Plan, results: &Results) -> Table {
    let pair = Pair { ours: &results.first.room, node: &results.node.room };
    let goal = Some(Goal::RatioAtMost(DELIVERY_GOAL));
    let rows = vec![
        pair.row("CPU for each delivery, µs", 2, goal, |room| per(room.cpu_nanos, room.deliveries) / 1e3),
        pair.row("deliveries/s", 0, None, |room| room.deliveries as f64 / room.seconds),
        pair.row("server busy, %", 0, None, |room| busy_percent(room.cpu_nanos, room.seconds)),
    ];
    Table { title: format!("{} deliveries, {} members", plan.deliveries, plan.room_members), rows, notes: Vec::new() }
}

fn storm(plan: &Plan, results: &Results) -> Table {
    let pair = Pair { ours: &results.first.storm, node: &results.node.storm };
    let never = |seconds: Option<f64>| seconds.unwrap_or(f64::INFINITY);
    let goal = Some(Goal::AtMost(STORM_SECONDS_GOAL));
    let rows = vec![
        pair.row("until 50 % are back, s", 2, None, |storm| never(storm.seconds_to_50)),
        pair.row("until 99 % are back, s", 2, None, |storm| never(storm.seconds_to_99)),
        pair.row("until all are back, s", 2, goal, |storm| never(storm.seconds_to_100)),
        pair.row("not back in the end", 0, None, |storm| (storm.clients - storm.back) as f64),
        pair.row("clients that gave up", 0, None, |storm| storm.gave_up as f64),
        pair.row("sessions recovered, %", 2, None, |storm| percent(storm.recovered, storm.clients)),
        pair.row("attempts that failed", 0, None, |storm| storm.attempts_failed as f64),
        pair.row("of these out of time", 0, None, |storm| storm.attempts_timed_out as f64),
        pair.row("packets dropped at a full accept queue", 0, None, |storm| storm.accept_queue_overflows as f64),
        pair.row("CPU of the server for each client, µs", 0, None, cpu_micros_per_client),
        pair.row("resident memory before the cut, MB", 1, None, |storm| megabytes(storm.resident_bytes_before)),
        pair.row("at its peak after the cut, MB", 1, None, |storm| megabytes(storm.resident_bytes_peak)),
    ];
    let notes = vec![format!("`inf`: not within {} s.", plan.storm_limit_seconds)];
    Table { title: format!("{} clients cut at once", plan.storm_clients), rows, notes }
}

fn cpu_micros_per_client(storm: &StormOutcome) -> f64 {
    per(storm.cpu_nanos, storm.clients) / 1e3
}

fn jitter(plan: &Plan, results: &Results) -> Table {
    let pair = Pair { ours: &results.first.jitter, node: &results.node.jitter };
    let goal = Some(Goal::AtLeast(DELIVERED_PERCENT_GOAL));
    let none = Some(Goal::AtMost(0.0));
    let rows = vec![
        pair.row("delivered, %", 3, goal, |jitter| percent(jitter.expected - jitter.missing, jitter.expected)),
        pair.row("missing after a reset", 0, None, |jitter| jitter.missing_after_reset as f64),
        pair.row("missing after a silence", 0, None, |jitter| jitter.missing_after_silence as f64),
        pair.row("missing otherwise", 0, None, |jitter| jitter.missing_otherwise as f64),
        pair.row("delivered twice", 0, none, |jitter| jitter.duplicates as f64),
        pair.row("delivered out of order", 0, none, |jitter| jitter.out_of_order as f64),
        pair.row("sessions recovered after a reset, %", 1, None, |j| percent(j.recovered_from_reset, j.resets)),
        pair.row("sessions recovered after a silence, %", 1, None, |j| percent(j.recovered_from_silence, j.silences)),
        pair.row("ended by the server itself", 0, None, |jitter| jitter.ended_by_server as f64),
        pair.row("CPU for each delivery, µs", 1, None, |jitter| per(jitter.cpu_nanos, jitter.expected) / 1e3),
    ];
    let cuts = |jitter: &JitterOutcome| jitter.resets + jitter.silences;
    let both = [pair.ours, pair.node].map(|jitters| jitters.iter().map(cuts).sum::<u64>());
    let notes = vec![format!("{} cuts on the left, {} on the right, all rounds together.", both[0], both[1])];
    Table { title: format!("{} clients, {} rooms", plan.jitter_clients, plan.jitter_rooms), rows, notes }
}

fn per(nanos: u64, count: u64) -> f64 {
    // Far below 2^52: exact.
    nanos as f64 / count as f64
}

fn busy_percent(cpu_nanos: u64, seconds: f64) -> f64 {
    cpu_nanos as f64 / 1e7 / seconds
}

/// Of nothing, all.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 100.0 } else { 100.0 * part as f64 / whole as f64 }
}

/// In units of 10^6 bytes.
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
