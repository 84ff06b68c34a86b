use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use sangam_bench_common::process::Memory;
use serde::Serialize;

use crate::driver::{Pair, Way};
use crate::process::Kind;

/// Many links between the same two ends.
#[derive(Args)]
pub(crate) struct Idle {
    #[command(flatten)]
    kind: Kind,
    #[command(flatten)]
    way: Way,
    /// How many, after one that warms up
    #[arg(long, default_value_t = 100)]
    links: u64,
    /// How long they idle before memory is read
    #[arg(long, default_value_t = 3_000)]
    settle_millis: u64,
}

/// What each link added, by end.
#[derive(Debug, Serialize)]
pub(crate) struct Idled {
    offerer_resident_bytes_per_link: f64,
    answerer_resident_bytes_per_link: f64,
    offerer_anonymous_bytes_per_link: f64,
    answerer_anonymous_bytes_per_link: f64,
}

impl Idle {
    pub(crate) fn run(&self) -> Result<Idled> {
        let mut pair = Pair::start(&self.kind, self.way)?;
        pair.connect(0)?;
        let before = self.read(&pair)?;
        for link in 1..=self.links {
            pair.connect(link)?;
        }
        let after = self.read(&pair)?;
        // Far below 2^52: exact.
        let each = |after: u64, before: u64| (after as f64 - before as f64) / self.links as f64;
        let resident = |end: usize| each(after[end].resident, before[end].resident);
        let anonymous = |end: usize| each(after[end].anonymous, before[end].anonymous);
        Ok(Idled {
            offerer_resident_bytes_per_link: resident(0),
            answerer_resident_bytes_per_link: resident(1),
            offerer_anonymous_bytes_per_link: anonymous(0),
            answerer_anonymous_bytes_per_link: anonymous(1),
        })
    }

    fn read(&self, pair: &Pair) -> Result<[Memory; 2]> {
        thread::sleep(Duration::from_millis(self.settle_millis));
        Ok([Memory::of(pair.offerer.pid())?, Memory::of(pair.answerer.pid())?])
    }
}
