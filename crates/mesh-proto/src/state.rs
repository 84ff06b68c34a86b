//! What nodes tell each other about themselves and their channels: the document of Synapse-NG's `GET /state`, merged by
//! its rules, and the signed packets that carry it.
//!
//! Anybody with a key may say anything about anybody in it; so our own record is ours alone, what a node said of itself is
//! not changed by others for a while, times of the future are refused, and everything has a bound ([`Options`]).

mod budget;
mod channel;
mod nodes;
mod options;
mod packet;

pub use nodes::{NodeRecord, profile_by};
pub use options::Options;
pub use packet::{Packet, PacketError, signature_detail};

use std::collections::BTreeMap;

use sangam_types::Wall;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::PeerId;
use crate::identity::Identity;
use budget::Budget;
use channel::Channel;
use nodes::Nodes;

/// The channel that every node is in; it has the nodes' records.
pub const GLOBAL: &str = "global";

/// What our own record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Us {
    /// Our id.
    pub id: PeerId,
    /// Our HTTP API as others reach it, equal to what is registered at a rendezvous.
    pub url: Option<String>,
    /// [`Identity::kx_public_key`].
    pub kx_public_key: String,
    /// `sangam/<version>`: by this others like us know us.
    pub software: String,
}

/// How often something was not taken from others, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Not of the shape it must have, or too large by itself.
    pub malformed: u64,
    /// A bound of the document is reached.
    pub full: u64,
    /// Of a time that has not come, or of one long gone.
    pub time: u64,
    /// About a node that said otherwise of itself.
    pub second_hand: u64,
}

/// What a merge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Whether anything is different now.
    pub changed: bool,
    /// Nodes that were not known before.
    pub nodes: Vec<PeerId>,
    /// Nodes whose record is another now, those not known before among them.
    pub renewed: Vec<PeerId>,
    /// Whether anything but nodes' records is different now: participants, tasks, …
    pub content: bool,
}

/// What a packet that was taken is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It was merged: answer with a packet of the same channel.
    Merged(Merged),
    /// We are not in that channel: `{"status":"ignored_unsubscribed_channel"}`.
    Unsubscribed,
}

/// Why a channel is not joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SubscribeError {
    /// Its name is empty, longer than 128 bytes, or has control characters.
    #[error("a channel's name has 1 to 128 bytes without control characters")]
    Name,
    /// There are as many as there may be.
    #[error("a node is in at most {0} channels")]
    TooMany(usize),
}

/// The document, as this node has it.
#[derive(Clone, Debug)]
pub struct State {
    options: Options,
    us: Us,
    version: u64,
    touched: Wall,
    nodes: Nodes,
    /// Of every channel we are in, [`GLOBAL`] too.
    channels: BTreeMap<String, Channel>,
    budget: Budget,
    refused: Refused,
}

impl State {
    /// A node that is in [`GLOBAL`] only and knows nobody.
    #[must_use]
    pub fn new(options: Options, us: Us, now: Wall) -> Self {
        let budget = Budget::new(options.document_bytes_max);
        let channels = BTreeMap::from([(GLOBAL.to_owned(), Channel::global())]);
        Self {
            options,
            us,
            version: 1,
            touched: now,
            nodes: Nodes::default(),
            channels,
            budget,
            refused: Refused::default(),
        }
    }

    /// Says another URL of us from now on.
    pub fn set_url(&mut self, url: Option<String>, now: Wall) {
        self.us.url = url;
        self.touch(now);
    }

    /// Makes our own record newer: before it is told to anybody.
    pub fn touch(&mut self, now: Wall) {
        self.touched = self.touched.max(now);
        self.version += 1;
    }

    /// A peer was seen other than by gossip. One that has no record gets one until its own comes; `mdns`: it says so.
    /// Returns whether it was not known.
    pub fn seen(&mut self, peer: &PeerId, url: Option<&str>, mdns: bool, now: Wall) -> bool {
        if *peer == self.us.id {
            return false;
        }
        self.nodes.seen(&self.options, &mut self.budget, peer, url, mdns, now)
    }

    /// Joins a channel.
    ///
    /// # Errors
    /// The name is none, or there are too many.
    pub fn subscribe(&mut self, channel: &str) -> Result<(), SubscribeError> {
        // A channel's name may be what an id may be.
        PeerId::new(channel).map_err(|_| SubscribeError::Name)?;
        if !self.channels.contains_key(channel) && self.channels.len() >= self.options.channels_max {
            return Err(SubscribeError::TooMany(self.options.channels_max));
        }
        self.channels.entry(channel.to_owned()).or_insert_with(|| Channel::of_topic(&self.us.id));
        Ok(())
    }

    /// Leaves a channel and forgets what is in it. Nobody leaves [`GLOBAL`].
    pub fn unsubscribe(&mut self, channel: &str) {
        if channel != GLOBAL
            && let Some(gone) = self.channels.remove(channel)
        {
            gone.release(&mut self.budget);
        }
    }

