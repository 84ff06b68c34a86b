use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{Part, PartReport, PartState};
use sangam_mesh_node::Node;
use sangam_mesh_node::node::Command;
use sangam_mesh_proto::LinkState;

/// A task that takes longer than this to answer keeps its links waiting too.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(500);

/// The node as a part of the whole: a round trip through the task that owns it. No link is no failure: it may be the first.
pub(crate) struct NodePart(pub(crate) Node);

impl Part for NodePart {
    fn name(&self) -> &'static str {
        "node"
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        async {
            match tokio::time::timeout(ROUND_TRIP_MAX, self.0.ask(Command::Links)).await {
                Ok(Some(links)) => {
                    let open = links.iter().filter(|link| link.state == LinkState::Open).count();
                    let detail = format!("{open} of {} links are open", links.len());
                    PartReport { state: PartState::Ready, detail }
                }
                Ok(None) => failed("the task that owns the node has ended; restart it".to_owned()),
                Err(_) => failed(format!("the task that owns the node gave no answer within {ROUND_TRIP_MAX:?}")),
            }
        }
        .boxed()
    }
}

fn failed(detail: String) -> PartReport {
    PartReport { state: PartState::Failed, detail }
}
