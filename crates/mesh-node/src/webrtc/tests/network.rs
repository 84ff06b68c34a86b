//! Nodes joined by a network in memory: delay, loss and NAT, in virtual time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use sangam_mesh_proto::{CandidateKind, LinkId, LinkState, PathProtocol};

use crate::endpoint::LocalCandidate;
use crate::webrtc::record::Record;
use crate::webrtc::{LinkEvent, LinkOptions, Links, LinksOutput};

/// A host, perhaps behind a NAT.
pub(crate) struct Host {
    pub(crate) links: Links,
    pub(crate) locals: Vec<LocalCandidate>,
    pub(crate) events: Vec<(LinkId, LinkEvent)>,
    nat: Option<Nat>,
    wait: Option<Instant>,
}

impl Host {
    pub(crate) fn states(&self, id: LinkId) -> Vec<LinkState> {
        let of_link = self.events.iter().filter(|(link, _)| *link == id);
        let states =
            of_link.filter_map(|(_, event)| if let LinkEvent::State(state) = event { Some(*state) } else { None });
        states.collect()
    }

    pub(crate) fn messages(&self, id: LinkId) -> Vec<Vec<u8>> {
        let of_link = self.events.iter().filter(|(link, _)| *link == id);
        let frames =
            of_link.filter_map(|(_, event)| if let LinkEvent::Message(frame) = event { Some(frame) } else { None });
        frames.map(|frame| frame.bytes.to_vec()).collect()
    }

    pub(crate) fn is_open(&self, id: LinkId) -> bool {
        self.links.state(id) == Some(LinkState::Open)
    }
}

/// Address and port dependent filtering; mapping by source alone, or by source and destination.
struct Nat {
    outside: IpAddr,
    symmetric: bool,
    next_port: u16,
    mapped: HashMap<(SocketAddr, Option<SocketAddr>), SocketAddr>,
    inside: HashMap<SocketAddr, SocketAddr>,
    sent: HashSet<(SocketAddr, SocketAddr)>,
}

impl Nat {
    fn out(&mut self, from: SocketAddr, to: SocketAddr) -> SocketAddr {
        let key = (from, self.symmetric.then_some(to));
        let outside = *self.mapped.entry(key).or_insert_with(|| {
            self.next_port += 1;
            SocketAddr::new(self.outside, self.next_port)
        });
        self.inside.insert(outside, from);
        self.sent.insert((outside, to));
        outside
    }

    fn back(&self, from: SocketAddr, to: SocketAddr) -> Option<SocketAddr> {
        self.sent.contains(&(to, from)).then(|| self.inside.get(&to).copied()).flatten()
    }
}

struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

