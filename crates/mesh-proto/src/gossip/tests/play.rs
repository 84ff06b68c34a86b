use std::time::Duration;

use bytes::Bytes;
use sangam_types::{Mono, Now, Wall};

use super::super::{Delivery, Frame, Gossip, Input, MessageId, Options, Output, RefuseReason};
use super::bench::peer;
use crate::channel::{Envelope, Hello, Incoming, decode};
use crate::{LinkId, Profile};

/// One node of ours and what it hears on links whose other ends we play.
pub(super) struct Play {
    pub(super) now: Now,
    pub(super) node: Gossip,
    pub(super) sent: Vec<(LinkId, Frame)>,
    pub(super) delivered: Vec<Delivery>,
    pub(super) others: Vec<Incoming>,
    pub(super) refused: Vec<RefuseReason>,
}

impl Play {
    pub(super) fn new(options: Options) -> Self {
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_800_000_000) };
        let node = Gossip::new(peer("us"), options, 1, now);
        Self { now, node, sent: Vec::new(), delivered: Vec::new(), others: Vec::new(), refused: Vec::new() }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.node.handle_input(self.now, input);
        self.drain();
    }

    pub(super) fn drain(&mut self) {
        loop {
            match self.node.poll_output(self.now) {
                Output::Send { link, frame } => self.sent.push((link, frame)),
                Output::Deliver(delivery) => self.delivered.push(delivery),
                Output::Other { incoming, .. } => self.others.push(incoming),
                Output::Refused { why, .. } => self.refused.push(why),
                Output::Wait(_) => return,
            }
        }
    }

    pub(super) fn up(&mut self, link: LinkId, name: &str, profile: Profile) {
        self.input(Input::Up { link, peer: peer(name), profile, frame_bytes_max: 65_536 });
        self.input(Input::Room { link, bytes: 1 << 20 });
    }

    pub(super) fn hear(&mut self, link: LinkId, frame: Frame) {
        self.input(Input::Frame { link, frame });
    }

    pub(super) fn publish(&mut self, topic: &str, payload: &str) -> MessageId {
        let id = self.node.publish(self.now, topic, Bytes::copy_from_slice(payload.as_bytes())).unwrap();
        self.drain();
        id
    }

    /// What went to a text link since last asked, which is only ever envelopes.
    pub(super) fn envelopes(&mut self, link: LinkId) -> Vec<Envelope> {
        let (mine, others) = std::mem::take(&mut self.sent).into_iter().partition(|(on, _)| *on == link);
        self.sent = others;
        let mine: Vec<(LinkId, Frame)> = mine;
        let read = |(_, frame): (LinkId, Frame)| match decode(Profile::Synapse, &frame) {
            Ok(Incoming::Envelope(envelope)) => envelope,
            other => panic!("{other:?}"),
        };
        mine.into_iter().map(read).collect()
    }

    /// A link with a node like ours that said hello, and heard one.
    pub(super) fn up_ours(&mut self, link: LinkId, name: &str) {
        self.up(link, name, Profile::Sangam);
        let hello = Hello { version: 1, frame_bytes_max: 16_384, ids_ahead: 2_048, id: peer(name), topics: Vec::new() };
        for frame in hello.encode(1_024) {
            self.hear(link, frame);
        }
        self.sent.clear();
        self.others.clear();
    }

    /// What went to a link with a node like ours since last asked.
    pub(super) fn said(&mut self, link: LinkId) -> Vec<Incoming> {
        let (mine, others) = std::mem::take(&mut self.sent).into_iter().partition(|(on, _)| *on == link);
        self.sent = others;
        let mine: Vec<(LinkId, Frame)> = mine;
        mine.into_iter().map(|(_, frame)| decode(Profile::Sangam, &frame).unwrap()).collect()
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Output::Wait(Some(until)) = self.node.poll_output(self.now)
            && until <= end
        {
            self.now = self.now + until.saturating_since(self.now.mono);
            self.input(Input::Timeout);
        }
        self.now = self.now + end.saturating_since(self.now.mono);
    }
}
