use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sangam_types::Mono;

use super::early::Early;
use super::session::{MarkKind, SessionMark};
use super::{Action, Event, Options, Output};
use crate::{LinkId, PeerId};

/// Whoever is called so much later than it asked for cannot keep up.
pub(super) const LATE: Duration = Duration::from_millis(100);
/// It rests for so many times as long as it was late.
pub(super) const LATE_RESTS: u32 = 4;

/// What all peers share: who we are, what was set, the dice, the names of links, and what is to be done.
#[derive(Debug)]
pub(crate) struct Us {
    pub(crate) id: PeerId,
    pub(crate) options: Options,
    pub(crate) links: BTreeMap<LinkId, PeerId>,
    pub(crate) early: Early,
    outbox: VecDeque<Output>,
    dice: StdRng,
    life: u64,
    described: u64,
    named: u64,
}

impl Us {
    pub(crate) fn new(id: PeerId, options: Options, seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let life = dice.random();
        Self {
            id,
            options,
            links: BTreeMap::new(),
            early: Early::default(),
            outbox: VecDeque::new(),
            dice,
            life,
            described: 0,
            named: 0,
        }
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.outbox.push_back(Output::Act(action));
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.outbox.push_back(Output::Event(event));
    }

    pub(crate) fn next_output(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    pub(crate) fn name_link(&mut self, peer: &PeerId) -> LinkId {
        self.named += 1;
        let link = LinkId(self.named);
        self.links.insert(link, peer.clone());
        link
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.dice.random()
    }

    /// One of so many.
    pub(crate) fn pick(&mut self, count: usize) -> usize {
        if count < 2 { 0 } else { self.dice.random_range(0..count) }
    }

    /// Some time up to that.
    pub(crate) fn jitter(&mut self, up_to: Duration) -> Duration {
        up_to.mul_f64(self.dice.random_range(0.0..=1.0))
    }

    /// The pause before attempt `attempts + 1`: doubled each time, half of it by chance.
    pub(crate) fn pause(&mut self, attempts: u32) -> Duration {
        let doubled = self.options.retry_first.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        let pause = doubled.min(self.options.retry_max);
        pause / 2 + self.jitter(pause / 2)
    }

    /// Whether what was to be told again at `due` is told now, and when it is due next. Who is called late by more than chance
    /// cannot keep up, nor can whoever is to answer, often: it would be heard after it is of use, and cost both what they lack.
    pub(crate) fn again(&self, now: Mono, due: Mono) -> (bool, Mono) {
        let late = now.saturating_since(due);
        let pause = self.options.resend_after.max(late * LATE_RESTS);
        (late < LATE, now + pause)
    }

    /// The mark of the next description.
    pub(crate) fn mark(&mut self, session: u64, kind: MarkKind) -> SessionMark {
        self.described += 1;
        SessionMark { session, life: self.life, number: self.described, kind }
    }

    /// Whether we give way when two offers cross with one of us.
    pub(crate) fn is_polite_to(&self, peer: &PeerId) -> bool {
        self.id > *peer
    }

    pub(crate) fn deadline(&self, now: Mono) -> Mono {
        now + self.options.gather_timeout + self.options.answer_timeout
    }
}