    /// The channels we are in.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.keys().map(String::as_str)
    }

    /// Whether we are in a channel.
    #[must_use]
    pub fn is_subscribed(&self, channel: &str) -> bool {
        self.channels.contains_key(channel)
    }

    /// One channel's object, as packets and topics carry it.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<Value> {
        let mut object = self.channels.get(name)?.to_json();
        if name == GLOBAL {
            object.insert("nodes".into(), self.nodes_json());
        }
        Some(object.into())
    }

    /// The object of [`GLOBAL`] with our own record and those of `nodes` alone: what those are told who know the rest.
    #[must_use]
    pub fn records<'a>(&self, nodes: impl IntoIterator<Item = &'a PeerId>) -> Value {
        let told = nodes.into_iter().filter_map(|id| Some((id.as_str().to_owned(), self.nodes.record(id)?)));
        let mut told: Map<_, _> = told.collect();
        told.insert(self.us.id.as_str().to_owned(), self.our_record());
        json!({ "nodes": told })
    }

    /// What a channel's object has beside nodes' records.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<Value> {
        Some(self.channels.get(name)?.to_json().into())
    }

    /// The whole document: `GET /state`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let channel = |name: &String| Some((name.clone(), self.channel(name)?));
        self.channels.keys().filter_map(channel).collect::<Map<_, _>>().into()
    }

    /// Merges what `from` says of a channel, if we are in it. `from` is who signed it, or nobody known.
    pub fn merge(&mut self, channel: &str, said: &Value, from: Option<&PeerId>, now: Wall) -> Merged {
        let mut merged = Merged::default();
        let Some(said) = said.as_object() else {
            self.refused.malformed += 1;
            return merged;
        };
        if channel == GLOBAL
            && let Some(records) = said.get("nodes").and_then(Value::as_object)
        {
            for (id, record) in records.iter().filter(|(id, _)| **id != self.us.id.as_str()) {
                let nodes = &mut self.nodes;
                let taken = nodes.merge(&self.options, &mut self.budget, &mut self.refused, (id, record), from, now);
                let Some(taken) = taken else { continue };
                merged.changed = true;
                if taken.is_new {
                    merged.nodes.push(taken.id.clone());
                }
                merged.renewed.push(taken.id);
            }
        }
        if let Some(known) = self.channels.get_mut(channel) {
            merged.content = known.merge(&self.options, &mut self.budget, &mut self.refused, said, now);
            merged.changed |= merged.content;
        }
        merged
    }

    /// Merges another node's whole document, unsigned as `GET /state` gives it: the channels that we are in.
    pub fn merge_document(&mut self, document: &Value, now: Wall) -> Merged {
        let mut all = Merged::default();
        for (channel, said) in document.as_object().into_iter().flatten() {
            if self.is_subscribed(channel) {
                let merged = self.merge(channel, said, None, now);
                all.changed |= merged.changed;
                all.nodes.extend(merged.nodes);
                all.renewed.extend(merged.renewed);
                all.content |= merged.content;
            }
        }
        all
    }

    /// A signed packet of a channel we are in. Our own record is made newer first.
    pub fn packet(&mut self, identity: &Identity, channel: &str, now: Wall) -> Option<Packet> {
        self.touch(now);
        Some(Packet::sign(identity, channel, self.channel(channel)?.to_string()))
    }

    /// Verifies a packet, and merges it if we are in its channel.
    ///
    /// # Errors
    /// The signature is wrong, or the payload is no object of JSON, or too large.
    pub fn receive(&mut self, packet: &Packet, now: Wall) -> Result<Received, PacketError> {
        let sender = packet.verify(self.options.payload_bytes_max)?;
        if !self.is_subscribed(&packet.channel_id) {
            return Ok(Received::Unsubscribed);
        }
        let said: Value = serde_json::from_str(&packet.payload).map_err(|_| PacketError::Payload)?;
        if !said.is_object() {
            return Err(PacketError::Payload);
        }
        let mut merged = self.merge(&packet.channel_id, &said, Some(&sender), now);
        if self.seen(&sender, None, false, now) {
            merged.nodes.push(sender.clone());
            merged.renewed.push(sender);
        }
        Ok(Received::Merged(merged))
    }

    /// Every node with a record but us, by id.
    pub fn nodes(&self) -> impl Iterator<Item = NodeRecord<'_>> {
        self.nodes.iter()
    }

    /// A node's record.
    #[must_use]
    pub fn node(&self, peer: &PeerId) -> Option<NodeRecord<'_>> {
        self.nodes.get(peer)
    }

    /// The node whose record has this very URL.
    #[must_use]
    pub fn node_at(&self, url: &str) -> Option<NodeRecord<'_>> {
        self.nodes().find(|node| node.url == Some(url))
    }

    /// Who are in a channel, as far as they said.
    pub fn participants(&self, channel: &str) -> impl Iterator<Item = &str> {
        self.channels.get(channel).into_iter().flat_map(Channel::participants)
    }

    /// What was not taken.
    #[must_use]
    pub fn refused(&self) -> Refused {
        self.refused
    }

    /// Bytes of JSON that others made us keep, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.budget.used()
    }

    fn nodes_json(&self) -> Value {
        let mut nodes = self.nodes.to_json();
        nodes.insert(self.us.id.as_str().to_owned(), self.our_record());
        nodes.into()
    }

    fn our_record(&self) -> Value {
        json!({
            "id": self.us.id.as_str(),
            "url": self.us.url.as_deref().unwrap_or_default(),
            "kx_public_key": self.us.kx_public_key,
            "last_seen": crate::timestamp::unix_seconds(self.touched),
            "version": self.version,
            "reputation": { "_total": 0, "_last_updated": crate::timestamp::python(self.touched), "tags": {} },
            "balance": 0,
            "software": self.us.software,
        })
    }
}

#[cfg(test)]
mod tests;
