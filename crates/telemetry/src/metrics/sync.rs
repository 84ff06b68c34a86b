//! What the sync server counts.

mod figures;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;

use figures::{Endpoint, Figures, OfKind, OfOutcome, OfReason, RequestLabels, Transport};

/// What the sync server counts. Labels are words of the program, never of a client.
#[derive(Clone, Debug, Default)]
pub struct SyncMetrics {
    figures: Arc<Figures>,
}

/// One answered request.
#[derive(Clone, Copy, Debug)]
pub struct SyncRequest {
    /// The route, `handshake`; `other` for what is none.
    pub endpoint: &'static str,
    /// `GET`, `POST`; `other` for what is neither.
    pub method: &'static str,
    /// The status.
    pub status: u16,
    /// From the headers to the answer's headers.
    pub took: Duration,
    /// Bytes of its body, as they came.
    pub request_bytes: u64,
    /// Bytes of the answer's body, if known beforehand.
    pub response_bytes: Option<u64>,
}

/// What is held, over all databases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncTotals {
    /// Databases.
    pub databases: u64,
    /// Operations in all logs.
    pub log_len: u64,
    /// The sum of all heads.
    pub cursors: u64,
    /// Bytes of names and bodies.
    pub bytes: u64,
}

impl SyncMetrics {
    /// Makes them and registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        metrics.figures.register(registry.sub_registry_with_prefix("sangam_sync"));
        metrics
    }

    /// Shows the same under the names of the original server too, for dashboards made for it.
    pub fn register_aliases(&self, registry: &mut Registry) {
        self.figures.register_aliases(registry.sub_registry_with_prefix("entidb_sync"));
    }

    /// A request was answered.
    pub fn request(&self, request: &SyncRequest) {
        let SyncRequest { endpoint, method, status, took, request_bytes, response_bytes } = *request;
        let (it, seconds) = (&self.figures, took.as_secs_f64());
        it.requests.get_or_create(&RequestLabels { endpoint, method, status }).inc();
        it.request_seconds.get_or_create(&Endpoint { endpoint }).observe(seconds);
        it.all_request_seconds.observe(seconds);
        it.request_bytes.observe(request_bytes as f64);
        if let Some(bytes) = response_bytes {
            it.response_bytes.observe(bytes as f64);
        }
        if status >= 400 {
            it.request_errors.inc();
        }
    }

    /// A push was decided and is on the disk.
    pub fn pushed(&self, accepted: usize, repeated: usize, conflicts: usize, took: Duration) {
        for (outcome, count) in [("accepted", accepted), ("repeated", repeated), ("conflict", conflicts)] {
            self.figures.operations.get_or_create(&OfOutcome { outcome }).inc_by(count as u64);
        }
        self.figures.push_seconds.observe(took.as_secs_f64());
    }

    /// A page was handed out.
    pub fn pulled(&self, operations: usize, took: Duration) {
        self.figures.pulled.inc_by(operations as u64);
        self.figures.pull_seconds.observe(took.as_secs_f64());
    }

    /// Something was refused, and why, in one word.
    pub fn refused(&self, reason: &'static str) {
        self.figures.refusals.get_or_create(&OfReason { reason }).inc();
    }

    /// A pull was ahead of its database: a restored backup, or a client of another server.
    pub fn pull_ahead(&self) {
        self.figures.pulls_ahead.inc();
    }

    /// A stream of `transport` (`sse`, `websocket`) opened.
    pub fn stream_opened(&self, transport: &'static str) {
        self.figures.streams.get_or_create(&Transport { transport }).inc();
        self.figures.all_streams.inc();
        self.figures.streams_opened.get_or_create(&Transport { transport }).inc();
    }

    /// One closed.
    pub fn stream_closed(&self, transport: &'static str) {
        self.figures.streams.get_or_create(&Transport { transport }).dec();
        self.figures.all_streams.dec();
    }

    /// What waited for a slow stream was dropped for a hint to pull.
    pub fn stream_lagged(&self, transport: &'static str) {
        self.figures.streams_lagged.get_or_create(&Transport { transport }).inc();
    }

    /// A group of requests was made durable.
    pub fn committed(&self, requests: usize, operations: usize, took: Duration) {
        self.figures.commit_seconds.observe(took.as_secs_f64());
        self.figures.commit_requests.observe(requests as f64);
        self.figures.commit_operations.inc_by(operations as u64);
    }

    /// The store failed: `full`, `uncertain`, `overtaken`, `unusable`, `damaged`.
    pub fn store_failed(&self, kind: &'static str) {
        self.figures.store_failures.get_or_create(&OfKind { kind }).inc();
    }

    /// Operations and tombstones that nobody needs any more were dropped.
    pub fn swept(&self, dropped: u64) {
        self.figures.swept.inc_by(dropped);
    }

    /// A page was asked for: whether it was at hand already encoded.
    pub fn page(&self, at_hand: bool) {
        let outcome = if at_hand { "at_hand" } else { "read" };
        self.figures.pages.get_or_create(&OfOutcome { outcome }).inc();
    }

    /// What is held now.
    pub fn set_totals(&self, totals: SyncTotals) {
        let it = &self.figures;
        for (gauge, value) in [
            (&it.databases, totals.databases),
            (&it.log_len, totals.log_len),
            (&it.cursors, totals.cursors),
            (&it.bytes, totals.bytes),
        ] {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }
}

#[cfg(test)]
mod tests;
