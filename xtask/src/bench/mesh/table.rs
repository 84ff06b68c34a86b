use super::plan::{Measure, Plan};
use super::step::{Connected, Idled, Kind, Readings, Transferred};
use crate::bench::spread::{Spread, cell};

/// What the middle reading of ours is held to.
#[derive(Clone, Copy, Debug)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// One figure of both kinds, reading by reading.
struct Row {
    what: String,
    ours: Vec<f64>,
    aiortc: Vec<f64>,
    digits: usize,
    goal: Option<Goal>,
}

/// The rows of one measure.
pub(super) struct Table {
    title: String,
    rows: Vec<Row>,
}

/// Until half of the connects are done.
const HALF_MILLIS_GOAL: f64 = 300.0;
/// Of resident memory, for each link.
const LINK_BYTES_GOAL: f64 = 100_000.0;
/// At the longest round trip that is measured.
const MEGABITS_GOAL: f64 = 50.0;

impl Table {
    /// As Markdown, with how it was measured above it.
    pub(super) fn text(&self, heading: &str) -> String {
        let mut lines = vec![
            heading.to_owned(),
            String::new(),
            format!("| {} | {} | {} | ratio | goal |", self.title, Kind::Ours, Kind::Aiortc),
            "|---|---|---|---|---|".to_owned(),
        ];
        lines.extend(self.rows.iter().map(Row::text));
        lines.join("\n") + "\n"
    }

    /// Every goal that the middle readings miss, as a sentence.
    pub(super) fn missed(&self) -> Vec<String> {
        self.rows.iter().filter_map(Row::missed).collect()
    }
}

impl Row {
    fn text(&self) -> String {
        let Self { what, ours, aiortc, digits, goal } = self;
        let ratio = cell(Spread::of_ratios(ours, aiortc), 3);
        let [ours, aiortc] = [ours, aiortc].map(|readings| cell(Spread::of(readings.clone()), *digits));
        let goal = match goal {
            Some(Goal::AtMost(figure)) => format!("at most {figure}"),
            Some(Goal::AtLeast(figure)) => format!("at least {figure}"),
            None => "-".to_owned(),
        };
        format!("| {what} | {ours} | {aiortc} | {ratio} | {goal} |")
    }

    fn missed(&self) -> Option<String> {
        let median = Spread::of(self.ours.clone())?.median();
        match self.goal? {
            Goal::AtMost(goal) if median > goal => Some(format!("{}: {median:.1}, not at most {goal}", self.what)),
            Goal::AtLeast(goal) if median < goal => Some(format!("{}: {median:.1}, not at least {goal}", self.what)),
            Goal::AtMost(_) | Goal::AtLeast(_) => None,
        }
    }
}

/// The table of a measure.
pub(super) fn of(measure: Measure, plan: &Plan, readings: &Readings) -> Table {
    match measure {
        Measure::Connect => connect(plan, readings),
        Measure::Idle => idle(plan, readings),
        Measure::Transfer => transfer(plan, readings),
    }
}

fn connect(plan: &Plan, readings: &Readings) -> Table {
    let row = |what: &str, part: f64, goal: Option<Goal>| {
        let figure = |connected: &Connected| quantile(&connected.millis, part);
        let [ours, aiortc] = [Kind::Ours, Kind::Aiortc]
            .map(|kind| readings.connects.get(&kind).into_iter().flatten().map(figure).collect());
        Row { what: what.to_owned(), ours, aiortc, digits: 1, goal }
    };
    let rows = vec![
        row("half within, ms", 0.5, Some(Goal::AtMost(HALF_MILLIS_GOAL))),
        row("95 % within, ms", 0.95, None),
        row("all within, ms", 1.0, None),
    ];
    Table { title: format!("{} connects in each round", plan.connects), rows }
}

fn idle(plan: &Plan, readings: &Readings) -> Table {
    let row = |what: &str, goal: Option<Goal>, figure: fn(&Idled) -> f64| {
        let [ours, aiortc] = [Kind::Ours, Kind::Aiortc]
            .map(|kind| readings.idles.get(&kind).into_iter().flatten().map(figure).collect());
        Row { what: what.to_owned(), ours, aiortc, digits: 0, goal }
    };
    let goal = Some(Goal::AtMost(LINK_BYTES_GOAL));
    let rows = vec![
        row("resident memory of each, who offered, bytes", goal, |idled| idled.offerer_resident_bytes_per_link),
        row("resident memory of each, who answered, bytes", goal, |idled| idled.answerer_resident_bytes_per_link),
        row("heap and stacks of each, who offered, bytes", None, |idled| idled.offerer_anonymous_bytes_per_link),
        row("heap and stacks of each, who answered, bytes", None, |idled| idled.answerer_anonymous_bytes_per_link),
    ];
    Table { title: format!("{} idle links", plan.links), rows }
}

fn transfer(plan: &Plan, readings: &Readings) -> Table {
    let longest = plan.round_trips.iter().max();
    let mut rows = Vec::new();
    for round_trip in plan.round_trips {
        let mut row = |what: &str, digits: usize, goal: Option<Goal>, figure: fn(&Transferred) -> f64| {
            let [ours, aiortc] = [Kind::Ours, Kind::Aiortc]
                .map(|kind| readings.transfers.get(&(*round_trip, kind)).into_iter().flatten().map(figure).collect());
            rows.push(Row { what: format!("{round_trip} ms: {what}"), ours, aiortc, digits, goal });
        };
        let goal = (Some(round_trip) == longest).then_some(Goal::AtLeast(MEGABITS_GOAL));
        row("Mbit/s", 1, goal, |t| t.bytes as f64 * 8e-6 / t.seconds);
        // Nanoseconds per byte are seconds per GB.
        row("CPU of the sender, s/GB", 1, None, |t| t.sender_cpu_nanos as f64 / t.bytes as f64);
        row("CPU of the receiver, s/GB", 1, None, |t| t.receiver_cpu_nanos as f64 / t.bytes as f64);
        row("CPU of both, s/GB", 1, None, |t| (t.sender_cpu_nanos + t.receiver_cpu_nanos) as f64 / t.bytes as f64);
    }
    Table { title: "One link kept full, by round trip".to_owned(), rows }
}

/// The smallest reading that this part of all readings does not exceed; not a number without one.
fn quantile(readings: &[f64], part: f64) -> f64 {
    let mut sorted = readings.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_reading_that_so_many_do_not_exceed() {
        let readings: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!([0.5, 0.95, 1.0].map(|part| quantile(&readings, part)), [10.0, 19.0, 20.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn ratios_are_taken_within_a_round_and_a_missed_goal_is_said() {
        let row = |ours: &[f64], goal| Row {
            what: "it".to_owned(),
            ours: ours.to_vec(),
            aiortc: vec![2.0, 20.0],
            digits: 1,
            goal: Some(goal),
        };
        let text = row(&[1.0, 10.0], Goal::AtLeast(6.0)).text();
        assert_eq!(
            text,
            "| it | 1.0 / **5.5** / 10.0 | 2.0 / **11.0** / 20.0 | 0.500 / **0.500** / 0.500 | at least 6 |"
        );
        assert_eq!(row(&[1.0], Goal::AtLeast(6.0)).missed().unwrap(), "it: 1.0, not at least 6");
        assert_eq!(row(&[7.0], Goal::AtMost(6.0)).missed().unwrap(), "it: 7.0, not at most 6");
        assert_eq!(row(&[6.0], Goal::AtMost(6.0)).missed(), None);
    }
}
