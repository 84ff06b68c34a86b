use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use sangam_sync_proto::json::Event;
use sangam_types::Wall;
use tokio::time::{Interval, MissedTickBehavior};

use super::topic::{Stream, Topic};
use super::{End, Feeds, Wire, lock};

/// How often tokens are looked at, at most. Pings of different streams fall on different ticks.
const TICK: Duration = Duration::from_secs(1);

impl Feeds {
    /// Starts the task that gives streams what they wait for, if it does not run yet.
    pub(super) fn run_distributor(self: &Arc<Self>) {
        let mut hall = self.hall();
        if !hall.distributed {
            hall.distributed = true;
            drop(tokio::spawn(run(
                Arc::downgrade(self),
                Arc::clone(&self.bell),
                Ticker::new(self.limits.ping_interval),
            )));
        }
    }

    fn distribute(&self) {
        let topics = std::mem::take(&mut *lock(&self.ringing));
        for topic in topics {
            let done = topic.distribute();
            (0..done.sse_lagged).for_each(|_| self.metrics.stream_lagged(Wire::Sse.as_str()));
            (0..done.websocket_lagged).for_each(|_| self.metrics.stream_lagged(Wire::WebSocket.as_str()));
        }
    }

    /// Pings the streams whose turn it is and ends those whose time is over.
    fn tick(&self, turn: Turn) {
        let now = (self.clock)();
        let ping: Utf8Bytes = Event::Ping { timestamp: now.unix_millis() }.text().into();
        let topics = self.hall().topics();
        for topic in topics {
            for stream in topic.streams() {
                self.look_at(&topic, &stream, now, turn.has(stream.id).then_some(&ping));
            }
        }
    }

    fn look_at(&self, topic: &Arc<Topic>, stream: &Stream, now: Wall, ping: Option<&Utf8Bytes>) {
        if stream.until.is_some_and(|until| until <= now) {
            return self.end(topic, stream, End::Expired);
        }
        if stream.token.as_ref().is_some_and(|token| (self.is_revoked)(token, now)) {
            return self.end(topic, stream, End::Revoked);
        }
        if ping.is_some_and(|ping| !stream.queue.ping(ping)) {
            self.end(topic, stream, End::Dead);
        }
    }
}

/// Ends when the feeds are dropped.
async fn run(feeds: Weak<Feeds>, bell: Arc<tokio::sync::Notify>, mut ticker: Ticker) {
    loop {
        let turn = tokio::select! {
            () = bell.notified() => None,
            turn = ticker.next() => Some(turn),
        };
        let Some(feeds) = feeds.upgrade() else { return };
        match turn {
            None => feeds.distribute(),
            Some(turn) => feeds.tick(turn),
        }
    }
}

/// One timer for the pings of all streams.
struct Ticker {
    interval: Interval,
    turns: u64,
    turn: u64,
}

/// Whose turn it is to be pinged.
#[derive(Clone, Copy, Debug)]
struct Turn {
    turn: u64,
    turns: u64,
}

impl Turn {
    fn has(self, id: u64) -> bool {
        id % self.turns == self.turn
    }
}

impl Ticker {
    fn new(ping_interval: Duration) -> Self {
        let tick = ping_interval.clamp(Duration::from_millis(1), TICK);
        let turns = u64::try_from(ping_interval.as_millis() / tick.as_millis()).unwrap_or(1).max(1);
        let mut interval = tokio::time::interval(tick);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, turns, turn: 0 }
    }

    async fn next(&mut self) -> Turn {
        self.interval.tick().await;
        self.turn = (self.turn + 1) % self.turns;
        Turn { turn: self.turn, turns: self.turns }
    }
}
