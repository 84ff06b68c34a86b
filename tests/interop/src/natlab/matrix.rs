use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use sangam_testkit::network::{Impairment, Place, SiteKind};

use super::{Help, Lab, PairOutcome, PeerKind, Policy, Side};

/// Calls between sites of many kinds, each pair of them.
#[derive(Debug)]
pub struct Matrix {
    /// The kinds; each is also paired with another one of its own.
    pub kinds: Vec<SiteKind>,
    /// The caller's program and that of the called.
    pub peers: [PeerKind; 2],
    /// What they are told about the relay, one table part each.
    pub helps: Vec<Help>,
    /// Calls of each pair; every other one goes the other way.
    pub runs: u32,
    /// What the link of each site does; none: a plain cable.
    pub impairment: Option<Impairment>,
    /// How long a call may take.
    pub limit: Duration,
    /// Pairs that call at the same time. Calls with a relayed pair wait three seconds for a better one, so that a few at a time
    /// cost little of each other's time.
    pub parallel: usize,
}

/// The calls of one pair.
#[derive(Debug)]
pub struct Row {
    /// The kinds of their sites.
    pub kinds: [SiteKind; 2],
    /// What they were told.
    pub help: Help,
    /// How they went.
    pub outcomes: Vec<PairOutcome>,
}

impl Matrix {
    /// Makes every call; each row is shown as soon as it and those before it are there.
    ///
    /// # Errors
    /// The lab cannot be built, or a peer cannot be started: a call that fails is no error.
    pub fn run(&self, mut seen: impl FnMut(&Row)) -> Result<Vec<Row>> {
        let lab = Lab::start()?;
        let mut places = BTreeMap::new();
        for (number, &kind) in (1..).zip(&self.kinds) {
            let place = |side, number| lab.place(&format!("{kind}{side}"), kind, number, self.impairment);
            places.insert(kind, [place("a", number)?, place("b", number + 100)?]);
        }
        let (jobs, next) = (self.jobs(), AtomicUsize::new(0));
        let (done, results) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..self.parallel.max(1) {
                let done = done.clone();
                scope.spawn(|| {
                    let done = done;
                    while let Some((at, (help, [one, other]))) = take(&next, &jobs) {
                        let row = self.row(&lab, [&places[&one][0], &places[&other][1]], help);
                        done.send((at, row)).ok();
                    }
                });
            }
            drop(done);
            in_order(results, &mut seen)
        })
    }

    /// Every pair of kinds, by what they are told.
    fn jobs(&self) -> Vec<(Help, [SiteKind; 2])> {
        let kinds = &self.kinds;
        let pairs = || (0..kinds.len()).flat_map(|at| kinds[at..].iter().map(move |other| [kinds[at], *other]));
        self.helps.iter().flat_map(|help| pairs().map(|pair| (*help, pair))).collect()
    }

    fn row(&self, lab: &Lab, places: [&Place; 2], help: Help) -> Result<Row> {
        let kinds = places.map(Place::kind);
        let outcomes = (0..self.runs).map(|run| {
            let places = if run % 2 == 0 { places } else { [places[1], places[0]] };
            let [caller, called] = self.peers;
            let sides = [Side { place: places[0], peer: caller }, Side { place: places[1], peer: called }];
            lab.call(sides, help, Policy::All, self.limit)
        });
        Ok(Row { kinds, help, outcomes: outcomes.collect::<Result<_>>()? })
    }
}

/// The next of the jobs that nobody has taken, with its number.
fn take<T: Copy>(next: &AtomicUsize, jobs: &[T]) -> Option<(usize, T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, *jobs.get(at)?))
}

