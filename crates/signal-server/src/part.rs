use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{Part, PartReport, PartState};
use sangam_signal_proto::Stats;
use tokio::sync::oneshot;

use crate::hub::Command;
use crate::server::Shared;

/// A task that takes longer than this to answer keeps its sockets waiting too.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(500);

/// The signaling server as a part of the whole.
pub(crate) struct SignalPart {
    pub(crate) shared: Arc<Shared>,
}

impl Part for SignalPart {
    fn name(&self) -> &'static str {
        "signal"
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        async {
            match tokio::time::timeout(ROUND_TRIP_MAX, self.round_trip()).await {
                Ok(Some(stats)) if self.shared.admission.is_draining() => report(PartState::Draining, &stats),
                Ok(Some(stats)) => report(PartState::Ready, &stats),
                Ok(None) => failed("the task that owns the rooms has ended; restart the server".to_owned()),
                Err(_) => failed(format!("the task that owns the rooms gave no answer within {ROUND_TRIP_MAX:?}")),
            }
        }
        .boxed()
    }
}

impl SignalPart {
    async fn round_trip(&self) -> Option<Stats> {
        let (answer, answered) = oneshot::channel();
        self.shared.hub.send(Command::Check { answer }).await.ok()?;
        answered.await.ok()
    }
}

fn report(state: PartState, stats: &Stats) -> PartReport {
    let detail = format!("{} sockets, {} participants", stats.sockets, stats.participants);
    PartReport { state, detail }
}

fn failed(detail: String) -> PartReport {
    PartReport { state: PartState::Failed, detail }
}
