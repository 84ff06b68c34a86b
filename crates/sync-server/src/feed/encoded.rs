use std::collections::HashMap;

use axum::extract::ws::Utf8Bytes;
use sangam_sync_proto::json::{Event, ServerMessage};
use sangam_sync_proto::rows::LogEntry;

use super::Wire;
use super::topic::Filter;

/// A batch, encoded once for all streams that read the same of it.
pub(super) struct Encoded<'a> {
    db: &'a str,
    entries: &'a [LogEntry],
    counter: u64,
    /// `None`: nothing of it passes the filter.
    texts: HashMap<(Wire, Filter), Option<Utf8Bytes>>,
}

impl<'a> Encoded<'a> {
    pub(super) fn new(db: &'a str, entries: &'a [LogEntry], counter: u64) -> Self {
        Self { db, entries, counter, texts: HashMap::new() }
    }

    /// What a stream is sent of it that was told of everything up to `after`; `None`: nothing.
    pub(super) fn text(&mut self, wire: Wire, filter: &Filter, after: u64) -> Option<Utf8Bytes> {
        let (db, counter) = (self.db, self.counter);
        let seen = self.entries.partition_point(|entry| entry.cursor <= after);
        if seen > 0 {
            return filtered(db, &self.entries[seen..], wire, filter, counter);
        }
        if let Some(text) = self.texts.get(&(wire, filter.clone())) {
            return text.clone();
        }
        let text = filtered(db, self.entries, wire, filter, counter);
        self.texts.insert((wire, filter.clone()), text.clone());
        text
    }
}

fn filtered(db: &str, entries: &[LogEntry], wire: Wire, filter: &Filter, counter: u64) -> Option<Utf8Bytes> {
    let Some(collections) = filter else { return operations(db, entries, wire, counter) };
    let passes = |entry: &&LogEntry| collections.binary_search(&entry.of.collection).is_ok();
    let entries: Vec<LogEntry> = entries.iter().filter(passes).cloned().collect();
    operations(db, &entries, wire, counter)
}

/// Operations as one event or message; `None`: there are none.
pub(crate) fn operations(db: &str, entries: &[LogEntry], wire: Wire, counter: u64) -> Option<Utf8Bytes> {
    let cursor = entries.last()?.cursor;
    Some(text(db, cursor, entries, wire, counter))
}

/// Tells that there is something to pull up to the cursor, and not what.
pub(crate) fn hint(db: &str, cursor: u64, wire: Wire, counter: u64) -> Utf8Bytes {
    text(db, cursor, &[], wire, counter)
}

fn text(db: &str, cursor: u64, operations: &[LogEntry], wire: Wire, counter: u64) -> Utf8Bytes {
    match wire {
        Wire::Sse => Event::Operations { db, cursor, counter, operations }.text().into(),
        Wire::WebSocket => ServerMessage::Operations { db, cursor, counter, operations }.text().into(),
    }
}
