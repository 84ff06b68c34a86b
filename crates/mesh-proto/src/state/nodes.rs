use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sangam_types::Wall;
use serde_json::{Map, Value, json};

use super::budget::{Budget, size};
use super::{Options, Refused};
use crate::{PeerId, Profile, timestamp};

/// A node's record as others see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeRecord<'a> {
    /// Its id.
    pub id: &'a PeerId,
    /// Its HTTP API, if it said one.
    pub url: Option<&'a str>,
    /// When it last renewed its record, by its own clock, in seconds since 1970.
    pub last_seen: f64,
    /// When we last heard of it, by our clock.
    pub heard: Wall,
    /// What it runs, if it says so.
    pub software: Option<&'a str>,
}

impl NodeRecord<'_> {
    /// What it is, by its record. One that we made up until its own comes tells nothing.
    #[must_use]
    pub fn profile(&self) -> Profile {
        if self.software.is_none() && self.last_seen <= 0.0 { Profile::Unknown } else { profile_by(self.software) }
    }
}

/// What a node is, by the `software` of its record. Originals do not say what they are; nodes like ours do.
#[must_use]
pub fn profile_by(software: Option<&str>) -> Profile {
    match software {
        Some(software) if software.starts_with("sangam/") => Profile::Sangam,
        Some(_) => Profile::Unknown,
        None => Profile::Synapse,
    }
}

/// The records of all nodes but ours.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    records: BTreeMap<PeerId, Node>,
    /// The same nodes, the one longest not heard of first.
    by_heard: BTreeSet<(Wall, PeerId)>,
}

#[derive(Clone, Debug)]
struct Node {
    record: Map<String, Value>,
    bytes: usize,
    last_seen: f64,
    heard: Wall,
    /// When it last said this of itself.
    first_hand: Option<Wall>,
    /// We made it up: its own replaces it, whatever that says of its time.
    made_up: bool,
}

/// A record that was taken.
pub(super) struct Taken {
    pub(super) id: PeerId,
    pub(super) is_new: bool,
}

impl Nodes {
    pub(super) fn seen(
        &mut self,
        options: &Options,
        budget: &mut Budget,
        peer: &PeerId,
        url: Option<&str>,
        mdns: bool,
        now: Wall,
    ) -> bool {
        let known = self.records.get_mut(peer);
        if let Some(node) = known {
            self.by_heard.remove(&(node.heard, peer.clone()));
            node.heard = node.heard.max(now);
            self.by_heard.insert((node.heard, peer.clone()));
            let has_url = node.url().is_some();
            if !node.made_up || has_url || url.is_none() {
                return false;
            }
        }
        let is_new = !self.records.contains_key(peer);
        let mut record = json!({
            "id": peer.as_str(), "url": url.unwrap_or_default(), "kx_public_key": "",
            "last_seen": timestamp::unix_seconds(now), "version": 1,
            "reputation": { "_total": 0, "_last_updated": timestamp::python(now), "tags": {} }, "balance": 0,
        });
        if mdns && let Some(record) = record.as_object_mut() {
            record.insert("discovered_via".into(), json!("mdns"));
        }
        let Value::Object(record) = record else { return false };
        let node = Node { bytes: 0, last_seen: 0.0, heard: now, first_hand: None, made_up: true, record };
        self.put(options, budget, peer.clone(), node, now) && is_new
    }

    pub(super) fn merge(
        &mut self,
        options: &Options,
        budget: &mut Budget,
        refused: &mut Refused,
        (id, said): (&str, &Value),
        from: Option<&PeerId>,
        now: Wall,
    ) -> Option<Taken> {
        let Some((id, record, last_seen)) = read(options, id, said) else {
            refused.malformed += 1;
            return None;
        };
        let age = timestamp::unix_seconds(now) - last_seen;
        if age > options.node_time.as_secs_f64() || -age > options.clock_skew_max.as_secs_f64() {
            refused.time += 1;
            return None;
        }
        let first_hand = from == Some(&id);
        let known = self.records.get(&id);
        let is_new = known.is_none();
        if let Some(known) = known {
            if !known.made_up && last_seen <= known.last_seen {
                return None;
            }
            if !first_hand && known.gainsaid_by(record, options.first_hand_time, now) {
                refused.second_hand += 1;
                return None;
            }
        }
        // What is merely told of drives nobody out of whom we heard just now.
        let last_silent =
            if first_hand { now } else { Wall::from_unix_millis(now.unix_millis().saturating_sub(FRESH)) };
        let said_so = if first_hand { Some(now) } else { known.and_then(|known| known.first_hand) };
        let node =
            Node { record: record.clone(), bytes: 0, last_seen, heard: now, first_hand: said_so, made_up: false };
        if self.put(options, budget, id.clone(), node, last_silent) {
            Some(Taken { id, is_new })
        } else {
            refused.full += 1;
            None
        }
    }

