use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sangam_types::{Mono, Now};

use super::heard::Heard;
use super::link::{Link, Stage};
use super::peer::Peer;
use super::us::Us;
use super::{Event, Input, Options, Output, PeerView, Sighting, Source};
use crate::{Description, DescriptionKind, Failure, LinkId, LinkState, PeerId, Profile, Signal, Via};

/// Peers and the links with them.
///
/// ```
/// use sangam_mesh_proto::mesh::{Input, Mesh, Options, Output, Sighting, Source};
/// use sangam_mesh_proto::{PeerId, Profile};
/// use sangam_types::Now;
///
/// let now = Now::default();
/// let mut mesh = Mesh::new(PeerId::new("a").unwrap(), Options::default(), 1, now);
/// let peer = PeerId::new("b").unwrap();
/// mesh.handle_input(now, Input::Seen(Sighting { peer, source: Source::Mdns, url: None, profile: Profile::Sangam }));
/// loop {
///     match mesh.poll_output(now) {
///         Output::Act(action) => println!("do {action:?}"), // a peer connection is to be made
///         Output::Event(event) => println!("told {event:?}"),
///         Output::Wait(_) => break,
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Mesh {
    pub(crate) us: Us,
    pub(crate) peers: BTreeMap<PeerId, Peer>,
    timers: BTreeSet<(Mono, PeerId)>,
    /// Two ids of one node, each by the other.
    aliases: BTreeMap<PeerId, PeerId>,
    /// Peers with a link or an attempt.
    occupied: usize,
    /// Those of them that are not just sought again after they were lost.
    pub(crate) steady: usize,
    pub(crate) seek_at: Option<Mono>,
    pub(crate) sought_at: Option<Mono>,
    /// From then on peers are not looked through for so long.
    pub(crate) rest: Duration,
    pub(crate) stopped: bool,
}

/// The machine is not looked at again sooner than this.
const REST: Duration = Duration::from_millis(1);

impl Mesh {
    /// A node without peers. `seed`: of its dice, and of what it calls this life of its own: to be drawn anew at each start.
    #[must_use]
    pub fn new(us: PeerId, options: Options, seed: u64, _now: Now) -> Self {
        Self {
            us: Us::new(us, options, seed),
            peers: BTreeMap::new(),
            timers: BTreeSet::new(),
            aliases: BTreeMap::new(),
            occupied: 0,
            steady: 0,
            seek_at: None,
            sought_at: None,
            rest: Duration::ZERO,
            stopped: false,
        }
    }

