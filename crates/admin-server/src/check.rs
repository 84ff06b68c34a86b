use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use sangam_control::{Part, PartReport, PartState};
use sangam_telemetry::metrics::http::HttpMetrics;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// Asks the parts how they are.
///
/// All are asked at once, each within a bound. Requests that come while a round runs wait for it and share its
/// verdict, and so do those that come within `keep` of its end: however many ask, one round runs at a time.
pub(crate) struct Checks {
    parts: Vec<Arc<dyn Part>>,
    metrics: HttpMetrics,
    limit: Duration,
    keep: Duration,
    last: Mutex<Option<(Instant, Arc<Verdict>)>>,
}

/// The outcome of one round.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// In the order in which the parts were given.
    pub(crate) parts: Vec<PartVerdict>,
}

/// The outcome for one part.
#[derive(Debug)]
pub(crate) struct PartVerdict {
    pub(crate) name: &'static str,
    pub(crate) report: PartReport,
    pub(crate) took: Duration,
}

impl Verdict {
    /// Whether new work may be sent here.
    pub(crate) fn ready(&self) -> bool {
        self.parts.iter().all(|part| part.report.state.takes_work())
    }

    /// Whether nothing is wrong at all.
    pub(crate) fn healthy(&self) -> bool {
        self.parts.iter().all(|part| part.report.state == PartState::Ready)
    }
}

impl Checks {
    pub(crate) fn new(parts: Vec<Arc<dyn Part>>, metrics: HttpMetrics, limit: Duration, keep: Duration) -> Self {
        Self { parts, metrics, limit, keep, last: Mutex::new(None) }
    }

    /// How the parts are: from a round that ended at most `keep` ago.
    pub(crate) async fn verdict(&self) -> Arc<Verdict> {
        let mut last = self.last.lock().await;
        if let Some((ended, verdict)) = &*last
            && ended.elapsed() < self.keep
        {
            return Arc::clone(verdict);
        }
        let parts = join_all(self.parts.iter().map(|part| check(part.as_ref(), self.limit))).await;
        for part in &parts {
            self.metrics.part_checked(part.name, part.report.state.takes_work());
        }
        let verdict = Arc::new(Verdict { parts });
        *last = Some((Instant::now(), Arc::clone(&verdict)));
        verdict
    }
}

async fn check(part: &dyn Part, limit: Duration) -> PartVerdict {
    let began = Instant::now();
    // A check that panics is a part that does not work; what it left behind is the part's own.
    let checked = AssertUnwindSafe(async { part.check().await }).catch_unwind();
    let failed = |detail| PartReport { state: PartState::Failed, detail };
    let report = match timeout(limit, checked).await {
        Ok(Ok(report)) => report,
        Ok(Err(_)) => failed("the check panicked; the log has the place".to_owned()),
        Err(_) => failed(format!("the check did not answer within {} ms", limit.as_millis())),
    };
    PartVerdict { name: part.name(), report, took: began.elapsed() }
}

#[cfg(test)]
mod tests;
