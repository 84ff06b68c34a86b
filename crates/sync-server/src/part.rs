use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{Part, PartReport, PartState};

use crate::committer::Condition;
use crate::service::Service;

/// A thread that takes longer than this to answer keeps every push waiting too.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(800);
/// From here on the queue is nearly full, in per cent.
const NEARLY_FULL: usize = 80;

/// The sync server as a part of the whole.
pub(crate) struct SyncPart {
    pub(crate) service: Arc<Service>,
}

impl Part for SyncPart {
    fn name(&self) -> &'static str {
        "sync"
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        async {
            // While the store is opened anew or full, that says more than whether the thread answers.
            if let Some(trouble) = self.service.committer.condition().trouble {
                return report(PartState::Failed, trouble.reason);
            }
            let committer = &self.service.committer;
            match tokio::time::timeout(ROUND_TRIP_MAX, committer.round_trip()).await {
                Ok(Ok(())) => well(&committer.condition(), self.service.heads.len()),
                Ok(Err(_)) if committer.is_drained() => {
                    report(PartState::Draining, "stopped; everything is on the disk".to_owned())
                }
                Ok(Err(_)) => {
                    let detail = "the thread that writes to the store has ended; restart the server";
                    report(PartState::Failed, detail.to_owned())
                }
                Err(_) => {
                    let detail =
                        format!("the thread that writes to the store gave no answer within {ROUND_TRIP_MAX:?}");
                    report(PartState::Failed, detail)
                }
            }
        }
        .boxed()
    }
}

fn well(condition: &Condition, databases: usize) -> PartReport {
    if let Some(trouble) = &condition.trouble {
        return report(PartState::Failed, trouble.reason.clone());
    }
    let (ops, bytes) = condition.waiting;
    let detail = format!("{databases} databases; {ops} operations and {bytes} bytes wait to be written");
    let state = match condition {
        Condition { draining: true, .. } => PartState::Draining,
        Condition { percent, .. } if *percent >= NEARLY_FULL => PartState::Degraded,
        Condition { .. } => PartState::Ready,
    };
    report(state, detail)
}

fn report(state: PartState, detail: String) -> PartReport {
    PartReport { state, detail }
}
