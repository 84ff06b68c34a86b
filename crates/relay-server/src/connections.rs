//! The clients of one thread that speak over TCP and TLS.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use sangam_net::{DetachedStream, Poller};
use sangam_turn_proto::FiveTuple;
use sangam_types::Mono;

use crate::counters::Counter;
use crate::stream_queue::StreamQueue;

/// Names one connection of a thread, never used again for another. It is the connection's readiness token, which no
/// allocation has ([`sangam_turn_proto::AllocationKey`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// A client's stream, and what has been read from it and not been dealt with, or waits to be written to it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: DetachedStream,
    pub(crate) five_tuple: FiveTuple,
    /// The beginning of a message whose end has not come.
    pub(crate) begun: Vec<u8>,
    pub(crate) queue: StreamQueue,
    /// When the last whole message came.
    pub(crate) heard: Mono,
    /// Whether the poller also reports room for output.
    pub(crate) waits_for_room: bool,
}

/// Why a connection was closed: each is a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The client ended it.
    ByClient,
    /// The system or TLS reported an error.
    Broken,
    /// What came was neither STUN nor ChannelData.
    Garbage,
    /// A message was longer than is taken.
    TooLong,
    /// No allocation and no message for too long.
    Idle,
    /// The client does not read its answers.
    Unread,
    /// The same client address came again over another connection.
    Replaced,
}

impl Closed {
    pub(crate) const ALL: [Self; 7] =
        [Self::ByClient, Self::Broken, Self::Garbage, Self::TooLong, Self::Idle, Self::Unread, Self::Replaced];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ByClient => "by_client",
            Self::Broken => "broken",
            Self::Garbage => "garbage",
            Self::TooLong => "too_long",
            Self::Idle => "idle",
            Self::Unread => "unread",
            Self::Replaced => "replaced",
        }
    }

    pub(crate) const fn counter(self) -> Counter {
        match self {
            Self::ByClient => Counter::ClosedByClient,
            Self::Broken => Counter::ClosedBroken,
            Self::Garbage => Counter::ClosedGarbage,
            Self::TooLong => Counter::ClosedTooLong,
            Self::Idle => Counter::ClosedIdle,
            Self::Unread => Counter::ClosedUnread,
            Self::Replaced => Counter::ClosedReplaced,
        }
    }
}

/// The connections of one thread.
#[derive(Debug)]
pub(crate) struct Connections {
    by_id: HashMap<ConnectionId, Connection, RandomState>,
    by_client: HashMap<FiveTuple, ConnectionId, RandomState>,
    /// When to look whether a connection is idle: one entry for each.
    checks: BTreeSet<(Mono, ConnectionId)>,
    next: u64,
    queue_bytes_max: usize,
}

/// Readiness tokens from here on are connections.
pub(crate) const CONNECTION_TOKENS: u64 = 1 << 63;

impl Connections {
    pub(crate) fn new(queue_bytes_max: usize) -> Self {
        let (by_id, by_client) = (HashMap::default(), HashMap::default());
        Self { by_id, by_client, checks: BTreeSet::new(), next: CONNECTION_TOKENS, queue_bytes_max }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn of(&self, client: &FiveTuple) -> Option<ConnectionId> {
        self.by_client.get(client).copied()
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.by_id.get_mut(&id)
    }

    /// Takes a connection in, to be looked at after `idle`. The client must have none.
    pub(crate) fn adopt(
        &mut self,
        poller: &Poller,
        stream: DetachedStream,
        five_tuple: FiveTuple,
        now: Mono,
        idle: Duration,
    ) -> io::Result<ConnectionId> {
        let id = ConnectionId(self.next);
        poller.add(&stream, id.0)?;
        self.next += 1;
        let queue = StreamQueue::new(self.queue_bytes_max);
        let connection = Connection { stream, five_tuple, begun: Vec::new(), queue, heard: now, waits_for_room: false };
        self.by_id.insert(id, connection);
        self.by_client.insert(five_tuple, id);
        self.checks.insert((now + idle, id));
        Ok(id)
    }

    pub(crate) fn remove(&mut self, poller: &Poller, id: ConnectionId) -> Option<Connection> {
        let connection = self.by_id.remove(&id)?;
        self.by_client.remove(&connection.five_tuple);
        // It is there: it was added when it was adopted.
        poller.remove(&connection.stream).ok();
        Some(connection)
    }

    /// When the next connection must be looked at.
    pub(crate) fn next_check(&self) -> Option<Mono> {
        self.checks.first().map(|(at, _)| *at)
    }

    /// Takes a connection whose time to be looked at has come. Those that have closed meanwhile are passed over.
    pub(crate) fn pop_check(&mut self, now: Mono) -> Option<ConnectionId> {
        while self.checks.first().is_some_and(|(at, _)| *at <= now) {
            let (_, id) = self.checks.pop_first()?;
            if self.by_id.contains_key(&id) {
                return Some(id);
            }
        }
        None
    }

    pub(crate) fn check_again(&mut self, id: ConnectionId, at: Mono) {
        self.checks.insert((at, id));
    }
}
