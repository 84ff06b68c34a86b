use std::collections::BTreeMap;
use std::fmt::Write as _;
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
    /// Makes every call; each row is shown as soon as it is there.
    ///
    /// # Errors
    /// The lab cannot be built, or a peer cannot be started: a call that fails is no error.
    pub fn run(&self, mut seen: impl FnMut(&Row)) -> Result<Vec<Row>> {
        let mut lab = Lab::start()?;
        let mut places = BTreeMap::new();
        for (number, &kind) in (1..).zip(&self.kinds) {
            let place = |side, number| lab.place(&format!("{kind}{side}"), kind, number, self.impairment);
            places.insert(kind, [place("a", number)?, place("b", number + 100)?]);
        }
        let mut rows = Vec::new();
        for &help in &self.helps {
            for (at, &one) in self.kinds.iter().enumerate() {
                for &other in &self.kinds[at..] {
                    let row = self.row(&mut lab, [&places[&one][0], &places[&other][1]], help)?;
                    seen(&row);
                    rows.push(row);
                }
            }
        }
        Ok(rows)
    }

    fn row(&self, lab: &mut Lab, places: [&Place; 2], help: Help) -> Result<Row> {
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
