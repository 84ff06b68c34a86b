use std::time::Duration;

use sangam_mesh_proto::{Failure, SelectedPair};
use serde_json::{Value, json};

/// What became of one attempt to link, as signaling servers like ours are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A data channel is open.
    Established {
        /// What carries it, if that is known.
        pair: Option<SelectedPair>,
        /// How long it took.
        took: Duration,
    },
    /// None came about.
    Failed(Failure),
}

impl Report {
    /// As it stands in `links` of a `report`. No address is in it.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Established { pair, took } => {
                let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                let mut value = json!({"outcome": "established", "connect_ms": took});
                if let Some(pair) = pair {
                    value["path"] = json!(pair.local_kind.as_str());
                    value["protocol"] = json!(pair.protocol.as_str());
                }
                value
            }
            Self::Failed(why) => json!({"outcome": "failed", "reason": why.as_str()}),
        }
    }
}
