use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use sangam_types::{Mono, Now, Wall};

use super::super::{Delivery, Frame, Gossip, Input, MessageId, Options, Output, RefuseReason};
use crate::channel::{Incoming, decode};
use crate::{LinkId, PeerId, Profile};

/// A name of a node.
pub(super) fn peer(name: &str) -> PeerId {
    PeerId::new(name).unwrap()
}

/// Nodes of ours over links that carry everything at once, one frame after the other, and a clock set by hand.
pub(super) struct Bench {
    pub(super) now: Now,
    pub(super) nodes: Vec<Gossip>,
    pub(super) delivered: Vec<Vec<Delivery>>,
    pub(super) others: Vec<Vec<Incoming>>,
    pub(super) refused: Vec<Vec<RefuseReason>>,
    /// Frames that went over a link, by its sender.
    pub(super) sent: Vec<Vec<(LinkId, Frame)>>,
    links: BTreeMap<(usize, LinkId), usize>,
    next_link: u64,
    waiting: VecDeque<(usize, LinkId, Frame)>,
    /// Room that every frame leaves behind; `None`: as much as there was.
    pub(super) endless: bool,
}

impl Bench {
    pub(super) fn new(count: usize, options: &Options) -> Self {
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_800_000_000) };
        let node = |at: usize| Gossip::new(peer(&format!("node-{at}")), options.clone(), at as u64, now);
        Self {
            now,
            nodes: (0..count).map(node).collect(),
            delivered: vec![Vec::new(); count],
            others: vec![Vec::new(); count],
            refused: vec![Vec::new(); count],
            sent: vec![Vec::new(); count],
            links: BTreeMap::new(),
            next_link: 1,
            waiting: VecDeque::new(),
            endless: true,
        }
    }

    pub(super) fn input(&mut self, at: usize, input: Input) {
        self.nodes[at].handle_input(self.now, input);
        self.settle(at);
    }

    /// A link, the same number at both ends.
    pub(super) fn link(&mut self, a: usize, b: usize) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert((a, link), b);
        self.links.insert((b, link), a);
        for (us, them) in [(a, b), (b, a)] {
            let peer = peer(&format!("node-{them}"));
            self.input(us, Input::Up { link, peer, profile: Profile::Sangam, frame_bytes_max: 256 << 10 });
            if self.endless {
                self.input(us, Input::Room { link, bytes: usize::MAX });
            }
        }
        link
    }

    pub(super) fn cut(&mut self, link: LinkId) {
        self.waiting.retain(|(_, on, _)| *on != link);
        let ends: Vec<usize> = self.links.keys().filter(|(_, it)| *it == link).map(|(at, _)| *at).collect();
        for at in ends {
            self.links.remove(&(at, link));
            self.input(at, Input::Down { link });
        }
    }

    pub(super) fn subscribe(&mut self, at: usize, topic: &str) {
        self.input(at, Input::Subscribe { topic: topic.to_owned() });
    }

    pub(super) fn publish(&mut self, at: usize, topic: &str, payload: &str) -> MessageId {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        let id = self.nodes[at].publish(self.now, topic, payload).unwrap();
        self.settle(at);
        id
    }

    fn settle(&mut self, at: usize) {
        loop {
            match self.nodes[at].poll_output(self.now) {
                Output::Send { link, frame } => {
                    self.sent[at].push((link, frame.clone()));
                    if let Some(to) = self.links.get(&(at, link)) {
                        self.waiting.push_back((*to, link, frame));
                    }
                }
                Output::Deliver(delivery) => self.delivered[at].push(delivery),
                Output::Other { incoming, .. } => self.others[at].push(incoming),
                Output::Refused { why, .. } => self.refused[at].push(why),
                Output::Wait(_) => return,
            }
        }
    }

    /// Carries everything, until nothing is under way.
    pub(super) fn carry(&mut self) {
        while let Some((to, link, frame)) = self.waiting.pop_front() {
            self.input(to, Input::Frame { link, frame });
        }
    }

    /// Time passes, deadline by deadline.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        self.carry();
        loop {
            let next = self.nodes.iter_mut().enumerate().filter_map(|(at, node)| match node.poll_output(self.now) {
                Output::Wait(Some(until)) => Some((until, at)),
                _ => None,
            });
            let Some((until, at)) = next.min().filter(|(until, _)| *until <= end) else { break };
            self.now = self.now + until.saturating_since(self.now.mono);
            self.input(at, Input::Timeout);
            self.carry();
        }
        self.now = self.now + end.saturating_since(self.now.mono);
    }

    /// What a node was told, in order.
    pub(super) fn heard(&self, at: usize) -> Vec<String> {
        let text = |delivery: &Delivery| String::from_utf8_lossy(&delivery.payload).into_owned();
        self.delivered[at].iter().map(text).collect()
    }

    /// What a node sent so far, read.
    pub(super) fn said(&self, at: usize) -> Vec<Incoming> {
        self.sent[at].iter().map(|(_, frame)| decode(Profile::Sangam, frame).unwrap()).collect()
    }
}
