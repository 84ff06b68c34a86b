use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use foldhash::quality::FixedState;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sangam_types::{Mono, Now};

use super::cache::{Cache, Encoded};
use super::link::{Link, Speech};
use super::pace::Pace;
use super::partial::Partials;
use super::seen::Seen;
use super::wants::Wants;
use super::{
    Frame, Input, MessageId, Options, Output, Proofs, PublishError, RefuseReason, SendError, Stats, TopicStats,
    Unproven,
};
use crate::channel::{Chunk, Hello, VERSION, is_topic, subscribe, unsubscribe};
use crate::{LinkId, PeerId, Profile};

/// Topics over links.
pub struct Gossip {
    pub(super) us: PeerId,
    pub(super) options: Options,
    pub(super) rng: StdRng,
    pub(super) proofs: Box<dyn Proofs>,
    /// What we want.
    pub(super) topics: BTreeSet<Arc<str>>,
    pub(super) links: BTreeMap<LinkId, Link>,
    /// Slots of links that are gone.
    free_slots: BTreeSet<usize>,
    pub(super) seen: Seen,
    pub(super) cache: Cache,
    pub(super) wants: Wants,
    pub(super) partials: Partials,
    pub(super) pace: Pace,
    pub(super) stats: Stats,
    pub(super) outputs: VecDeque<Output>,
    /// Links for which there may be something to do.
    pub(super) dirty: BTreeSet<LinkId>,
    /// The number of the next transfer.
    transfer: u32,
}

