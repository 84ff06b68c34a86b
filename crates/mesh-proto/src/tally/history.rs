use std::collections::{BTreeMap, VecDeque};

use sangam_types::Wall;
use serde_json::{Map, Value, json};

use super::Options;
use crate::{PeerId, timestamp};

/// What became of the links with each peer, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    changes: BTreeMap<PeerId, VecDeque<(&'static str, Wall)>>,
}

impl History {
    /// A state that is the peer's last already adds nothing.
    pub(super) fn add(&mut self, options: &Options, peer: &PeerId, state: &'static str, at: Wall) {
        if !self.changes.contains_key(peer) && self.changes.len() >= options.peers_max {
            self.forget_one();
        }
        let changes = self.changes.entry(peer.clone()).or_default();
        if changes.back().is_some_and(|(last, _)| *last == state) {
            return;
        }
        changes.push_back((state, at));
        while changes.len() > options.changes_max.max(1) {
            changes.pop_front();
        }
    }

    fn forget_one(&mut self) {
        let oldest = self.changes.iter().min_by_key(|(_, changes)| changes.back().map(|(_, at)| *at));
        if let Some(peer) = oldest.map(|(peer, _)| peer.clone()) {
            self.changes.remove(&peer);
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let change = |(state, at): &(&str, Wall)| json!({ "state": state, "timestamp": timestamp::unix_seconds(*at) });
        let peer = |(peer, changes): (&PeerId, &VecDeque<_>)| {
            (peer.as_str().to_owned(), changes.iter().map(change).collect::<Vec<_>>().into())
        };
        self.changes.iter().map(peer).collect::<Map<_, _>>().into()
    }
}
