//! Time, the signaling network with its faults, and the paths between hosts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sangam_mesh_proto::mesh::{Input, Mesh, Options, Sighting, Source};
use sangam_mesh_proto::{Candidate, Description, Failure, LinkId, LinkState, PeerId, Profile, Signal, Via};
use sangam_types::{Mono, Now, Wall};

use crate::node::{Account, Agent, Kind, Mind, Node, Synapse};
use crate::stack::{Credentials, Pc, PcState, Place};

pub(crate) const TICK: Duration = Duration::from_millis(100);
const CONSENT: Duration = Duration::from_secs(4);

pub(crate) enum Happening {
    Signal { to: usize, from: usize, signal: Signal },
    Described { at: Place, description: Description },
    Gathered { at: Place, candidate: Candidate },
    Closed { at: Place },
    Discover { node: usize },
    Announce { node: usize, of: usize, gone: bool },
    Poll { node: usize, life: u32 },
    Fallback { node: usize, life: u32, link: u64 },
    Tick,
    Start { node: usize },
    Wake { node: usize },
    Undeliverable { node: usize, to: PeerId },
}

/// How bad the signaling network is.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) loss: f64,
    pub(crate) repeats: f64,
    pub(crate) delay_max_ms: u64,
}

pub(crate) struct World {
    pub(crate) now: Duration,
    queue: BTreeMap<(Duration, u64), Happening>,
    entered: u64,
    pub(crate) dice: StdRng,
    pub(crate) nodes: Vec<Node>,
    pub(crate) by_id: HashMap<PeerId, usize>,
    pub(crate) ufrags: HashMap<String, Place>,
    pub(crate) weather: Weather,
    pub(crate) server_down: bool,
    pub(crate) cut: BTreeSet<(usize, usize)>,
    pub(crate) isolated: BTreeSet<usize>,
    pub(crate) options: Options,
    pub(crate) deaths: usize,
    /// Discovery names so many at a time.
    pub(crate) sample: usize,
}

