use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sangam_net::Waker;

#[cfg(test)]
use crate::fault::Faults;
use crate::figures::Values;
use crate::handover::Handover;
use crate::incarnation::Incarnation;
use crate::mailbox::Mailbox;
use crate::orders::Order;
use crate::stream_listener::Arrival;

/// One thread as the others see it, whichever life of it runs: what is here outlives them all.
#[derive(Debug)]
pub(crate) struct ThreadFace {
    pub(crate) waker: Arc<Waker>,
    pub(crate) inbox: Arc<Mailbox<Handover>>,
    pub(crate) arrivals: Mailbox<Arrival>,
    pub(crate) orders: Mailbox<Order>,
    /// Whether the thread is to look which of its sessions' credentials are still good.
    pub(crate) recheck_credentials: AtomicBool,
    /// Locked by scrapes, checks and the supervisor; never by the thread itself.
    record: Mutex<Record>,
    #[cfg(test)]
    pub(crate) faults: Faults,
}

#[derive(Debug)]
struct Record {
    condition: Condition,
    /// What earlier lives have counted.
    past: Values,
    current: Option<Arc<Incarnation>>,
}

/// How one thread is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It runs, as far as its supervisor knows.
    Runs,
    /// It has ended, or hung and was superseded, and the next life has not begun.
    Replaced {
        /// How it came to that.
        cause: String,
    },
    /// It hangs, and so many others have hung before that it is not replaced.
    Stuck,
}

impl ThreadFace {
    /// A thread that has not begun, with room for so many handovers, connections and orders that wait for it.
    pub(crate) fn new(waker: Arc<Waker>, handovers_max: usize, arrivals_max: usize, orders_max: usize) -> Self {
        let record = Record { condition: Condition::Runs, past: Values::zero(), current: None };
        Self {
            waker,
            inbox: Arc::new(Mailbox::new(handovers_max)),
            arrivals: Mailbox::new(arrivals_max),
            orders: Mailbox::new(orders_max),
            recheck_credentials: AtomicBool::new(false),
            record: Mutex::new(record),
            #[cfg(test)]
            faults: Faults::default(),
        }
    }

    /// Makes `life` the one that the queues and the figures belong to.
    pub(crate) fn begin_life(&self, life: &Arc<Incarnation>) {
        self.inbox.pass_to(life.owner);
        self.arrivals.pass_to(life.owner);
        self.orders.pass_to(life.owner);
        let mut record = self.record();
        record.condition = Condition::Runs;
        record.current = Some(Arc::clone(life));
    }

    /// Keeps what the life that is over has counted, and says what it had when it was last heard of.
    pub(crate) fn end_life(&self, cause: String) -> Option<(Arc<Incarnation>, Values)> {
        let mut record = self.record();
        record.condition = Condition::Replaced { cause };
        let life = record.current.take()?;
        let last = life.figures.read();
        record.past.add(&last.clone().without_gauges());
        Some((life, last))
    }

    pub(crate) fn set_condition(&self, condition: Condition) {
        self.record().condition = condition;
    }

    pub(crate) fn condition(&self) -> Condition {
        self.record().condition.clone()
    }

    /// What all its lives have counted, and what the one that runs has.
    pub(crate) fn values(&self) -> Values {
        let record = self.record();
        let mut values = record.past.clone();
        if let Some(current) = &record.current {
            values.add(&current.figures.read());
        }
        values
    }

    pub(crate) fn allocations_live(&self) -> u64 {
        self.record().current.as_ref().map_or(0, |life| life.figures.allocations_live())
    }

    /// Which life runs, and how often it has turned; another number after each wake.
    pub(crate) fn heartbeat(&self) -> Option<(u16, u64)> {
        self.record().current.as_ref().map(|life| (life.owner.life, life.figures.heartbeat()))
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::{Counter, Counters};
    use crate::incarnation::Owner;

    #[test]
    fn counters_go_on_where_the_last_life_ended_and_what_it_had_is_gone() {
        let face = ThreadFace::new(Arc::new(Waker::new().unwrap()), 1, 1, 1);
        let lives = [0, 1].map(|life| Incarnation::new(Owner { thread: 0, life }));
        let mut stats = sangam_turn_proto::Stats::default();
        (stats.allocations_live, stats.allocations_begun) = (3, 8);
        let mut counters = Counters::new();
        counters.set(Counter::PortsInUse, 4);
        counters.set(Counter::Connections, 2);
        face.begin_life(&lives[0]);
        lives[0].figures.publish(&stats, &counters);
        let (_, last) = face.end_life("a defect".to_owned()).unwrap();
        assert_eq!((last.allocations_live(), last.ports_in_use(), last.connections()), (3, 4, 2));
        let snapshot = || crate::figures::snapshot([face.values()]);
        let figures = |of: &sangam_telemetry::metrics::relay::RelaySnapshot| {
            (of.allocations, of.allocations_created, of.ports_in_use, of.connections)
        };
        assert_eq!(figures(&snapshot()), (0, 8, 0, 0));
        face.begin_life(&lives[1]);
        stats.allocations_begun = 1;
        lives[1].figures.publish(&stats, &Counters::new());
        assert_eq!(figures(&snapshot()), (3, 9, 0, 0));
        lives[0].figures.publish(&stats, &counters);
        assert_eq!(figures(&snapshot()), (3, 9, 0, 0), "a life that is over counts no more");
    }
}