pub(crate) struct Network {
    pub(crate) now: Instant,
    pub(crate) hosts: Vec<Host>,
    pub(crate) delay: Duration,
    /// Of a thousand packets.
    pub(crate) loss: u64,
    /// Nothing passes from or to these addresses (as the network sees them).
    pub(crate) cut: HashSet<IpAddr>,
    pub(crate) packets: u64,
    /// How often a host was woken by its own timer.
    pub(crate) wakes: u64,
    /// Where packets were sent.
    pub(crate) sent_to: HashSet<SocketAddr>,
    /// Where packets of data were sent.
    pub(crate) data_to: HashSet<SocketAddr>,
    flight: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
    random: u64,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: Instant::now(),
            hosts: Vec::new(),
            delay: Duration::from_millis(5),
            loss: 0,
            cut: HashSet::new(),
            packets: 0,
            wakes: 0,
            sent_to: HashSet::new(),
            data_to: HashSet::new(),
            flight: BTreeMap::new(),
            sent: 0,
            random: seed,
        }
    }

    pub(crate) fn host(&mut self, addresses: &[&str]) -> usize {
        self.host_with(addresses, LinkOptions::default())
    }

    pub(crate) fn host_with(&mut self, addresses: &[&str], options: LinkOptions) -> usize {
        let locals = addresses.iter().map(|address| host_candidate(address)).collect();
        let links = Links::new(options).unwrap();
        self.hosts.push(Host { links, locals, events: Vec::new(), nat: None, wait: None });
        self.hosts.len() - 1
    }

    /// A host behind a NAT whose mapping for its one address is known (as a STUN server would have told).
    pub(crate) fn host_behind_nat(&mut self, inside: &str, outside: &str, symmetric: bool) -> usize {
        let index = self.host(&[inside]);
        let mut nat = Nat {
            outside: outside.parse().unwrap(),
            symmetric,
            next_port: 20_000,
            mapped: HashMap::new(),
            inside: HashMap::new(),
            sent: HashSet::new(),
        };
        let base: SocketAddr = inside.parse().unwrap();
        let mapped = nat.out(base, "192.0.2.1:3478".parse().unwrap());
        let host = &mut self.hosts[index];
        host.locals.push(LocalCandidate {
            kind: CandidateKind::ServerReflexive,
            address: mapped,
            base,
            protocol: PathProtocol::Udp,
            server: None,
        });
        host.nat = Some(nat);
        index
    }

    fn random(&mut self) -> u64 {
        // splitmix64
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn poll(&mut self, index: usize) {
        loop {
            let now = self.now;
            match self.hosts[index].links.poll(now) {
                LinksOutput::Transmit { local, to, bytes } => self.transmit(index, local, to, bytes),
                LinksOutput::Event(link, event) => self.hosts[index].events.push((link, event)),
                LinksOutput::Wait(until) => return self.hosts[index].wait = until,
            }
        }
    }

    fn transmit(&mut self, index: usize, local: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let from = match &mut self.hosts[index].nat {
            Some(nat) => nat.out(local, to),
            None => local,
        };
        self.packets += 1;
        self.sent_to.insert(to);
        if Record::first(&bytes).is_some_and(|record| record.data) {
            self.data_to.insert(to);
        }
        let lost = self.random() % 1000 < self.loss;
        if lost || self.cut.contains(&from.ip()) || self.cut.contains(&to.ip()) {
            return;
        }
        self.sent += 1;
        self.flight.insert((self.now + self.delay, self.sent), Packet { from, to, bytes });
    }

    fn deliver(&mut self, packet: &Packet) {
        if self.cut.contains(&packet.from.ip()) || self.cut.contains(&packet.to.ip()) {
            return;
        }
        let now = self.now;
        for host in &mut self.hosts {
            let to = match &host.nat {
                Some(nat) => nat.back(packet.from, packet.to),
                None => Some(packet.to),
            };
            let Some(to) = to else { continue };
            if host.locals.iter().any(|candidate| candidate.base == to) {
                host.links.handle_packet(to, packet.from, PathProtocol::Udp, &packet.bytes, now);
            }
        }
    }

    /// Until `done`, or so long. Whether it was done.
    pub(crate) fn run(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            for index in 0..self.hosts.len() {
                self.poll(index);
            }
            if done(self) {
                return true;
            }
            let waits = self.hosts.iter().filter_map(|host| host.wait);
            let next = waits.chain(self.flight.keys().next().map(|(at, _)| *at)).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return false;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self.flight.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let packet = entry.remove();
                self.deliver(&packet);
            }
            for host in &mut self.hosts {
                if host.wait.is_some_and(|wait| wait <= self.now) {
                    host.links.handle_timeout(self.now);
                    self.wakes += 1;
                }
            }
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.run(time, |_| false);
    }

    /// Whole descriptions both ways, at once.
    pub(crate) fn dial(&mut self, from: usize, to: usize, id: LinkId) {
        let answer = self.answered(from, to, id);
        let now = self.now;
        self.hosts[from].links.accept(id, &answer, now).unwrap();
    }

    /// One offers and the other answers: what it answers, which the first has not heard yet.
    pub(crate) fn answered(&mut self, from: usize, to: usize, id: LinkId) -> String {
        let now = self.now;
        let locals = self.hosts[from].locals.clone();
        let offer = self.hosts[from].links.offer(id, "test", &locals, now).unwrap();
        let locals = self.hosts[to].locals.clone();
        self.hosts[to].links.answer(id, &offer, &locals, now).unwrap()
    }

    pub(crate) fn both_open(&self, a: usize, b: usize, id: LinkId) -> bool {
        self.hosts[a].is_open(id) && self.hosts[b].is_open(id)
    }

    /// A link between both, open.
    pub(crate) fn connect(&mut self, a: usize, b: usize, id: LinkId) {
        self.dial(a, b, id);
        assert!(self.run(Duration::from_secs(20), |net| net.both_open(a, b, id)), "no link");
    }
}

pub(crate) fn host_candidate(address: &str) -> LocalCandidate {
    let address = address.parse().unwrap();
    LocalCandidate { kind: CandidateKind::Host, address, base: address, protocol: PathProtocol::Udp, server: None }
}
