use std::collections::{BTreeMap, BTreeSet};

use sangam_types::Mono;

use crate::api::Deadline;
use crate::direction::Route;
use crate::id::{ParticipantId, SocketId};

/// What a deadline is for. At most one of each is set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A socket has been silent for as long as it may.
    Silence(SocketId),
    /// A claim on this id is decided.
    Claim(ParticipantId),
    /// This id is nobody's from now on.
    Grace(ParticipantId),
    /// What is held for this route is released or dropped.
    Hold(Route),
}

impl Timer {
    fn reason(&self) -> &'static str {
        match self {
            Self::Silence(_) => "silence",
            Self::Claim(_) => "claim",
            Self::Grace(_) => "grace",
            Self::Hold(_) => "hold",
        }
    }
}

/// All deadlines, ordered: the next is found without looking at the others.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    by_time: BTreeSet<(Mono, Timer)>,
    by_timer: BTreeMap<Timer, Mono>,
}

impl Deadlines {
    pub(crate) fn set(&mut self, timer: Timer, at: Mono) {
        if let Some(before) = self.by_timer.insert(timer.clone(), at) {
            self.by_time.remove(&(before, timer.clone()));
        }
        self.by_time.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some((timer, at)) = self.by_timer.remove_entry(timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    pub(crate) fn is_set(&self, timer: &Timer) -> bool {
        self.by_timer.contains_key(timer)
    }

    pub(crate) fn take_due(&mut self, now: Mono) -> Option<Timer> {
        if self.by_time.first()?.0 > now {
            return None;
        }
        let (_, timer) = self.by_time.pop_first()?;
        self.by_timer.remove(&timer);
        Some(timer)
    }

    pub(crate) fn next(&self) -> Option<Deadline> {
        self.by_time.first().map(|(at, timer)| Deadline { at: *at, reason: timer.reason() })
    }
}
