use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use sangam_types::{Mono, Now};

use super::cache::Encoded;
use super::link::Speech;
use super::pace::Draw;
use super::{Delivery, Frame, Gossip, MessageId, Output, RefuseReason, Verdict};
use crate::channel::{self, Ask, Body, Chunk, Envelope, EnvelopeKind, Header, Incoming, Message};
use crate::{LinkId, Profile};

/// Control frames that wait for one link before nothing is answered any more, bytes.
const CONTROL_BYTES_MAX: usize = 64 << 10;

impl Gossip {
    pub(super) fn publish_as(&mut self, now: Now, id: MessageId, topic: &str, payload: &Bytes) {
        let topic = self.topics.get(topic).cloned().unwrap_or_else(|| topic.into());
        let body = Body::new(now.wall, id, topic, self.us.clone(), payload);
        let signature = self.proofs.sign(&body.signed());
        let header = Header { hops: 1, age: Duration::ZERO, signature };
        self.stats.published += 1;
        self.pace.count(now.mono);
        self.seen.insert(&self.options, now.mono, id, &body.topic, now.mono);
        self.pass_on(now, None, &header, &body, now.mono);
    }

    /// A message came. `text`: from a node that speaks SynapseSub.
    pub(super) fn message(&mut self, now: Now, from: LinkId, header: Header, body: Body, text: bool) {
        let Some(link) = self.links.get_mut(&from) else { return };
        self.cache.set_known(&body.id, link.slot);
        if self.seen.contains(&body.id) {
            self.stats.duplicates += 1;
            if !text && link.came_again(now.mono, &body.id, self.pace.draw(&body.id)) {
                link.queue.push_control(channel::prune());
                self.dirty.insert(from);
            }
            return;
        }
        let born = now.mono - header.age;
        let born = self.wants.ids.get(&body.id).map_or(born, |want| want.born.min(born));
        let proven = match self.check(now.mono, &header, &body, born, text) {
            Ok(proven) => proven,
            Err(why) => return self.refuse(from, why),
        };
        if let Some(link) = self.links.get_mut(&from).filter(|link| !text && !link.asking.contains(&body.id)) {
            link.came_first(now.mono, self.pace.draw(&body.id));
        }
        self.forget_want(now.mono, from, &body.id);
        self.pace.count(now.mono);
        self.seen.insert(&self.options, now.mono, body.id, &body.topic, born);
        let next = Header { hops: header.hops.saturating_add(1), age: now.mono.saturating_since(born), ..header };
        if header.hops < self.options.hops_max && !(text && self.options.signature_required) {
            self.pass_on(now, Some(from), &next, &body, born);
        }
        if self.topics.contains(&body.topic) && body.origin != self.us {
            self.stats.delivered += 1;
            self.outputs.push_back(Output::Deliver(Delivery {
                topic: body.topic.to_string(),
                origin: body.origin,
                id: body.id,
                hops: header.hops,
                payload: body.payload,
                published: body.published,
                proven,
            }));
        }
    }

    /// Whether it may be taken, and whether its origin is proven. A forged one leaves no trace: the true one may follow.
    fn check(&self, now: Mono, header: &Header, body: &Body, born: Mono, text: bool) -> Result<bool, RefuseReason> {
        if header.hops > self.options.hops_max {
            return Err(RefuseReason::TooManyHops);
        }
        if body.payload.len() > self.options.message_bytes_max {
            return Err(RefuseReason::TooLarge);
        }
        if self.seen.is_stale(&self.options, now, born) {
            return Err(RefuseReason::Stale);
        }
        let verdict = match &header.signature {
            Some(signature) => self.proofs.verify(&body.origin, &body.signed(), signature),
            None => Verdict::Unknown,
        };
        match verdict {
            Verdict::Right => Ok(true),
            Verdict::Wrong => Err(RefuseReason::Signature),
            Verdict::Unknown if self.options.signature_required && !text => Err(RefuseReason::Signature),
            Verdict::Unknown => Ok(false),
        }
    }

    fn forget_want(&mut self, now: Mono, from: LinkId, id: &MessageId) {
        let Some(want) = self.wants.remove(id) else { return };
        if let Some(asked) = want.asked {
            if let Some(link) = self.links.get_mut(&asked) {
                if asked == from {
                    link.asking.remove(id);
                    self.stats.recovered += 1;
                    if want.is_branch_lost(now, &self.options) {
                        link.graft();
                        link.queue.push_control(channel::i_want(&Ask { graft: true, ids: Vec::new() }));
                    }
                } else {
                    link.need_not(id, self.options.ids_max);
                }
            }
            self.dirty.insert(asked);
        }
        self.wake_starved();
    }

    /// Keeps a message, pushes it where it is pushed, and plans for the others to be told.
    fn pass_on(&mut self, now: Now, from: Option<LinkId>, header: &Header, body: &Body, born: Mono) {
        let Some(encoded) = self.encode(header, body) else { return };
        // By the tree it comes sooner. What is not pushed is told at once.
        let pause = self.options.tell_after.mul_f64(self.rng.random_range(0.25..1.0));
        let tell_from = encoded.is_one_frame().then_some(now.mono + pause);
        self.cache.push(&self.options, body.id, born, tell_from, encoded.clone());
        if let Some(link) = from.and_then(|from| self.links.get(&from)) {
            self.cache.set_known(&body.id, link.slot);
        }
        self.push(from, body.id, &encoded);
        self.push_text(from, body);
        let Some(entry) = self.cache.get(&body.id) else { return };
        for (id, link) in &mut self.links {
            if link.is_ready() && !super::cache::Cache::is_known(entry, link.slot) {
                link.tell_by(tell_from.unwrap_or(now.mono));
                if link.tell_at.is_some_and(|at| at <= now.mono) {
                    self.dirty.insert(*id);
                }
            }
        }
    }

