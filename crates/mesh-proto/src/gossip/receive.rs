use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::{Mono, Now};

use super::link::Speech;
use super::offers::Offer;
use super::partial::AROUND_BYTES_MAX;
use super::{Frame, Gossip, MessageId, Output, RefuseReason};
use crate::channel::{self, Ask, Body, Chunk, Envelope, EnvelopeKind, Header, Hello, Incoming, Told};
use crate::{LinkId, Profile};

/// Ids that wait for an original node at most: it asks for none by itself.
const ASKED_MAX: usize = 4_096;

impl Gossip {
    pub(super) fn receive(&mut self, now: Now, id: LinkId, frame: &Frame) {
        let Some(link) = self.links.get(&id) else { return };
        if frame.bytes.len() > self.options.message_bytes_max + AROUND_BYTES_MAX {
            return self.refuse(id, RefuseReason::TooLarge);
        }
        match channel::decode(link.speech.profile(), frame) {
            Ok(Incoming::Chunk(chunk)) => self.chunk(now, id, &chunk),
            Ok(incoming) => self.incoming(now, id, incoming),
            Err(_) => self.refuse(id, RefuseReason::Malformed),
        }
    }

    fn chunk(&mut self, now: Now, id: LinkId, chunk: &Chunk) {
        if !self.is_ready(id) {
            return self.refuse(id, RefuseReason::Unasked);
        }
        match self.partials.add(&self.options, now.mono, id, chunk) {
            Ok(None) | Err(None) => {}
            Ok(Some(whole)) => match channel::decode(Profile::Sangam, &whole) {
                Ok(Incoming::Chunk(_)) | Err(_) => self.refuse(id, RefuseReason::Malformed),
                Ok(incoming) => self.incoming(now, id, incoming),
            },
            Err(Some(why)) => self.refuse(id, why),
        }
    }