    /// Takes what happened.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        if self.stopped {
            return;
        }
        let now = now.mono;
        match input {
            Input::Seen(sighting) => self.seen(now, sighting),
            Input::Left { peer, source } => self.left(now, &peer, source),
            Input::Signal { from, via, signal, profile, proven } => {
                self.heard(now, &from, via, signal, profile, proven);
            }
            Input::Described { link, description } => {
                self.on_link(now, link, |peer, us| peer.described(us, now, link, description));
            }
            Input::Refused { link, why } => self.on_link(now, link, |peer, us| peer.refused(us, now, link, why)),
            Input::Gathered { link, candidate } => {
                self.on_link(now, link, |peer, us| peer.gathered(us, link, candidate));
            }
            Input::GatheringDone { link, ufrag } => {
                self.on_link(now, link, |peer, us| peer.gathering_done(us, link, ufrag));
            }
            Input::Link { link, state, pair } => {
                self.on_link(now, link, |peer, us| peer.link_is(us, now, link, state, pair.is_some()));
            }
            Input::Identified { link, peer } => self.identified(now, link, &peer),
            Input::Undeliverable { to } => self.undeliverable(now, &to),
            Input::NetworkChanged => self.network_changed(now),
            Input::SourceUp => self.source_up(now),
            Input::Dial(peer) => self.dial_wanted(now, &peer),
            Input::Hang(peer) => self.hang(now, &peer),
            Input::Stop => self.stop(now),
            Input::Timeout => self.tick(now),
        }
    }

    /// What is to be done next; [`Output::Wait`] when that is all.
    pub fn poll_output(&mut self, now: Now) -> Output {
        let now = now.mono;
        if let Some(output) = self.us.next_output() {
            return output;
        }
        self.tick(now);
        if let Some(output) = self.us.next_output() {
            return output;
        }
        let timer = self.timers.first().map(|(at, _)| *at);
        let wait = [timer, self.seek_at].into_iter().flatten().min();
        Output::Wait(wait.map(|at| at.max(now + REST)))
    }

    /// Every peer that is known.
    pub fn peers(&self) -> impl Iterator<Item = PeerView> {
        self.peers.values().map(Peer::view)
    }

    /// One of them.
    #[must_use]
    pub fn peer(&self, peer: &PeerId) -> Option<PeerView> {
        self.peers.get(peer).map(Peer::view)
    }

    /// The link with a peer, or the attempt at one.
    #[must_use]
    pub fn link_of(&self, peer: &PeerId) -> Option<(LinkId, LinkState)> {
        let link = self.peers.get(peer)?.link.as_ref()?;
        Some((link.id, link.state()))
    }

    /// With whom a link is.
    #[must_use]
    pub fn peer_of(&self, link: LinkId) -> Option<&PeerId> {
        self.us.links.get(&link)
    }

    pub(crate) fn has_room(&self) -> bool {
        self.occupied < self.us.options.links_max
    }

    /// Whether the node behind this id is linked under its other one.
    pub(crate) fn is_linked_otherwise(&self, id: &PeerId) -> bool {
        self.aliases.get(id).and_then(|other| self.peers.get(other)).is_some_and(|other| other.link.is_some())
    }

    /// Does something to a peer, and enters what came of it.
    pub(crate) fn on_peer(&mut self, now: Mono, id: &PeerId, act: impl FnOnce(&mut Peer, &mut Us)) {
        if let Some(peer) = self.peers.get_mut(id) {
            act(peer, &mut self.us);
            self.settle(now, id);
        }
    }

    fn on_link(&mut self, now: Mono, link: LinkId, act: impl FnOnce(&mut Peer, &mut Us)) {
        if let Some(id) = self.us.links.get(&link).cloned() {
            self.on_peer(now, &id, act);
        }
    }

    fn settle(&mut self, now: Mono, id: &PeerId) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        let forget = peer.is_forgettable(&self.us, now);
        let due = if forget { None } else { peer.deadline(&self.us) };
        let counts = peer.link.is_some();
        let was = (peer.counted, peer.counted_steady);
        let is = (counts, peer.is_linked() || (counts && !peer.returning));
        (peer.counted, peer.counted_steady) = is;
        let is_linked = peer.is_linked();
        let is_new = !std::mem::replace(&mut peer.counted_linked, is_linked) && is_linked;
        let old = std::mem::replace(&mut peer.due, due);
        self.occupied = self.occupied + usize::from(is.0) - usize::from(was.0);
        self.steady = self.steady + usize::from(is.1) - usize::from(was.1);
        if old != due {
            if let Some(old) = old {
                self.timers.remove(&(old, id.clone()));
            }
            if let Some(due) = due {
                self.timers.insert((due, id.clone()));
            }
        }
        if forget {
            self.forget(id);
        }
        // A link that is up holds up no further dial, and one that went is to be replaced.
        if is_new || (was.1 && !is.1) {
            self.seek_soon(now);
        }
    }

    /// Drops a peer without a link.
    fn forget(&mut self, id: &PeerId) {
        let Some(peer) = self.peers.remove(id) else { return };
        if let Some(due) = peer.due {
            self.timers.remove(&(due, id.clone()));
        }
        self.unalias(id);
        self.us.tell(Event::Forgotten(id.clone()));
    }

    /// Two ids are one node's. Whose either was before, it is no longer: each has one other at most.
    fn alias(&mut self, one: &PeerId, other: &PeerId) {
        self.unalias(one);
        self.unalias(other);
        self.aliases.insert(one.clone(), other.clone());
        self.aliases.insert(other.clone(), one.clone());
    }

    fn unalias(&mut self, id: &PeerId) {
        if let Some(other) = self.aliases.remove(id) {
            self.aliases.remove(&other);
        }
    }

    /// The entry of a peer; made if there is room.
    fn entry(&mut self, id: &PeerId, profile: Profile, now: Mono) -> Option<&mut Peer> {
        if !self.peers.contains_key(id) {
            if self.peers.len() >= self.us.options.peers_max && !self.make_room_to_remember() {
                return None;
            }
            self.peers.insert(id.clone(), Peer::new(id.clone(), profile, now));
        }
        self.peers.get_mut(id)
    }

    /// Forgets whoever was longest not heard of and has no link.
    fn make_room_to_remember(&mut self) -> bool {
        let idle = self.peers.values().filter(|peer| peer.link.is_none() && !peer.wanted);
        let Some(oldest) = idle.min_by_key(|peer| peer.heard_at).map(|peer| peer.id.clone()) else { return false };
        self.forget(&oldest);
        true
    }

    fn seen(&mut self, now: Mono, sighting: Sighting) {
        if sighting.peer == self.us.id {
            return;
        }
        let id = sighting.peer.clone();
        let first = !self.peers.contains_key(&id);
        let Some(peer) = self.entry(&id, sighting.profile, now) else { return };
        peer.contacts.seen(sighting.source, now);
        peer.heard_at = now;
        if sighting.url.is_some() {
            peer.url.clone_from(&sighting.url);
        }
        if peer.profile == Profile::Unknown {
            peer.profile = sighting.profile;
        }
        let left = std::mem::take(&mut peer.left);
        let came_back = left && peer.link.as_ref().is_none_or(|link| link.stage != Stage::Open);
        self.on_peer(now, &id, |peer, us| {
            if first {
                us.tell(Event::Discovered(sighting));
            } else if came_back && peer.profile == Profile::Agent {
                peer.give_up_all(us, Failure::Silence);
                peer.had_session = false;
            }
            if left && !came_back && peer.profile == Profile::Agent {
                peer.reborn = Some(now + peer.patience(us));
                peer.had_session = false;
            }
            if first || (came_back && peer.link.is_none()) {
                peer.dial_at = now + peer.patience(us);
            }
        });
        // It may have been known by nothing until now, so that nobody waits for the end of its pause.
        let waits = self.peers.get(&id).filter(|peer| peer.link.is_none()).map(|peer| peer.dial_at.max(now));
        let soon = if first || came_back { Some(now) } else { waits };
        if let Some(at) = soon {
            self.seek_soon(at);
        }
    }

    fn left(&mut self, now: Mono, id: &PeerId, source: Source) {
        self.on_peer(now, id, |peer, us| {
            peer.contacts.left(source);
            peer.left = true;
            if peer.profile == Profile::Agent {
                peer.agent_is_deaf(us, now);
            }
        });
    }

    fn heard(&mut self, now: Mono, from: &PeerId, via: Via, signal: Signal, profile: Profile, proven: bool) {
        if *from == self.us.id {
            return;
        }
        let described = matches!(signal, Signal::Description(_));
        let first = !self.peers.contains_key(from);
        if self.is_refused(now, from, described && !proven) {
            self.us.tell(Event::Refused { peer: from.clone(), why: Failure::Identity });
            return;
        }
        let Some(peer) = self.entry(from, profile, now) else {
            self.us.tell(Event::SignalDropped { peer: from.clone() });
            return;
        };
        peer.heard_at = now;
        peer.contacts.signalled(now);
        // It is there: to be seen after this is no return.
        peer.left = false;
        peer.shown(profile);
        if via != Via::Link {
            peer.via = Some(via);
        }
        if proven && described {
            peer.proven_at = Some(now);
        }
        if first {
            self.on_peer(now, from, |peer, us| {
                // It is about to say more.
                peer.dial_at = now + peer.patience(us).max(us.options.patience);
                let (peer, source) = (peer.id.clone(), Source::Contact);
                us.tell(Event::Discovered(Sighting { peer, source, url: None, profile }));
            });
            self.seek_soon(now);
        }
        match signal {
            Signal::Description(description) => self.heard_description(now, from, description, proven),
            Signal::Candidate(candidate) => {
                self.on_peer(now, from, |peer, us| peer.heard_candidate(us, now, candidate));
            }
            Signal::EndOfCandidates { .. } => self.on_peer(now, from, |_, _| {}),
        }
    }

    /// Whether nothing is taken from a peer: it is not on the list, or it does not prove its id though it has to, or has
    /// done so before.
    fn is_refused(&self, now: Mono, from: &PeerId, unproven: bool) -> bool {
        let options = &self.us.options;
        let known = self.peers.get(from);
        let can_prove = known.is_some_and(|peer| {
            let linked = [&peer.link, &peer.next].into_iter().flatten().any(|link| link.proven);
            linked || peer.proven_at.is_some_and(|at| at + options.forget_after > now)
        });
        let allowed = options.allowed.is_empty() || options.allowed.contains(from);
        !allowed || (unproven && (options.proof_required || can_prove))
    }

    fn heard_description(&mut self, now: Mono, from: &PeerId, description: Description, proven: bool) {
        let is_offer = description.kind == DescriptionKind::Offer;
        let heard = Heard::new(description, proven);
        let Some(peer) = self.peers.get(from) else { return };
        if is_offer && (peer.hung || (peer.link.is_none() && !peer.wanted && !self.make_room(now))) {
            self.us.tell(Event::Refused { peer: from.clone(), why: Failure::ClosedByUs });
            self.on_peer(now, from, |_, _| {});
            return;
        }
        self.on_peer(now, from, |peer, us| {
            if is_offer { peer.heard_offer(us, now, heard) } else { peer.heard_answer(us, now, heard) }
        });
    }

    /// Whether one more link may be; the one silent for longest, if it is silent for good, makes way.
    fn make_room(&mut self, now: Mono) -> bool {
        let patience = self.us.options.restart_timeout;
        if !self.has_room() {
            let silent = self.peers.values().filter_map(|peer| match peer.link.as_ref()?.stage {
                Stage::Interrupted { since } if since + patience <= now => Some((since, peer.id.clone())),
                _ => None,
            });
            let Some((_, worst)) = silent.min() else { return false };
            self.on_peer(now, &worst, |peer, us| peer.give_up_all(us, Failure::ClosedByUs));
        }
        self.has_room()
    }

    /// One node under two ids: of two links one is kept, the same at both ends.
    fn identified(&mut self, now: Mono, link: LinkId, key: &PeerId) {
        let Some(id) = self.us.links.get(&link).cloned() else { return };
        if id == *key {
            self.on_peer(now, &id, |peer, _| peer.proven_at = Some(now));
            return;
        }
        if *key == self.us.id {
            return;
        }
        self.alias(&id, key);
        let open = |id: &PeerId| self.peers.get(id)?.link.as_ref().filter(|link| link.was_open());
        let (Some(one), Some(other)) = (open(&id), open(key)) else { return };
        let rank = |link: &Link| (link.session, link.id);
        let surplus = if rank(one) < rank(other) { key.clone() } else { id };
        self.on_peer(now, &surplus, |peer, us| {
            peer.returning = false;
            peer.give_up_all(us, Failure::Replaced);
        });
    }

    fn undeliverable(&mut self, now: Mono, to: &PeerId) {
        self.on_peer(now, to, |peer, us| {
            if peer.profile == Profile::Agent {
                peer.agent_is_deaf(us, now);
                return;
            }
            let offered = peer.link.as_ref().filter(|link| matches!(link.stage, Stage::Offered { .. }));
            if let Some(id) = offered.map(|link| link.id) {
                peer.fail(us, now, id, Failure::Unreachable, false);
            }
        });
    }

    fn network_changed(&mut self, now: Mono) {
        let ids: Vec<PeerId> = self.peers.keys().cloned().collect();
        for id in ids {
            self.on_peer(now, &id, |peer, us| peer.move_link(us, now));
        }
    }

    /// Those that are sought and could not be reached need not wait for the end of their pause.
    fn source_up(&mut self, now: Mono) {
        let ids: Vec<PeerId> = self.peers.values().filter(|peer| peer.is_hindered()).map(|p| p.id.clone()).collect();
        for id in ids {
            self.on_peer(now, &id, |peer, us| peer.hurry(us, now));
        }
    }

    fn dial_wanted(&mut self, now: Mono, id: &PeerId) {
        if *id == self.us.id || self.entry(id, Profile::Unknown, now).is_none() {
            return;
        }
        self.on_peer(now, id, |peer, us| {
            (peer.wanted, peer.hung, peer.attempts, peer.dial_at) = (true, false, 0, now);
            if peer.dialable(us) {
                peer.offer(us, now);
            }
        });
    }

    fn hang(&mut self, now: Mono, id: &PeerId) {
        self.on_peer(now, id, |peer, us| {
            (peer.wanted, peer.hung, peer.returning) = (false, true, false);
            peer.give_up_all(us, Failure::ClosedByUs);
        });
    }

    fn stop(&mut self, now: Mono) {
        let ids: Vec<PeerId> = self.peers.keys().cloned().collect();
        for id in ids {
            self.hang(now, &id);
        }
        self.stopped = true;
        self.timers.clear();
        self.seek_at = None;
    }

    fn tick(&mut self, now: Mono) {
        if self.stopped {
            return;
        }
        let due: Vec<PeerId> = self.timers.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| id.clone()).collect();
        for id in due {
            let room = self.has_room();
            self.on_peer(now, &id, |peer, us| {
                if !room && !peer.wanted && peer.dial_at <= now {
                    peer.dial_at = now + us.options.retry_max;
                }
                peer.tick(us, now);
            });
        }
        self.seek(now);
    }
}
