use std::collections::{BTreeMap, BTreeSet};

use sangam_types::Mono;

use crate::api::Deadline;
use crate::direction::Route;
use crate::id::SocketId;
use crate::room::{RoomKey, Seat};

/// What a deadline is for. At most one of each is set. What is due at the same time happens in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A socket has been silent for as long as it may.
    Silence(SocketId),
    /// A claim on this id is decided.
    Claim(Seat),
    /// This id is nobody's from now on.
    Grace(Seat),
    /// This participant has been away for as long as it may.
    Absence(Seat),
    /// This socket was lost for as long as it may.
    Return(SocketId),
    /// What is held for this route is released or dropped.
    Hold(Route),
    /// Something in this mailbox is whole or too old.
    Mail(Seat),
    /// The room's timer is told, or has run out.
    Clock(RoomKey),
}

impl Timer {
    fn reason(&self) -> &'static str {
        match self {
            Self::Silence(_) => "silence",
            Self::Claim(_) => "claim",
            Self::Grace(_) => "grace",
            Self::Absence(_) => "absence",
            Self::Return(_) => "return",
            Self::Hold(_) => "hold",
            Self::Mail(_) => "mail",
            Self::Clock(_) => "clock",
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

    /// Sets a deadline, unless the same is set for an earlier time.
    pub(crate) fn set_earlier(&mut self, timer: Timer, at: Mono) {
        if self.at(&timer).is_none_or(|before| at < before) {
            self.set(timer, at);
        }
    }

    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some((timer, at)) = self.by_timer.remove_entry(timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    pub(crate) fn at(&self, timer: &Timer) -> Option<Mono> {
        self.by_timer.get(timer).copied()
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
