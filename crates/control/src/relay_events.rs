use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sangam_types::Wall;
use serde::Serialize;
use tokio::sync::{broadcast, watch};

use crate::relay_sessions::{RelayTraffic, SessionId};
use crate::timestamp;

/// What happened to one session, with who and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RelayEvent {
    /// When.
    #[serde(with = "timestamp")]
    pub at: Wall,
    /// The session.
    pub session: SessionId,
    /// Who made it, as [`RelaySession::user`](crate::RelaySession::user) has it.
    pub user: String,
    /// Up to the first `/`.
    pub label: String,
    /// Where its client sends from.
    pub client: SocketAddr,
    /// Its relayed address as bound here.
    pub relayed: SocketAddr,
    /// What.
    #[serde(flatten)]
    pub change: SessionChange,
}

/// What happened to a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum SessionChange {
    /// It began.
    New {
        /// Until it ends unless refreshed.
        lifetime_secs: u64,
    },
    /// It followed its client, which sends from elsewhere now (RFC 8016).
    Moved {
        /// Where its client sent from before.
        from: SocketAddr,
    },
    /// It was refreshed.
    Refreshed {
        /// From now.
        lifetime_secs: u64,
        /// What it relayed so far.
        #[serde(flatten)]
        total: SessionTotal,
    },
    /// It relayed something within the last interval.
    Traffic {
        /// What it relayed so far.
        #[serde(flatten)]
        total: SessionTotal,
    },
    /// It ended.
    Deleted {
        /// Why: `client`, `expired`, `connection_closed`, `kicked`, `revoked`.
        cause: &'static str,
        /// What it relayed in all.
        #[serde(flatten)]
        total: SessionTotal,
    },
}

/// What a session relayed since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SessionTotal {
    /// From client to peers.
    pub to_peer: RelayTraffic,
    /// From peers to client.
    pub to_client: RelayTraffic,
}

/// What happens to the relay's sessions, for as many as listen. Relay threads publish and never wait: a subscriber that is
/// behind by more than the bound loses the oldest and is told how many.
#[derive(Debug)]
pub struct RelayEvents {
    sender: broadcast::Sender<Arc<RelayEvent>>,
    subscribers_max: usize,
    is_closed: AtomicBool,
    closed: watch::Sender<bool>,
    missed: Arc<AtomicU64>,
}

/// One subscriber's end.
#[derive(Debug)]
pub struct RelayEventSubscription {
    receiver: broadcast::Receiver<Arc<RelayEvent>>,
    closed: watch::Receiver<bool>,
    missed: Arc<AtomicU64>,
}

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The next event.
    Event(Arc<RelayEvent>),
    /// So many events came while the subscriber did not listen, and are lost to it.
    Missed(u64),
}

impl RelayEvents {
    /// Nobody listens yet. `queue` events wait for each subscriber at most (at least one), rounded up to a power of two.
    #[must_use]
    pub fn new(queue: usize, subscribers_max: usize) -> Self {
        let (sender, _) = broadcast::channel(queue.max(1));
        let closed = watch::Sender::new(false);
        Self { sender, subscribers_max, is_closed: AtomicBool::new(false), closed, missed: Arc::default() }
    }

    /// Whether anybody listens: else nothing need be published.
    #[must_use]
    pub fn are_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Tells all who listen.
    pub fn publish(&self, event: RelayEvent) {
        // Nobody may listen any more.
        self.sender.send(Arc::new(event)).ok();
    }

    /// Listens from now on. `None` if as many listen as may, or there will be no more events.
    #[must_use]
    pub fn subscribe(&self) -> Option<RelayEventSubscription> {
        if self.is_closed.load(Ordering::Acquire) || self.sender.receiver_count() >= self.subscribers_max {
            return None;
        }
        let (receiver, closed) = (self.sender.subscribe(), self.closed.subscribe());
        Some(RelayEventSubscription { receiver, closed, missed: Arc::clone(&self.missed) })
    }

    /// Events that subscribers were told they missed, all together.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// No more events: every subscriber is told the end when it has heard those there are.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.closed.send_replace(true);
    }
}

impl RelayEventSubscription {
    /// The next; `None` when there are no more. Cancel safe.
    pub async fn next(&mut self) -> Option<Heard> {
        let received = tokio::select! {
            biased;
            received = self.receiver.recv() => received,
            _ = self.closed.wait_for(|closed| *closed) => return None,
        };
        match received {
            Ok(event) => Some(Heard::Event(event)),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                self.missed.fetch_add(missed, Ordering::Relaxed);
                Some(Heard::Missed(missed))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(lifetime_secs: u64) -> RelayEvent {
        let addr = "127.0.0.1:1".parse().unwrap();
        RelayEvent {
            at: Wall::from_unix_secs(0),
            session: SessionId { thread: 0, start: 0, allocation: 1 },
            user: "alice/1".to_owned(),
            label: "alice".to_owned(),
            client: addr,
            relayed: addr,
            change: SessionChange::New { lifetime_secs },
        }
    }

    fn lifetime(heard: Option<Heard>) -> u64 {
        match heard {
            Some(Heard::Event(event)) => match event.change {
                SessionChange::New { lifetime_secs } => lifetime_secs,
                _ => panic!("{event:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_slow_subscriber_is_told_how_many_it_missed_and_others_miss_nothing() {
        let events = RelayEvents::new(2, 2);
        let (mut slow, mut quick) = (events.subscribe().unwrap(), events.subscribe().unwrap());
        for number in 0..5 {
            events.publish(event(number));
            assert_eq!(lifetime(quick.next().await), number);
        }
        assert_eq!(slow.next().await, Some(Heard::Missed(3)));
        assert_eq!((lifetime(slow.next().await), lifetime(slow.next().await)), (3, 4));
        assert_eq!(events.missed(), 3);
    }

    #[tokio::test]
    async fn subscribers_are_bounded_and_hear_the_end() {
        let events = RelayEvents::new(8, 1);
        assert!(!events.are_heard());
        let mut first = events.subscribe().unwrap();
        assert!(events.are_heard() && events.subscribe().is_none());
        events.publish(event(7));
        events.close();
        assert_eq!(lifetime(first.next().await), 7);
        assert_eq!(first.next().await, None);
        drop(first);
        assert!(events.subscribe().is_none());
    }

    #[test]
    fn an_event_is_one_flat_object() {
        let text = serde_json::to_value(event(600)).unwrap();
        assert_eq!(
            text,
            serde_json::json!({
                "at": "1970-01-01T00:00:00.000Z", "session": "0-00000000-1", "user": "alice/1", "label": "alice",
                "client": "127.0.0.1:1", "relayed": "127.0.0.1:1", "status": "new", "lifetime_secs": 600,
            })
        );
    }
}
