use std::collections::HashMap;
use std::sync::Arc;

use sangam_sync_proto::Name;

use crate::options::Streams;

use super::topic::Topic;
use super::{Listener, Wire};

/// The topics that have streams, and how many streams there are.
#[derive(Debug, Default)]
pub(super) struct Hall {
    topics: HashMap<Name, Seats>,
    open: Open,
    next_id: u64,
    /// Nobody may join any more.
    pub(super) stopping: bool,
    /// The distributor was started.
    pub(super) distributed: bool,
}

#[derive(Debug)]
struct Seats {
    topic: Arc<Topic>,
    open: Open,
}

/// Open streams of each kind.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    sse: usize,
    websocket: usize,
}

/// Why a stream is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotJoined {
    /// As many are open as may be.
    #[error("as many streams are open as may be; try again later")]
    Full,
    /// The same, of this database.
    #[error("as many streams of this database are open as may be; try again later")]
    DatabaseFull,
    /// The server stops.
    #[error("the server is stopping; try another, or this one later")]
    Stopping,
}

impl Hall {
    pub(super) fn topic(&self, db: &Name) -> Option<Arc<Topic>> {
        self.topics.get(db).map(|seats| Arc::clone(&seats.topic))
    }

    pub(super) fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics.values().map(|seats| Arc::clone(&seats.topic)).collect()
    }

    /// Who joins from now on finds another topic.
    pub(super) fn forget(&mut self, db: &Name) -> Option<Arc<Topic>> {
        let seats = self.topics.remove(db)?;
        self.open.sse -= seats.open.sse.min(self.open.sse);
        self.open.websocket -= seats.open.websocket.min(self.open.websocket);
        Some(seats.topic)
    }

    pub(super) fn take_place(&mut self, listener: &Listener, limits: &Streams) -> Result<(Arc<Topic>, u64), NotJoined> {
        if self.stopping {
            return Err(NotJoined::Stopping);
        }
        let max = match listener.wire {
            Wire::Sse => limits.sse_max,
            Wire::WebSocket => limits.websocket_max,
        };
        if *self.open.of(listener.wire) >= max {
            return Err(NotJoined::Full);
        }
        let of_database = self.topics.get_mut(&listener.db).map_or(0, |seats| *seats.open.of(listener.wire));
        if of_database >= limits.per_database_max {
            return Err(NotJoined::DatabaseFull);
        }
        let topic =
            || Seats { topic: Arc::new(Topic::new(&listener.db, limits.queue_bytes_max)), open: Open::default() };
        let seats = self.topics.entry(Arc::clone(&listener.db)).or_insert_with(topic);
        *seats.open.of(listener.wire) += 1;
        *self.open.of(listener.wire) += 1;
        self.next_id += 1;
        Ok((Arc::clone(&seats.topic), self.next_id))
    }

    /// A stream of that topic is no more. Places of a forgotten topic were given back with it.
    pub(super) fn give_back(&mut self, topic: &Arc<Topic>, wire: Wire) {
        let Some(seats) = self.topics.get_mut(&topic.db) else { return };
        if !Arc::ptr_eq(&seats.topic, topic) {
            return;
        }
        let of_database = seats.open.of(wire);
        *of_database = of_database.saturating_sub(1);
        if seats.open.sse == 0 && seats.open.websocket == 0 {
            self.topics.remove(&topic.db);
        }
        let of_all = self.open.of(wire);
        *of_all = of_all.saturating_sub(1);
    }
}

impl Open {
    fn of(&mut self, wire: Wire) -> &mut usize {
        match wire {
            Wire::Sse => &mut self.sse,
            Wire::WebSocket => &mut self.websocket,
        }
    }
}
