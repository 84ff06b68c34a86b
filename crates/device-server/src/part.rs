use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{Part, PartReport, PartState};

use crate::service::Service;

/// A thread that takes longer than this to answer keeps every device waiting too.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(800);
/// From here on the queue is nearly full, in per cent.
const NEARLY_FULL: usize = 80;

/// Device management as a part of the whole.
pub(crate) struct DevicesPart {
    pub(crate) service: Arc<Service>,
}

impl Part for DevicesPart {
    fn name(&self) -> &'static str {
        "devices"
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        async {
            let committer = &self.service.committer;
            // While the store is opened anew or full, that says more than whether the thread answers.
            if let Some(trouble) = committer.condition().trouble {
                return report(PartState::Failed, trouble.reason);
            }
            match tokio::time::timeout(ROUND_TRIP_MAX, committer.round_trip()).await {
                Ok(Ok(())) => self.well(),
                Ok(Err(_)) if committer.is_drained() => {
                    report(PartState::Draining, "stopped; everything is on the disk".to_owned())
                }
                Ok(Err(_)) => report(
                    PartState::Failed,
                    "the thread that writes to the store has ended; restart the server".to_owned(),
                ),
                Err(_) => report(
                    PartState::Failed,
                    format!("the thread that writes to the store gave no answer within {ROUND_TRIP_MAX:?}"),
                ),
            }
        }
        .boxed()
    }
}

impl DevicesPart {
    fn well(&self) -> PartReport {
        let condition = self.service.committer.condition();
        if let Some(trouble) = condition.trouble {
            return report(PartState::Failed, trouble.reason);
        }
        let (rows, bytes) = condition.waiting;
        let (open, max) = (self.service.sessions.len(), self.service.options.sessions_max);
        let (agents, agents_max) = (self.service.agents.len(), self.service.options.usp.agents_max);
        let detail = format!(
            "{open} sessions are open and {agents} agents connected; {rows} rows and {bytes} bytes wait to be written"
        );
        let is_crowded = open * 100 >= max * NEARLY_FULL || agents * 100 >= agents_max * NEARLY_FULL;
        let state = if condition.draining {
            PartState::Draining
        } else if condition.percent >= NEARLY_FULL || is_crowded {
            PartState::Degraded
        } else {
            PartState::Ready
        };
        report(state, detail)
    }
}

fn report(state: PartState, detail: String) -> PartReport {
    PartReport { state, detail }
}