    fn encode(&mut self, header: &Header, body: &Body) -> Option<Encoded> {
        let whole = Message::encode(header, body);
        if whole.bytes.len() <= self.options.frame_bytes_max {
            return Some(Encoded::new(vec![whole.bytes]));
        }
        let transfer = self.next_transfer();
        Chunk::cut(&whole, transfer, self.options.frame_bytes_max).map(Encoded::new)
    }

    fn push(&mut self, from: Option<LinkId>, id: MessageId, encoded: &Encoded) {
        if !encoded.is_one_frame() {
            return;
        }
        let Some(entry) = self.cache.get(&id) else { return };
        let (mut branches, mut others): (Vec<LinkId>, Vec<LinkId>) = Default::default();
        let reshapes = self.pace.draw(&id) == Draw::Reshapes;
        for (id, link) in &self.links {
            let pushed = (link.push || reshapes) && link.is_ready() && Some(*id) != from;
            if pushed && encoded.largest <= link.frame_bytes_max && !super::cache::Cache::is_known(entry, link.slot) {
                if link.queue.data_bytes() + encoded.bytes > self.options.waiting_bytes_max {
                    self.stats.held_back += 1;
                } else if link.branch {
                    branches.push(*id);
                } else {
                    others.push(*id);
                }
            }
        }
        branches.shuffle(&mut self.rng);
        others.shuffle(&mut self.rng);
        for chosen in branches.iter().chain(&others).take(self.options.fan_out) {
            if let Some(link) = self.links.get_mut(chosen) {
                link.push = true;
                link.queue.push_data(Some(id), encoded.clone(), true);
                self.cache.set_known(&id, link.slot);
                self.stats.forwarded += 1;
                self.dirty.insert(*chosen);
            }
        }
    }

    /// Original nodes get it at once or, if their link is full, as soon as there is room: they never ask.
    fn push_text(&mut self, from: Option<LinkId>, body: &Body) {
        let mut frame: Option<Option<Encoded>> = None;
        let mut owed = Vec::new();
        for (id, link) in &mut self.links {
            let wants = link.topics.contains(&body.topic) || is_original_topic(&body.topic);
            if link.speech != Speech::Envelopes || Some(*id) == from || !wants {
                continue;
            }
            let encoded = frame.get_or_insert_with(|| envelope_of(body));
            match encoded {
                Some(encoded) if encoded.bytes <= link.frame_bytes_max => {
                    if link.queue.data_bytes() + encoded.bytes > self.options.waiting_bytes_max {
                        self.stats.held_back += 1;
                        owed.push(*id);
                    } else {
                        link.queue.push_data(Some(body.id), encoded.clone(), false);
                        self.stats.forwarded += 1;
                        self.dirty.insert(*id);
                    }
                }
                _ => self.stats.unsuited += 1,
            }
        }
        for id in owed {
            self.owe(id, body.id);
        }
    }

    pub(super) fn announce(&mut self, now: Now, id: LinkId) {
        // The envelope's own topic is one that an original node joins by itself: best one it has.
        let first = self.topics.iter().find(|topic| is_original_topic(topic)).or_else(|| self.topics.first());
        let Some(topic) = first.cloned() else { return };
        let topics = self.topics.iter().cloned().collect();
        self.say(now, id, topic, EnvelopeKind::Announce(topics));
    }

    pub(super) fn pong(&mut self, now: Now, id: LinkId, ping: MessageId) {
        self.say(now, id, Arc::from("keepalive"), EnvelopeKind::Pong(ping));
    }

    pub(super) fn say(&mut self, now: Now, id: LinkId, topic: Arc<str>, kind: EnvelopeKind) {
        let timestamp = now.wall;
        let message = MessageId::random(self.rng.random());
        let envelope = Envelope { kind, topic, sender: self.us.clone(), timestamp, id: message };
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(frame) = envelope.encode() else { return };
        if link.queue.control_bytes() < CONTROL_BYTES_MAX && frame.bytes.len() <= link.frame_bytes_max {
            link.queue.push_control(frame);
            self.dirty.insert(id);
        }
    }
}

/// Topics that original nodes join without saying so on any link.
fn is_original_topic(topic: &str) -> bool {
    topic == "global-discovery" || topic.starts_with("channel:")
}

/// As original nodes read it; `None`: its payload is no JSON.
pub(super) fn envelope_of(body: &Body) -> Option<Encoded> {
    let envelope = Envelope {
        kind: EnvelopeKind::Message(body.payload.clone()),
        topic: body.topic.clone(),
        sender: body.origin.clone(),
        timestamp: body.published,
        id: body.id,
    };
    envelope.encode().map(|frame| Encoded::new(vec![frame.bytes]))
}

/// A kept message for a link that takes smaller frames, or text.
pub(super) fn body_of(encoded: &Encoded) -> Option<(Frame, Body)> {
    let whole = Gossip::payload_of(&encoded.frames)?;
    match channel::decode(Profile::Sangam, &whole) {
        Ok(Incoming::Message(message)) => Some((whole, message.body)),
        _ => None,
    }
}
