use super::Results;
use super::plan::Scenario;
use super::server::{Kind, goal};
use super::step::{ControlOutcome, FloodOutcome, LoadOutcome};
use crate::bench::place::Priority;
use crate::bench::spread::{Spread, cell};

/// Loss above this is no longer none: a closed loop loses a few packets when it starts.
const LOSS_PERCENT_MAX: f64 = 0.01;
/// Of our memory, for each allocation.
const ALLOCATION_BYTES_GOAL: f64 = 3_000.0;
/// Allocations a second, against coturn's.
const ALLOCATION_RATE_GOAL: f64 = 1.5;
/// Kept for each source of a flood: a page or two that the allocator took meanwhile, spread over all of them.
const SOURCE_BYTES_MAX: f64 = 2.0;

/// What a row is called and where its figure stands.
type Row<T> = (&'static str, fn(&T) -> f64);

/// All tables as Markdown.
pub(super) fn text(command: &str, priority: Priority, versions: &str, results: &Results) -> String {
    let mut lines = vec![
        format!("{command}, {versions}; server on core 1, generator on core 0, {priority}:"),
        String::new(),
        "CPU of the server for each delivered packet, ns: min / **median** / max. Ratios are taken pair by pair, within \
         a round."
            .to_owned(),
        String::new(),
        "| scenario | sangam | coturn | floor | sangam / coturn | sangam / floor | packets/s: sangam, coturn, floor | \
         loss %: sangam, coturn, floor | server busy % |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(scenarios(results).into_iter().map(|scenario| load_row(results, scenario)));
    lines.extend(["".to_owned(), "| control plane | sangam | coturn | sangam / coturn |".to_owned()]);
    lines.push("|---|---|---|---|".to_owned());
    let of_control: [Row<ControlOutcome>; 4] = [
        ("allocations/s, two round trips each", |o| o.allocations_per_second),
        ("CPU for each allocation, µs", |o| o.cpu_micros_per_allocation),
        ("CPU for each channel bound, µs", |o| o.cpu_micros_per_channel),
        ("resident memory for each allocation, bytes", |o| o.resident_bytes_per_allocation),
    ];
    lines.extend(of_control.map(|(what, figure)| {
        row(
            what,
            readings(results.control.get(&Kind::Ours), figure),
            readings(results.control.get(&Kind::Coturn), figure),
        )
    }));
    let of_flood: [Row<FloodOutcome>; 3] = [
        ("flood: resident memory for each source, bytes", |o| o.resident_bytes_per_source),
        ("flood: CPU for each request, µs", |o| o.cpu_micros_per_request),
        ("flood: reply to 28 bytes, bytes", |o| f64::from(o.reply_bytes)),
    ];
    lines.extend(of_flood.map(|(what, figure)| {
        row(what, readings(results.flood.get(&Kind::Ours), figure), readings(results.flood.get(&Kind::Coturn), figure))
    }));
    lines.join("\n") + "\n"
}

/// Every goal that the medians miss, as a sentence.
pub(super) fn missed_goals(results: &Results) -> Vec<String> {
    let mut missed = Vec::new();
    for scenario in scenarios(results) {
        let ours = loads(results, scenario, Kind::Ours, LoadOutcome::nanos_per_packet);
        let ratio = Spread::of_ratios(&ours, &loads(results, scenario, Kind::Coturn, LoadOutcome::nanos_per_packet));
        let goal = goal(scenario.mode);
        if let Some(ratio) = ratio.filter(|ratio| ratio.median() > goal) {
            missed.push(format!("{scenario}: {:.2} x coturn, not {goal:.1}", ratio.median()));
        }
        let loss = Spread::of(loads(results, scenario, Kind::Ours, LoadOutcome::loss_percent));
        if let Some(loss) = loss.filter(|loss| loss.median() > LOSS_PERCENT_MAX) {
            missed.push(format!("{scenario}: {:.3} % lost", loss.median()));
        }
    }
    let (ours, coturn) = (results.control.get(&Kind::Ours), results.control.get(&Kind::Coturn));
    let rate = Spread::of_ratios(
        &readings(ours, |o| o.allocations_per_second),
        &readings(coturn, |o| o.allocations_per_second),
    );
    if let Some(rate) = rate.filter(|rate| rate.median() < ALLOCATION_RATE_GOAL) {
        missed.push(format!("allocations/s: {:.2} x coturn, not {ALLOCATION_RATE_GOAL}", rate.median()));
    }
    let memory = Spread::of(readings(ours, |o| o.resident_bytes_per_allocation));
    if let Some(memory) = memory.filter(|memory| memory.median() > ALLOCATION_BYTES_GOAL) {
        missed.push(format!("{:.0} bytes for each allocation, not {ALLOCATION_BYTES_GOAL}", memory.median()));
    }
    let kept = Spread::of(readings(results.flood.get(&Kind::Ours), |o| o.resident_bytes_per_source));
    if let Some(kept) = kept.filter(|kept| kept.median() > SOURCE_BYTES_MAX) {
        missed.push(format!("{:.0} bytes kept for each spoofed source", kept.median()));
    }
    missed
}

fn scenarios(results: &Results) -> Vec<Scenario> {
    results.loads.keys().filter(|(_, kind)| *kind == Kind::Ours).map(|(scenario, _)| *scenario).collect()
}

fn load_row(results: &Results, scenario: Scenario) -> String {
    const KINDS: [Kind; 3] = [Kind::Ours, Kind::Coturn, Kind::Floor];
    let of = |figure: fn(&LoadOutcome) -> f64| KINDS.map(|kind| loads(results, scenario, kind, figure));
    let medians = |figure, digits: usize| {
        let each = of(figure).map(|readings| {
            Spread::of(readings).map_or_else(|| "-".to_owned(), |spread| format!("{:.digits$}", spread.median()))
        });
        each.join(", ")
    };
    let [ours, coturn, floor] = of(LoadOutcome::nanos_per_packet);
    let (to_coturn, to_floor) = (cell(Spread::of_ratios(&ours, &coturn), 2), cell(Spread::of_ratios(&ours, &floor), 2));
    let [ours, coturn, floor] = [ours, coturn, floor].map(|readings| cell(Spread::of(readings), 0));
    let (rates, losses) = (medians(LoadOutcome::packets_per_second, 0), medians(LoadOutcome::loss_percent, 3));
    let busy = medians(LoadOutcome::busy_percent, 0);
    format!("| {scenario} | {ours} | {coturn} | {floor} | {to_coturn} | {to_floor} | {rates} | {losses} | {busy} |")
}

fn row(what: &str, ours: Vec<f64>, coturn: Vec<f64>) -> String {
    let ratio = cell(Spread::of_ratios(&ours, &coturn), 2);
    format!("| {what} | {} | {} | {ratio} |", cell(Spread::of(ours), 1), cell(Spread::of(coturn), 1))
}

fn loads(results: &Results, scenario: Scenario, kind: Kind, figure: impl Fn(&LoadOutcome) -> f64) -> Vec<f64> {
    readings(results.loads.get(&(scenario, kind)), figure)
}

fn readings<T>(outcomes: Option<&Vec<T>>, figure: impl Fn(&T) -> f64) -> Vec<f64> {
    outcomes.into_iter().flatten().map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::relay::plan::Mode;

    fn results(ours: &[u64], coturn: &[u64]) -> Results {
        let mut results = Results::default();
        let scenario = Scenario { clients: 64, payload_bytes: 160, mode: Mode::Up };
        for (kind, nanos) in [(Kind::Ours, ours), (Kind::Coturn, coturn)] {
            let outcome = |&nanos| LoadOutcome { seconds: 1.0, packets: 10, cpu_nanos: nanos * 10, sent: 10, lost: 0 };
            results.loads.insert((scenario, kind), nanos.iter().map(outcome).collect());
        }
        results
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine slows down for all in the second round: the ratio does not.
        let row = text("", Priority::Ordinary, "", &results(&[100, 900, 110], &[200, 1_800, 200]));
        assert!(row.contains("| 0.50 / **0.50** / 0.55 | - |"), "{row}");
    }

    #[test]
    fn a_missed_goal_is_said_and_a_met_one_is_not() {
        assert_eq!(missed_goals(&results(&[100], &[100])), Vec::<String>::new());
        assert_eq!(missed_goals(&results(&[150], &[100])), ["up, 64 clients, 160 bytes: 1.50 x coturn, not 1.0"]);
    }
}
