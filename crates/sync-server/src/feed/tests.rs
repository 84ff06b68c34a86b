use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sangam_sync_proto::Kind;
use sangam_sync_proto::rows::EntityKey;
use serde_json::Value;

use super::*;

mod gaps;
mod limits;
mod telling;

/// Longer than anything here takes, short enough to fail a test.
const PATIENCE: Duration = Duration::from_secs(10);

/// Feeds with a clock and a list of revoked tokens of the test.
struct Bench {
    feeds: Arc<Feeds>,
    now_ms: Arc<AtomicU64>,
    revoked: Arc<AtomicBool>,
}

impl Bench {
    fn new(limits: Streams) -> Self {
        let now_ms = Arc::new(AtomicU64::new(1_702_569_600_000));
        let revoked = Arc::new(AtomicBool::new(false));
        let (clock, any_revoked) = (Arc::clone(&now_ms), Arc::clone(&revoked));
        let feeds = Feeds::new(
            limits,
            Arc::default(),
            Arc::new(move || Wall::from_unix_millis(clock.load(Ordering::SeqCst))),
            Arc::new(move |_, _| any_revoked.load(Ordering::SeqCst)),
        );
        Self { feeds: Arc::new(feeds), now_ms, revoked }
    }

    fn join(&self, listener: Listener) -> Subscription {
        self.feeds.join(listener).unwrap()
    }

    /// A stream that has heard of nothing yet.
    fn live(&self, listener: Listener) -> Subscription {
        let subscription = self.join(listener);
        assert_eq!(subscription.start_at(0), 0);
        subscription
    }

    fn publish(&self, db: &str, cursors: std::ops::RangeInclusive<u64>) {
        self.feeds.publish(&db.into(), cursors.map(|cursor| entry(cursor, "tasks")).collect());
    }
}

fn listener(db: &str, device: &str, wire: Wire) -> Listener {
    Listener { wire, db: db.into(), device: device.into(), filter: None, until: None, token: None }
}

fn sse(device: &str) -> Listener {
    listener("db", device, Wire::Sse)
}

fn entry(cursor: u64, collection: &str) -> LogEntry {
    LogEntry {
        cursor,
        device: "dev-2".into(),
        op_id: cursor,
        of: EntityKey { collection: collection.into(), entity: format!("e{cursor}").into() },
        kind: Kind::Upsert,
        version: cursor,
        body: Some(bytes::Bytes::from_static(&[0xa0])),
        timestamp_ms: 1_702_569_600_000,
    }
}

async fn step(subscription: &Subscription) -> Step {
    let step = poll_fn(|context| subscription.poll_step(context));
    tokio::time::timeout(PATIENCE, step).await.expect("the stream has nothing to do")
}

async fn text(subscription: &Subscription) -> String {
    loop {
        match step(subscription).await {
            Step::Text(text) => return text.to_string(),
            Step::Ping(_) => {}
            Step::End(end) => panic!("ended: {end:?}"),
        }
    }
}

async fn end(subscription: &Subscription) -> End {
    loop {
        if let Step::End(end) = step(subscription).await {
            return end;
        }
    }
}

/// The data of an event.
fn data(event: &str) -> Value {
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).expect("an event has data");
    serde_json::from_str(data).unwrap()
}

fn cursors(event: &str) -> Vec<u64> {
    data(event)["operations"].as_array().unwrap().iter().map(|op| op["opId"].as_u64().unwrap()).collect()
}

/// The cursors of events until one of them is `last`.
async fn cursors_to(subscription: &Subscription, last: u64) -> Vec<u64> {
    let mut heard = Vec::new();
    while heard.last().is_none_or(|heard| *heard < last) {
        heard.extend(cursors(&text(subscription).await));
    }
    heard
}