/// Shows rows in the order of their numbers, whichever comes first.
fn in_order(results: mpsc::Receiver<(usize, Result<Row>)>, seen: &mut impl FnMut(&Row)) -> Result<Vec<Row>> {
    let (mut waiting, mut rows) = (BTreeMap::new(), Vec::new());
    for (at, row) in results {
        waiting.insert(at, row?);
        while let Some(row) = waiting.remove(&rows.len()) {
            seen(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// How the calls of many rows went together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Calls in all.
    pub calls: usize,
    /// Those that went as the kinds of site make them go.
    pub expected: usize,
    /// Those that connected.
    pub connected: usize,
    /// Connect times of those: the median, the 95th percentile (nearest rank), the slowest.
    pub times: Option<[Duration; 3]>,
}

impl Summary {
    /// Of the rows of one kind of help.
    #[must_use]
    pub fn of(rows: &[Row], help: Help) -> Self {
        let of_help = || rows.iter().filter(|row| row.help == help);
        let calls = || of_help().flat_map(|row| &row.outcomes);
        let mut times: Vec<Duration> = calls().filter_map(|call| call.connect_time).collect();
        times.sort_unstable();
        let rank = |percent: usize| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        let as_expected = |row: &Row| row.outcomes.iter().filter(|it| it.is_as_expected(row.kinds, row.help)).count();
        Self {
            calls: calls().count(),
            expected: of_help().map(as_expected).sum(),
            connected: calls().filter(|call| call.connected).count(),
            times: rank(50).zip(rank(95)).zip(rank(100)).map(|((median, p95), slowest)| [median, p95, slowest]),
        }
    }

    /// As a line of text.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { calls, expected, connected, times } = self;
        let times = times.map_or_else(String::new, |times| {
            let [median, p95, slowest] = times.map(|time| time.as_millis());
            format!("; ms until connected: median {median}, 95th percentile {p95}, slowest {slowest}")
        });
        format!("{connected} of {calls} calls connected, {expected} went as expected{times}")
    }
}

impl Row {
    /// Whether every call went as the kinds of site make it go.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.is_as_expected(self.kinds, self.help))
    }

    /// The first line of a table of rows, and the line below it.
    pub const HEAD: &'static str = "| pair | told of | connected | direct | ms, median | ms, slowest | candidates | why no direct way | as expected |\n\
                                    |---|---|---|---|---|---|---|---|---|";

    /// As a line of a Markdown table.
    #[must_use]
    pub fn line(&self) -> String {
        let calls = self.outcomes.len();
        let count = |is: fn(&PairOutcome) -> bool| self.outcomes.iter().filter(|outcome| is(outcome)).count();
        let (connected, direct) = (count(|outcome| outcome.connected), count(|outcome| outcome.direct));
        let mut millis: Vec<u128> =
            self.outcomes.iter().filter_map(|it| it.connect_time).map(|it| it.as_millis()).collect();
        millis.sort_unstable();
        let or_dash = |value: Option<&u128>| value.map_or_else(|| "-".to_owned(), ToString::to_string);
        let (median, slowest) = (or_dash(millis.get(millis.len() / 2)), or_dash(millis.last()));
        let mut ways: Vec<&str> =
            self.outcomes.iter().filter_map(|it| it.pair.as_deref().or(it.failure.as_deref())).collect();
        ways.sort_unstable();
        ways.dedup();
        let [one, other] = self.kinds;
        let obstacle = one.direct_obstacle(other).unwrap_or("-");
        let told = match self.help {
            Help::Relay => "relay",
            Help::StunOnly => "STUN",
        };
        let verdict = if self.is_as_expected() { "yes" } else { "**no**" };
        let mut line = format!("| {one} - {other} | {told} | {connected} of {calls} | {direct} of {calls} ");
        let rest = format!("| {median} | {slowest} | {} | {obstacle} | {verdict} |", ways.join(", "));
        line.write_str(&rest).ok();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(millis: &[u64]) -> Row {
        let outcome = |ms: &u64| PairOutcome {
            connected: true,
            direct: true,
            connect_time: Some(Duration::from_millis(*ms)),
            pair: None,
            pair_at_first: None,
            failure: None,
        };
        Row { kinds: [SiteKind::Public; 2], help: Help::Relay, outcomes: millis.iter().map(outcome).collect() }
    }

    #[test]
    fn rows_are_shown_in_order_whichever_comes_first() {
        let (done, results) = mpsc::channel();
        for at in [2, 0, 1] {
            done.send((at, Ok(row(&[at as u64])))).unwrap();
        }
        drop(done);
        let mut shown = Vec::new();
        in_order(results, &mut |row| shown.push(row.outcomes[0].connect_time.unwrap().as_millis())).unwrap();
        assert_eq!(shown, [0, 1, 2]);
    }

    #[test]
    fn a_summary_has_the_percentiles_of_all_rows_of_one_kind_of_help() {
        let all: Vec<u64> = (1..=100).collect();
        let (low, high) = all.split_at(50);
        let mut rows = vec![row(high), row(low)];
        rows.push(Row { help: Help::StunOnly, ..row(&[5000]) });
        let summary = Summary::of(&rows, Help::Relay);
        assert_eq!((summary.calls, summary.connected, summary.expected), (100, 100, 100));
        assert_eq!(summary.times.map(|times| times.map(|time| time.as_millis())), Some([50, 95, 100]));
        assert_eq!(Summary::of(&[], Help::Relay).times, None);
    }
}