impl Gossip {
    /// A node without links. `seed`: of everything that is random here.
    #[must_use]
    pub fn new(us: PeerId, options: Options, seed: u64, _now: Now) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let hashing = FixedState::with_seed(rng.random());
        Self {
            us,
            options: Options {
                frame_bytes_max: options.frame_bytes_max.max(Hello::FRAME_BYTES_MIN as usize),
                ..options
            },
            proofs: Box::new(Unproven),
            topics: BTreeSet::new(),
            links: BTreeMap::new(),
            free_slots: BTreeSet::new(),
            seen: Seen::new(hashing.clone()),
            cache: Cache::new(hashing.clone()),
            wants: Wants::new(hashing.clone()),
            partials: Partials::new(hashing),
            pace: Pace::default(),
            stats: Stats::default(),
            outputs: VecDeque::new(),
            dirty: BTreeSet::new(),
            transfer: rng.random(),
            rng,
        }
    }

    /// Signs and checks with these from now on.
    #[must_use]
    pub fn with_proofs(mut self, proofs: Box<dyn Proofs>) -> Self {
        self.proofs = proofs;
        self
    }

    /// Takes one input.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Up { link, peer, profile, frame_bytes_max } => self.up(now, link, peer, profile, frame_bytes_max),
            Input::Down { link } => self.down(link),
            Input::Frame { link, frame } => self.receive(now, link, &frame),
            Input::Room { link, bytes } => {
                if let Some(it) = self.links.get_mut(&link) {
                    it.room = bytes;
                    self.dirty.insert(link);
                }
            }
            Input::Subscribe { topic } => self.subscribe(now, &topic),
            Input::Unsubscribe { topic } => self.unsubscribe(&topic),
            Input::Timeout => {}
        }
        self.expire(now.mono);
        self.pump_dirty(now);
    }

    /// What comes out, until [`Output::Wait`].
    pub fn poll_output(&mut self, now: Now) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.deadline(now.mono)))
    }

    /// Tells a topic something: all who want it, everywhere.
    ///
    /// # Errors
    /// The topic's name may not be, or the message is too large.
    pub fn publish(&mut self, now: Now, topic: &str, payload: Bytes) -> Result<MessageId, PublishError> {
        if !is_topic(topic) {
            return Err(PublishError::Topic);
        }
        if payload.len() > self.options.message_bytes_max {
            return Err(PublishError::TooLarge { max: self.options.message_bytes_max });
        }
        let id = MessageId::random(self.rng.random());
        self.publish_as(now, id, topic, &payload);
        self.pump_dirty(now);
        Ok(id)
    }

    /// Sends something that is not of topics, after what waits already: a text message, a relayed signal. Between nodes
    /// like ours it goes in chunks if it is large.
    ///
    /// # Errors
    /// The link is gone, full, or takes no frame as large.
    pub fn send(&mut self, now: Now, link: LinkId, frame: Frame) -> Result<(), SendError> {
        let transfer = self.next_transfer();
        let it = self.links.get_mut(&link).ok_or(SendError::NoLink)?;
        if it.queue.data_bytes() + frame.bytes.len() > self.options.waiting_bytes_max + self.options.message_bytes_max {
            return Err(SendError::Full);
        }
        let binary = frame.binary;
        let (frames, binary) = if frame.bytes.len() <= it.frame_bytes_max {
            (vec![frame.bytes], binary)
        } else if it.is_ready() && frame.bytes.len() <= self.options.message_bytes_max {
            let max = it.frame_bytes_max.min(self.options.message_bytes_max);
            (Chunk::cut(&frame, transfer, it.frame_bytes_max).ok_or(SendError::TooLarge { max })?, true)
        } else {
            return Err(SendError::TooLarge { max: it.frame_bytes_max });
        };
        it.queue.push_data(None, Encoded::new(frames), binary);
        self.dirty.insert(link);
        self.pump_dirty(now);
        Ok(())
    }

    /// Figures since the start, and of now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let waiting = |link: &Link| link.queue.control_bytes() + link.queue.data_bytes();
        Stats {
            cached_bytes: self.cache.bytes(),
            partial_bytes: self.partials.bytes(),
            seen: self.seen.len(),
            wanted: self.wants.ids.len(),
            waiting_bytes: self.links.values().map(waiting).sum(),
            ..self.stats.clone()
        }
    }

    /// What there is of each topic we want.
    #[must_use]
    pub fn topics(&self) -> Vec<TopicStats> {
        let stats = |topic: &Arc<str>| TopicStats {
            topic: topic.to_string(),
            peers: self.links.values().filter(|link| link.topics.contains(topic)).count(),
            seen: self.seen.of_topic(topic),
        };
        self.topics.iter().map(stats).collect()
    }

    fn up(&mut self, now: Now, id: LinkId, peer: PeerId, profile: Profile, frame_bytes_max: usize) {
        self.down(id);
        let slot = self.free_slots.pop_first().unwrap_or(self.links.len());
        let frame_bytes_max = if profile == Profile::Sangam {
            frame_bytes_max.clamp(Hello::FRAME_BYTES_MIN as usize, self.options.frame_bytes_max)
        } else {
            frame_bytes_max
        };
        let mut link = Link::new(peer, profile, slot, frame_bytes_max, self.options.room_at_first);
        link.told = self.cache.first();
        self.links.insert(id, link);
        match profile {
            Profile::Sangam => self.say_hello(id),
            Profile::Synapse => self.announce(now, id),
            Profile::Agent | Profile::Unknown => {}
        }
        self.dirty.insert(id);
    }

    pub(super) fn say_hello(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let hello = Hello {
            version: VERSION,
            frame_bytes_max: u32::try_from(self.options.frame_bytes_max).unwrap_or(u32::MAX),
            ids_ahead: u32::try_from(self.options.ids_max.max(1) * 4).unwrap_or(u32::MAX),
            id: self.us.clone(),
            topics: self.topics.iter().cloned().collect(),
        };
        for frame in hello.encode(link.frame_bytes_max.min(Hello::FRAME_BYTES_MIN as usize)) {
            link.queue.push_control(frame);
        }
    }

    fn down(&mut self, id: LinkId) {
        let Some(link) = self.links.remove(&id) else { return };
        self.dirty.remove(&id);
        self.partials.forget_link(id);
        self.cache.clear_slot(link.slot);
        self.free_slots.insert(link.slot);
        for wanted in link.asking.iter().chain(&link.again) {
            self.ask_another(wanted);
        }
        // It may have been asked for all there was room for.
        self.wake_starved();
    }

    fn subscribe(&mut self, now: Now, topic: &str) {
        if !is_topic(topic) || self.topics.contains(topic) || self.topics.len() >= self.options.topics_max {
            return;
        }
        let topic: Arc<str> = topic.into();
        self.topics.insert(topic.clone());
        self.tell_topic(&topic, subscribe);
        let originals = |(id, link): (&LinkId, &Link)| (link.speech == Speech::Envelopes).then_some(*id);
        for id in self.links.iter().filter_map(originals).collect::<Vec<_>>() {
            self.announce(now, id);
        }
    }

    fn unsubscribe(&mut self, topic: &str) {
        if let Some(topic) = self.topics.take(topic) {
            self.tell_topic(&topic, unsubscribe);
        }
    }

    fn tell_topic(&mut self, topic: &Arc<str>, frames: fn(&[Arc<str>], usize) -> Vec<Frame>) {
        for (id, link) in &mut self.links {
            if matches!(link.speech, Speech::Ours { .. }) {
                for frame in frames(std::slice::from_ref(topic), link.frame_bytes_max) {
                    link.queue.push_control(frame);
                }
                self.dirty.insert(*id);
            }
        }
    }

    /// Whoever was asked for a message has not sent it: the next holder is asked, or it is given up.
    pub(super) fn ask_another(&mut self, id: &MessageId) {
        let Some(want) = self.wants.unask(id) else { return };
        while want.tries < Wants::TRIES_MAX
            && let Some(holder) = want.holders.pop_front()
        {
            if let Some(link) = self.links.get_mut(&holder) {
                link.again.push_back(*id);
                self.dirty.insert(holder);
                return;
            }
        }
        self.wants.remove(id);
        self.stats.lost += 1;
    }

    /// There is room again to ask for more.
    pub(super) fn wake_starved(&mut self) {
        if std::mem::take(&mut self.wants.starved) {
            let offering = self.links.iter().filter(|(_, link)| !link.offers.is_empty());
            self.dirty.extend(offering.map(|(id, _)| *id));
        }
    }

    fn expire(&mut self, now: Mono) {
        self.seen.forget(now);
        self.cache.forget(&self.options, now);
        self.partials.forget(now);
        while let Some((id, asked)) = self.wants.due(now) {
            if self.partials.has(asked) {
                self.wants.extend(id, now + self.options.want_time);
                continue;
            }
            if let Some(link) = self.links.get_mut(&asked) {
                link.asking.remove(&id);
                self.dirty.insert(asked);
            }
            if let Some(want) = self.wants.unask(&id) {
                // Last in turn: it may only have been slow.
                want.add_holder(asked);
            }
            self.ask_another(&id);
            self.wake_starved();
        }
        let due = self.links.iter().filter(|(_, link)| link.tell_at.is_some_and(|at| at <= now));
        self.dirty.extend(due.map(|(id, _)| *id));
    }

    fn deadline(&self, now: Mono) -> Option<Mono> {
        // A link whose time to be told has come waits for room or for word, not for time.
        let told = self.links.values().filter_map(|link| link.tell_at).filter(|at| *at > now).min();
        let others =
            [self.seen.deadline(), self.cache.deadline(&self.options), self.partials.deadline(), self.wants.deadline()];
        others.into_iter().chain([told]).flatten().min()
    }

    pub(super) fn next_transfer(&mut self) -> u32 {
        self.transfer = self.transfer.wrapping_add(1);
        self.transfer
    }

    pub(super) fn refuse(&mut self, link: LinkId, why: RefuseReason) {
        self.stats.refused += 1;
        self.outputs.push_back(Output::Refused { link, why });
    }
}
