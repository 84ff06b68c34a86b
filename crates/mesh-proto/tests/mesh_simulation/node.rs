//! The nodes: ours, and models of the originals with their weaknesses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sangam_mesh_proto::mesh::{DialOutcome, Event, Mesh};
use sangam_mesh_proto::{Candidate, Description, LinkId, PeerId};
use sangam_types::Mono;

use crate::stack::Pc;

/// What is at work in a node, while it runs.
pub(crate) enum Mind {
    Ours(Box<Mesh>),
    Synapse(Synapse),
    Agent(Agent),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    Synapse,
    /// `renews`: a new session takes the place of the old one on its connection, as with libwebrtc; libdatachannel takes none.
    Agent {
        dials: bool,
        renews: bool,
    },
}

/// One connection per peer; a new one with each offer, without closing the old; never tries again (§1.6).
#[derive(Default)]
pub(crate) struct Synapse {
    pub(crate) stored: BTreeMap<PeerId, u64>,
    /// The connections whose answer is awaited.
    pub(crate) asking: BTreeSet<u64>,
    /// What lies at the rendezvous for it: one offer, one answer, candidates per sender.
    pub(crate) mailbox: BTreeMap<PeerId, Mail>,
}

#[derive(Default)]
pub(crate) struct Mail {
    pub(crate) offer: Option<Description>,
    pub(crate) answer: Option<Description>,
    pub(crate) candidates: Vec<Candidate>,
}

/// One connection per peer for ever; dies of what it does not expect (§2.3).
#[derive(Default)]
pub(crate) struct Agent {
    pub(crate) stored: BTreeMap<PeerId, u64>,
    pub(crate) asking: BTreeSet<u64>,
}

pub(crate) struct Node {
    pub(crate) id: PeerId,
    pub(crate) kind: Kind,
    pub(crate) life: u32,
    pub(crate) mind: Option<Mind>,
    pub(crate) asleep: bool,
    pub(crate) pcs: BTreeMap<u64, Pc>,
    pub(crate) named: u64,
    pub(crate) wait: Option<Mono>,
    pub(crate) account: Account,
    pub(crate) stopped_at: Option<Duration>,
}

impl Node {
    pub(crate) fn runs(&self) -> bool {
        self.mind.is_some() && !self.asleep
    }

    pub(crate) fn mesh(&self) -> Option<&Mesh> {
        if let Some(Mind::Ours(mesh)) = &self.mind { Some(mesh) } else { None }
    }
}

/// Whether what a machine tells is a story without gaps.
#[derive(Default)]
pub(crate) struct Account {
    attempts: BTreeMap<LinkId, PeerId>,
    up: BTreeMap<LinkId, bool>,
    pub(crate) made: usize,
    pub(crate) made_with: BTreeMap<PeerId, usize>,
}

impl Account {
    pub(crate) fn enter(&mut self, event: &Event) {
        match event {
            Event::Attempt { link, peer, .. } => {
                assert!(self.attempts.insert(*link, peer.clone()).is_none(), "{link:?} is tried twice");
                self.made += 1;
                *self.made_with.entry(peer.clone()).or_default() += 1;
            }
            Event::Attempted { link, outcome, .. } => {
                assert!(self.attempts.remove(link).is_some(), "{link:?} ends without a beginning");
                if *outcome == DialOutcome::Established {
                    self.up.insert(*link, false);
                }
            }
            Event::Up { link, .. } => assert_eq!(self.up.insert(*link, true), Some(false), "{link:?} is up twice"),
            Event::Interrupted { link, .. } => assert_eq!(self.up.insert(*link, false), Some(true)),
            Event::Down { link, .. } => assert!(self.up.remove(link).is_some(), "{link:?} was never up"),
            _ => {}
        }
    }

    /// Nothing is open that was not told to have ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.attempts.is_empty() && self.up.is_empty()
    }
}
