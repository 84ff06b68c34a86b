//! What every adapter of the port `Journal` must do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sangam_bus::{Journal, Record, WallClock};
use sangam_types::Wall;

/// How the suite gets at an adapter and at its time.
pub trait JournalGround {
    /// The journal: at first an empty one, later with what was flushed into the one before, which has been dropped.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Journal>>;

    /// The adapter's time of day.
    fn now(&self) -> Wall;

    /// Lets that time pass, or waits for it.
    fn pass(&self, time: Duration) -> BoxFuture<'_, ()>;

    /// Whether what was flushed is there when the journal is opened again.
    fn is_lasting(&self) -> bool;
}

/// A time of day that stands still until it is told.
#[derive(Clone, Debug)]
pub struct HandClock(Arc<AtomicU64>);

impl Default for HandClock {
    /// Some day in 2023.
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(1_700_000_000_000)))
    }
}

impl HandClock {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Wall {
        Wall::from_unix_millis(self.0.load(Ordering::Relaxed))
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// For an adapter.
    #[must_use]
    pub fn as_wall_clock(&self) -> WallClock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// Runs the suite. Panics where the adapter does not do what the port says.
pub async fn journal_conforms(ground: &dyn JournalGround) {
    let journal = ground.open().await;
    the_newest_stands_under_its_key(&*journal, ground).await;
    areas_are_apart_and_keys_in_order(&*journal, ground).await;
    what_has_expired_is_gone(&*journal, ground).await;
    any_bytes_come_back(&*journal, ground).await;
    drop(journal);
    if ground.is_lasting() {
        what_was_flushed_is_there_again(ground).await;
    }
}

async fn load(journal: &dyn Journal, area: &'static str) -> Vec<(String, Bytes)> {
    journal.flush().await.expect("flushed");
    let records = journal.load(area).await.expect("loaded");
    records.into_iter().map(|Record { key, value, .. }| (key, value)).collect()
}

fn pairs(pairs: &[(&str, &'static str)]) -> Vec<(String, Bytes)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Bytes::from_static(value.as_bytes()))).collect()
}

async fn the_newest_stands_under_its_key(journal: &dyn Journal, ground: &dyn JournalGround) {
    let expires = ground.now() + MINUTE;
    assert_eq!(load(journal, "newest").await, pairs(&[]));
    journal.put("newest", "a", Bytes::from_static(b"1"), expires);
    journal.put("newest", "a", Bytes::from_static(b"2"), expires + MINUTE);
    journal.put("newest", "b", Bytes::from_static(b"3"), expires);
    journal.remove("newest", "b");
    journal.remove("newest", "never there");
    assert_eq!(load(journal, "newest").await, pairs(&[("a", "2")]));
    let records = journal.load("newest").await.expect("loaded");
    assert_eq!(records[0].expires, expires + MINUTE);
}

async fn areas_are_apart_and_keys_in_order(journal: &dyn Journal, ground: &dyn JournalGround) {
    let expires = ground.now() + MINUTE;
    for key in ["b", "a", "ab", "", "\u{10FFFF}", "B"] {
        journal.put("left", key, Bytes::from_static(b"l"), expires);
    }
    journal.put("right", "a", Bytes::from_static(b"r"), expires);
    journal.remove("right", "b");
    let in_order = ["", "B", "a", "ab", "b", "\u{10FFFF}"].map(|key| (key, "l"));
    assert_eq!(load(journal, "left").await, pairs(&in_order));
    assert_eq!(load(journal, "right").await, pairs(&[("a", "r")]));
}

async fn what_has_expired_is_gone(journal: &dyn Journal, ground: &dyn JournalGround) {
    let second = Duration::from_secs(1);
    journal.put("end", "soon", Bytes::from_static(b"1"), ground.now() + second);
    journal.put("end", "late", Bytes::from_static(b"2"), ground.now() + MINUTE);
    journal.put("end", "put off", Bytes::from_static(b"3"), ground.now() + second);
    journal.put("end", "put off", Bytes::from_static(b"4"), ground.now() + MINUTE);
    journal.put("end", "over", Bytes::from_static(b"5"), ground.now() + MINUTE);
    journal.put("end", "over", Bytes::from_static(b"6"), ground.now());
    ground.pass(second).await;
    assert_eq!(load(journal, "end").await, pairs(&[("late", "2"), ("put off", "4")]));
}

async fn any_bytes_come_back(journal: &dyn Journal, ground: &dyn JournalGround) {
    let value: Bytes = (0..=255_u8).cycle().take(70_000).collect();
    journal.put("bytes", "large", value.clone(), ground.now() + MINUTE);
    journal.put("bytes", "none", Bytes::new(), ground.now() + MINUTE);
    assert_eq!(load(journal, "bytes").await, [("large".to_owned(), value), ("none".to_owned(), Bytes::new())]);
}

async fn what_was_flushed_is_there_again(ground: &dyn JournalGround) {
    let journal = ground.open().await;
    let expires = ground.now() + MINUTE;
    journal.put("again", "a", Bytes::from_static(b"1"), expires);
    journal.put("again", "b", Bytes::from_static(b"2"), expires);
    journal.put("again", "soon", Bytes::from_static(b"3"), ground.now() + Duration::from_secs(1));
    journal.flush().await.expect("flushed");
    drop(journal);
    let journal = ground.open().await;
    journal.remove("again", "a");
    journal.flush().await.expect("flushed");
    drop(journal);
    ground.pass(Duration::from_secs(1)).await;
    assert_eq!(load(&*ground.open().await, "again").await, pairs(&[("b", "2")]));
}