    /// Keeps a record, if there is room, or can be made by dropping one not heard of since `last_silent`.
    fn put(&mut self, options: &Options, budget: &mut Budget, id: PeerId, mut node: Node, last_silent: Wall) -> bool {
        if !self.records.contains_key(&id) && self.records.len() >= options.nodes_max {
            let oldest = self.by_heard.first().filter(|(heard, _)| *heard <= last_silent).cloned();
            let Some(gone) = oldest.and_then(|oldest| self.remove(&oldest.1)) else { return false };
            budget.release(gone.bytes);
        }
        node.bytes = node.record.iter().map(|(name, value)| name.len() + 4 + size(value)).sum::<usize>() + 48;
        let old = self.records.get(&id).map_or(0, |node| node.bytes);
        let fits = budget.exchange(old, node.bytes);
        if fits {
            self.remove(&id);
            self.by_heard.insert((node.heard, id.clone()));
            self.records.insert(id, node);
        }
        fits
    }

    fn remove(&mut self, id: &PeerId) -> Option<Node> {
        let node = self.records.remove(id)?;
        self.by_heard.remove(&(node.heard, id.clone()));
        Some(node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = NodeRecord<'_>> {
        self.records.iter().map(|(id, node)| node.view(id))
    }

    pub(super) fn get(&self, peer: &PeerId) -> Option<NodeRecord<'_>> {
        self.records.get_key_value(peer).map(|(id, node)| node.view(id))
    }

    /// One node's record as it is told.
    pub(super) fn record(&self, id: &PeerId) -> Option<Value> {
        self.records.get(id).map(|node| node.record.clone().into())
    }

    pub(super) fn to_json(&self) -> Map<String, Value> {
        self.records.iter().map(|(id, node)| (id.as_str().to_owned(), node.record.clone().into())).collect()
    }
}

impl Node {
    fn view<'a>(&'a self, id: &'a PeerId) -> NodeRecord<'a> {
        let software = self.record.get("software").and_then(Value::as_str);
        NodeRecord { id, url: self.url(), last_seen: self.last_seen, heard: self.heard, software }
    }

    fn url(&self) -> Option<&str> {
        self.record.get("url").and_then(Value::as_str).filter(|url| !url.is_empty())
    }

    /// Whether the node itself said otherwise not long ago.
    fn gainsaid_by(&self, record: &Map<String, Value>, first_hand_time: Duration, now: Wall) -> bool {
        let fresh = self.first_hand.is_some_and(|said| now.unix_millis() < (said + first_hand_time).unix_millis());
        fresh && ["url", "kx_public_key", "software"].iter().any(|name| self.record.get(*name) != record.get(*name))
    }
}

/// A record of the shape it must have: an object, `id` as its key or absent, `url` a text or absent, `last_seen` a number.
fn read<'a>(options: &Options, id: &str, said: &'a Value) -> Option<(PeerId, &'a Map<String, Value>, f64)> {
    let id = PeerId::new(id).ok()?;
    let record = said.as_object()?;
    let fits = size(said) <= options.node_bytes_max
        && record.get("id").is_none_or(|said| said == id.as_str())
        && record.get("url").is_none_or(|url| url.is_string() || url.is_null());
    let last_seen = record.get("last_seen")?.as_f64().filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
    fits.then_some((id, record, last_seen))
}

/// Milliseconds for which a node counts as just heard of: six rounds of Synapse-NG's gossip.
const FRESH: u64 = 60_000;