impl World {
    pub(crate) fn new(seed: u64, kinds: &[Kind], options: Options) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut nodes = Vec::new();
        for (n, kind) in kinds.iter().enumerate() {
            let id = PeerId::new(&format!("{:04x}-{n}", dice.random::<u16>())).unwrap();
            nodes.push(Node {
                id,
                kind: *kind,
                life: 0,
                mind: None,
                asleep: false,
                pcs: BTreeMap::new(),
                named: 0,
                wait: None,
                account: Account::default(),
                stopped_at: None,
            });
        }
        let by_id = nodes.iter().enumerate().map(|(n, node)| (node.id.clone(), n)).collect();
        let weather = Weather { loss: 0.0, repeats: 0.0, delay_max_ms: 50 };
        let mut world = Self {
            now: Duration::ZERO,
            queue: BTreeMap::new(),
            entered: 0,
            dice,
            nodes,
            by_id,
            ufrags: HashMap::new(),
            weather,
            server_down: false,
            cut: BTreeSet::new(),
            isolated: BTreeSet::new(),
            options,
            deaths: 0,
            sample: 10,
        };
        for node in 0..kinds.len() {
            let delay = world.some(1000);
            world.later(delay, Happening::Start { node });
        }
        world.later(TICK, Happening::Tick);
        world
    }

    pub(crate) fn some(&mut self, millis: u64) -> Duration {
        Duration::from_millis(self.dice.random_range(0..=millis))
    }

    pub(crate) fn later(&mut self, delay: Duration, happening: Happening) {
        self.entered += 1;
        self.queue.insert((self.now + delay, self.entered), happening);
    }

    pub(crate) fn clock(&self) -> Now {
        let millis = u64::try_from(self.now.as_millis()).unwrap();
        Now { mono: Mono::from_start(self.now), wall: Wall::from_unix_millis(millis) }
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let timer = self.nodes.iter().enumerate().filter(|(_, node)| node.runs());
            let timer = timer.filter_map(|(n, node)| Some((node.wait?.since_start(), n))).min();
            let event = self.queue.first_key_value().map(|((at, _), _)| *at);
            match (timer, event) {
                (Some((at, n)), event) if at <= end && event.is_none_or(|event| at <= event) => {
                    self.now = self.now.max(at);
                    self.feed(n, Input::Timeout);
                }
                (_, Some(at)) if at <= end => {
                    self.now = self.now.max(at);
                    let ((_, _), happening) = self.queue.pop_first().unwrap();
                    self.happen(happening);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Signal { to, from, signal } => self.deliver(to, from, signal),
            Happening::Described { at, description } => {
                if let Some(link) = self.here(at) {
                    self.feed(at.0, Input::Described { link, description });
                }
            }
            Happening::Gathered { at, candidate } => {
                if let Some(link) = self.here(at) {
                    self.feed(at.0, Input::Gathered { link, candidate });
                }
            }
            Happening::Closed { at } => {
                if let Some(link) = self.here(at) {
                    self.nodes[at.0].pcs.remove(&link.0);
                    self.feed(at.0, Input::Link { link, state: LinkState::Closed(Failure::ClosedByPeer), pair: None });
                }
            }
            Happening::Discover { node } => self.discover(node),
            Happening::Announce { node, of, gone } => self.announce(node, of, gone),
            Happening::Poll { node, life } => self.poll_mailbox(node, life),
            Happening::Fallback { node, life, link } => self.fall_back(node, life, link),
            Happening::Tick => {
                self.check_paths();
                self.later(TICK, Happening::Tick);
            }
            Happening::Start { node } => self.start(node),
            Happening::Undeliverable { node, to } => {
                if self.nodes[node].runs() {
                    self.feed(node, Input::Undeliverable { to });
                }
            }
            Happening::Wake { node } => {
                self.nodes[node].asleep = false;
                self.feed(node, Input::Timeout);
                self.later(Duration::from_secs(1), Happening::Discover { node });
            }
        }
    }

    fn here(&self, at: Place) -> Option<LinkId> {
        let node = &self.nodes[at.0];
        (node.runs() && node.life == at.1 && node.pcs.contains_key(&at.2)).then_some(LinkId(at.2))
    }

    pub(crate) fn start(&mut self, node: usize) {
        if self.nodes[node].mind.is_some() {
            return;
        }
        let seed = self.dice.random();
        let mind = match self.nodes[node].kind {
            Kind::Ours => {
                let mesh = Mesh::new(self.nodes[node].id.clone(), self.options.clone(), seed, self.clock());
                Mind::Ours(Box::new(mesh))
            }
            Kind::Synapse => Mind::Synapse(Synapse::default()),
            Kind::Agent { .. } => Mind::Agent(Agent::default()),
        };
        let here = &mut self.nodes[node];
        here.life += 1;
        here.named = u64::from(here.life) << 32;
        (here.mind, here.wait, here.account, here.stopped_at) = (Some(mind), None, Account::default(), None);
        let life = here.life;
        let delay = self.some(500);
        self.later(delay, Happening::Discover { node });
        if self.nodes[node].kind == Kind::Synapse {
            self.later(delay, Happening::Poll { node, life });
        }
        self.tell_all(node, false);
        // Who registers is told who is there.
        for of in 0..self.nodes.len() {
            if of != node && matches!(self.nodes[of].kind, Kind::Agent { .. }) {
                self.later(delay, Happening::Announce { node, of, gone: false });
            }
        }
    }

    /// Mind and connections are gone without a word.
    pub(crate) fn crash(&mut self, node: usize, back_after: Duration) {
        self.die(node);
        self.later(back_after, Happening::Start { node });
    }

    pub(crate) fn die(&mut self, node: usize) {
        let now = self.now;
        let here = &mut self.nodes[node];
        (here.mind, here.wait, here.stopped_at) = (None, None, Some(now));
        here.pcs.clear();
        if matches!(here.kind, Kind::Agent { .. }) {
            self.tell_all(node, true);
        }
    }

    pub(crate) fn sleep(&mut self, node: usize, time: Duration) {
        self.nodes[node].asleep = true;
        self.later(time, Happening::Wake { node });
    }

    /// Says goodbye, everywhere.
    pub(crate) fn stop(&mut self, node: usize) {
        self.feed(node, Input::Stop);
        assert!(self.nodes[node].account.is_closed(), "a node stops with links that never ended");
        assert!(self.nodes[node].pcs.is_empty(), "a node stops with connections that were never closed");
        self.die(node);
        self.tell_all(node, true);
    }

    fn tell_all(&mut self, of: usize, gone: bool) {
        for node in 0..self.nodes.len() {
            if node != of {
                let delay = self.some(300);
                self.later(delay, Happening::Announce { node, of, gone });
            }
        }
    }

    fn announce(&mut self, node: usize, of: usize, gone: bool) {
        if self.server_down || self.isolated.contains(&node) || !self.nodes[node].runs() {
            return;
        }
        let peer = self.nodes[of].id.clone();
        if gone {
            self.feed(node, Input::Left { peer, source: self.source(of) });
        } else if self.nodes[of].runs() {
            self.see(node, of);
        }
    }

    fn source(&self, of: usize) -> Source {
        if matches!(self.nodes[of].kind, Kind::Agent { .. }) { Source::Signaling(0) } else { Source::Rendezvous(0) }
    }

    fn see(&mut self, node: usize, of: usize) {
        let source = self.source(of);
        let profile = match self.nodes[of].kind {
            Kind::Ours => Profile::Sangam,
            Kind::Synapse => Profile::Synapse,
            Kind::Agent { .. } => Profile::Agent,
        };
        let sighting = Sighting { peer: self.nodes[of].id.clone(), source, url: None, profile };
        if self.nodes[node].mesh().is_some() {
            self.feed(node, Input::Seen(sighting));
        } else {
            self.original_sees(node, of);
        }
    }

    /// The list of a rendezvous, which forgets after a minute.
    fn discover(&mut self, node: usize) {
        let delay = Duration::from_secs(5) + self.some(5000);
        if self.nodes[node].mind.is_none() {
            return;
        }
        self.later(delay, Happening::Discover { node });
        if self.server_down || self.isolated.contains(&node) || !self.nodes[node].runs() {
            return;
        }
        let listed = |other: &Node| {
            let recently = other.stopped_at.is_some_and(|at| at + Duration::from_secs(60) > self.now);
            !matches!(other.kind, Kind::Agent { .. }) && (other.mind.is_some() || recently)
        };
        let mut others: Vec<usize> = (0..self.nodes.len()).filter(|n| *n != node && listed(&self.nodes[*n])).collect();
        for _ in 0..self.sample {
            if others.is_empty() {
                break;
            }
            let of = others.swap_remove(self.dice.random_range(0..others.len()));
            self.see(node, of);
        }
    }

    /// Puts a signal on its way.
    pub(crate) fn send(&mut self, from: usize, to: &PeerId, via: Option<&Via>, signal: Signal) {
        let Some(&to_node) = self.by_id.get(to) else { return };
        let ordered = [from, to_node].iter().any(|n| matches!(self.nodes[*n].kind, Kind::Agent { .. }));
        if via == Some(&Via::Link) {
            if self.path(from, to_node) {
                self.later(Duration::from_millis(20), Happening::Signal { to: to_node, from, signal });
            }
            return;
        }
        let unreachable = self.server_down || self.isolated.contains(&from);
        if unreachable || (self.nodes[to_node].mind.is_none() && ordered) {
            // A closed socket and the server's error are noticed; a lost request not always.
            if (ordered || self.dice.random_bool(0.5)) && self.nodes[from].mesh().is_some() {
                self.later(Duration::from_millis(10), Happening::Undeliverable { node: from, to: to.clone() });
            }
            return;
        }
        if ordered {
            self.later(Duration::from_millis(20), Happening::Signal { to: to_node, from, signal });
            return;
        }
        if self.isolated.contains(&to_node) || self.dice.random_bool(self.weather.loss) {
            return;
        }
        let copies = 1 + usize::from(self.dice.random_bool(self.weather.repeats));
        for _ in 0..copies {
            let delay = Duration::from_millis(5) + self.some(self.weather.delay_max_ms);
            self.later(delay, Happening::Signal { to: to_node, from, signal: signal.clone() });
        }
    }

    fn deliver(&mut self, to: usize, from: usize, signal: Signal) {
        if !self.nodes[to].runs() {
            // Half of what comes for a sleeper waits for it.
            if self.nodes[to].asleep && self.dice.random_bool(0.5) {
                self.later(Duration::from_secs(1), Happening::Signal { to, from, signal });
            }
            return;
        }
        if self.nodes[to].mesh().is_none() {
            self.original_hears(to, from, signal);
            return;
        }
        let profile = match (&signal, self.nodes[from].kind) {
            (Signal::Description(_), Kind::Ours) => Profile::Sangam,
            (Signal::Description(_), Kind::Synapse) => Profile::Synapse,
            (_, Kind::Agent { .. }) => Profile::Agent,
            _ => Profile::Unknown,
        };
        let agent = matches!(self.nodes[from].kind, Kind::Agent { .. });
        let via = if agent { Via::Signaling(0) } else { Via::Rendezvous(0) };
        let proven = self.nodes[from].kind == Kind::Ours;
        self.feed(to, Input::Signal { from: self.nodes[from].id.clone(), via, signal, profile, proven });
    }

    pub(crate) fn path(&self, a: usize, b: usize) -> bool {
        let runs = self.nodes[a].runs() && self.nodes[b].runs();
        runs && !self.cut.contains(&(a.min(b), a.max(b))) && !self.isolated.contains(&a) && !self.isolated.contains(&b)
    }

    pub(crate) fn new_credentials(&mut self, node: usize, link: u64, fingerprint: &str) -> Credentials {
        self.entered += 1;
        let ufrag = format!("u{}", self.entered);
        self.ufrags.insert(ufrag.clone(), (node, self.nodes[node].life, link));
        Credentials { ufrag, fingerprint: fingerprint.to_owned() }
    }

    /// The other end, if the two fit and hear each other.
    fn other_end(&self, node: usize, link: u64, pc: &Pc) -> Option<Place> {
        let remote = pc.remote.as_ref()?;
        let place = *self.ufrags.get(&remote.ufrag)?;
        let other = &self.nodes[place.0];
        let end = other.pcs.get(&place.2).filter(|_| other.life == place.1)?;
        let us = (node, self.nodes[node].life, link);
        let fits = end.local == *remote && end.remote.as_ref() == Some(&pc.local);
        let same = pc.partner.is_none_or(|p| p == place) && end.partner.is_none_or(|p| p == us);
        // Between some pairs only candidates that come late lead anywhere.
        let originals = [node, place.0].iter().any(|n| self.nodes[*n].kind != Kind::Ours);
        let found = originals || !(node + place.0).is_multiple_of(3) || pc.candidates + end.candidates > 0;
        (fits && same && found && self.path(node, place.0)).then_some(place)
    }

    fn check_paths(&mut self) {
        for node in 0..self.nodes.len() {
            if !self.nodes[node].runs() {
                continue;
            }
            let links: Vec<u64> = self.nodes[node].pcs.keys().copied().collect();
            for link in links {
                self.check_path(node, link);
            }
        }
    }

    fn check_path(&mut self, node: usize, link: u64) {
        let Some(pc) = self.nodes[node].pcs.get(&link) else { return };
        let end = self.other_end(node, link, pc);
        let now = self.now;
        let Some(pc) = self.nodes[node].pcs.get_mut(&link) else { return };
        pc.fits = if end.is_some() { pc.fits + 1 } else { 0 };
        if end.is_some() {
            pc.heard_at = now;
        }
        let state = match pc.state {
            PcState::Connecting | PcState::Interrupted if pc.fits > 1 => PcState::Open,
            PcState::Open if pc.heard_at + CONSENT < now => PcState::Interrupted,
            same => same,
        };
        if state == pc.state {
            return;
        }
        pc.state = state;
        pc.partner = pc.partner.or(end);
        let state = if state == PcState::Open { LinkState::Open } else { LinkState::Interrupted };
        self.feed(node, Input::Link { link: LinkId(link), state, pair: None });
    }

    /// Closes one end; the other hears of it if it can.
    pub(crate) fn close(&mut self, node: usize, link: u64) {
        let Some(pc) = self.nodes[node].pcs.remove(&link) else { panic!("a link is closed that is not there") };
        if let Some(at) = pc.partner.filter(|at| self.path(node, at.0))
            && self.dice.random_bool(0.9)
        {
            self.later(Duration::from_millis(20), Happening::Closed { at });
        }
    }
}
