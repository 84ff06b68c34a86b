use std::collections::BTreeSet;

use sangam_types::Mono;

use crate::api::{AllocationKey, Deadline, RequestId};
use crate::reservation::ReservationToken;

/// What ends by itself. Permissions and channels do not stand here: whoever uses one looks at its expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// An allocation's lifetime.
    Allocation(AllocationKey),
    /// The wait for a relay socket.
    Opening(AllocationKey),
    /// The time that a port is kept for a later allocation.
    Reservation(ReservationToken),
    /// The wait for a key.
    Request(RequestId),
}

/// Deadlines in order. Each is set once and cancelled or taken once, so it is never larger than what it watches.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    set: BTreeSet<(Mono, Timer)>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Mono, timer: Timer) {
        self.set.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, at: Mono, timer: Timer) {
        self.set.remove(&(at, timer));
    }

    /// Takes one whose time has come.
    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<Timer> {
        self.set.first().filter(|(at, _)| *at <= now)?;
        self.set.pop_first().map(|(_, timer)| timer)
    }

    pub(crate) fn next(&self) -> Option<Deadline> {
        let &(at, timer) = self.set.first()?;
        let reason = match timer {
            Timer::Allocation(_) => "an allocation's lifetime",
            Timer::Opening(_) => "the wait for a relay socket",
            Timer::Reservation(_) => "a reservation's lifetime",
            Timer::Request(_) => "the wait for a key",
        };
        Some(Deadline { at, reason })
    }
}