    fn incoming(&mut self, now: Now, id: LinkId, incoming: Incoming) {
        match incoming {
            Incoming::Hello(hello) => return self.hello(now, id, hello),
            Incoming::Envelope(envelope) => return self.envelope(now, id, envelope),
            Incoming::Relay(_) | Incoming::LegacyGossip(_) | Incoming::IfMessage(_) | Incoming::Unknown => {
                return self.outputs.push_back(Output::Other { link: id, incoming });
            }
            Incoming::Subscribe(_)
            | Incoming::Unsubscribe(_)
            | Incoming::Message(_)
            | Incoming::IHave(_)
            | Incoming::IWant(_)
            | Incoming::Heard(_)
            | Incoming::Prune
            | Incoming::Chunk(_) => {}
        }
        if !self.is_ready(id) {
            return self.refuse(id, RefuseReason::Unasked);
        }
        match incoming {
            Incoming::Subscribe(topics) => self.want_topics(id, topics),
            Incoming::Unsubscribe(topics) => {
                if let Some(link) = self.links.get_mut(&id) {
                    for topic in &topics {
                        link.topics.remove(topic);
                    }
                }
            }
            Incoming::Message(message) => self.message(now, id, message.header, message.body, false),
            Incoming::IHave(told) => self.i_have(now.mono, id, &told),
            Incoming::IWant(ask) => self.i_want(id, &ask),
            Incoming::Heard(count) => self.heard(id, count),
            Incoming::Prune => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.prune();
                }
            }
            Incoming::Hello(_)
            | Incoming::Envelope(_)
            | Incoming::Relay(_)
            | Incoming::LegacyGossip(_)
            | Incoming::IfMessage(_)
            | Incoming::Unknown
            | Incoming::Chunk(_) => {}
        }
    }

    fn is_ready(&self, id: LinkId) -> bool {
        self.links.get(&id).is_some_and(super::link::Link::is_ready)
    }

    fn hello(&mut self, now: Now, id: LinkId, hello: Hello) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let answers = match link.speech {
            Speech::Ours { heard: false } => false,
            // It is one of us after all.
            Speech::Unknown => true,
            Speech::Ours { heard: true } | Speech::Envelopes | Speech::Agent => {
                return self.refuse(id, RefuseReason::Unasked);
            }
        };
        link.frame_bytes_max =
            link.frame_bytes_max.min(hello.frame_bytes_max as usize).min(self.options.frame_bytes_max);
        link.ahead_max = hello.ids_ahead;
        link.speech = Speech::Ours { heard: true };
        link.tell_by(now.mono);
        if answers {
            self.say_hello(id);
        }
        self.want_topics(id, hello.topics.clone());
        self.dirty.insert(id);
        self.outputs.push_back(Output::Other { link: id, incoming: Incoming::Hello(hello) });
    }

    fn want_topics(&mut self, id: LinkId, topics: Vec<Arc<str>>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        for topic in topics {
            if link.topics.len() >= self.options.topics_max && !link.topics.contains(&topic) {
                return self.refuse(id, RefuseReason::TooManyTopics);
            }
            link.topics.insert(topic);
        }
    }

    fn i_have(&mut self, now: Mono, id: LinkId, told: &[Told]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.offers.len() + told.len() > self.options.ids_max.max(1) * 4 {
            return self.refuse(id, RefuseReason::Unasked);
        }
        for Told { id, age, bytes } in told {
            self.cache.set_known(id, link.slot);
            link.offers.push_back(Offer { id: *id, born: now - *age, bytes: *bytes });
        }
        self.dirty.insert(id);
    }

    fn i_want(&mut self, id: LinkId, ask: &Ask) {
        let most = self.options.ids_max.max(1) * 4;
        let Some(link) = self.links.get_mut(&id) else { return };
        if ask.graft {
            link.graft();
        }
        if link.owed() + ask.ids.len() > most {
            return self.refuse(id, RefuseReason::Unasked);
        }
        for id in &ask.ids {
            link.owe(*id);
        }
        self.dirty.insert(id);
    }

    fn heard(&mut self, id: LinkId, count: u32) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if count > link.ahead {
            return self.refuse(id, RefuseReason::Unasked);
        }
        link.ahead -= count;
        self.dirty.insert(id);
    }

    fn envelope(&mut self, now: Now, id: LinkId, envelope: Envelope) {
        let Some(link) = self.links.get_mut(&id) else { return };
        match link.speech {
            Speech::Unknown => link.speech = Speech::Envelopes,
            Speech::Envelopes | Speech::Ours { .. } => {}
            // It is not known to bear what it would get from then on.
            Speech::Agent => return self.refuse(id, RefuseReason::Unasked),
        }
        let Envelope { kind, topic, timestamp, id: message, .. } = envelope;
        match kind {
            EnvelopeKind::Announce(topics) => {
                self.want_topics(id, topics);
                self.want_topics(id, vec![topic]);
            }
            EnvelopeKind::Message(payload) => {
                // Whoever it names as its sender: an original node passes on nothing but its own.
                let body = Body::new(timestamp, message, topic, link.peer.clone(), &payload);
                let header = Header { hops: 1, age: Duration::ZERO, signature: None };
                self.message(now, id, header, body, true);
            }
            EnvelopeKind::IHave(ids) => {
                let told: Vec<Told> = ids.into_iter().map(|id| Told { id, age: Duration::ZERO, bytes: 0 }).collect();
                self.i_have(now.mono, id, &told);
            }
            EnvelopeKind::IWant(ids) => self.i_want(id, &Ask { graft: false, ids }),
            EnvelopeKind::Ping => self.pong(now, id, message),
            EnvelopeKind::Pong(_) => {}
        }
        self.dirty.insert(id);
    }

    /// Keeps an id for a link that cannot ask for it.
    pub(super) fn owe(&mut self, id: LinkId, message: MessageId) {
        if let Some(link) = self.links.get_mut(&id)
            && link.owed() < ASKED_MAX
        {
            link.owe(message);
        }
    }

    pub(super) fn payload_of(frames: &[Bytes]) -> Option<Frame> {
        if let [one] = frames {
            return Some(Frame { binary: true, bytes: one.clone() });
        }
        let mut whole = Vec::new();
        for frame in frames {
            let frame = Frame { binary: true, bytes: frame.clone() };
            let Ok(Incoming::Chunk(chunk)) = channel::decode(Profile::Sangam, &frame) else { return None };
            whole.extend_from_slice(&chunk.bytes);
        }
        Some(Frame { binary: true, bytes: Bytes::from(whole) })
    }
}
