use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use sangam_mesh_proto::gossip::{Frame, Gossip, Input, MessageId, Options, Output};
use sangam_mesh_proto::{LinkId, PeerId, Profile};
use sangam_types::{Mono, Now, Wall};

use crate::figures::Figures;
use crate::wire::Wire;

/// What shall happen.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    /// Links that every node has at least, and at most.
    pub(crate) degree: usize,
    pub(crate) degree_max: usize,
    /// Nodes that die.
    pub(crate) deaths: usize,
    /// Nodes whose links come up only after half of the time.
    pub(crate) late: usize,
    pub(crate) messages: usize,
    /// So many of them are larger than a frame.
    pub(crate) large_messages: usize,
    /// How long messages are published.
    pub(crate) span: Duration,
    /// Frames lost, in a hundred.
    pub(crate) lost_percent: u32,
    /// Frames at which the link breaks, in a thousand.
    pub(crate) resets_per_mille: u32,
    /// Bytes that a data channel takes before it is full.
    pub(crate) queue_bytes: usize,
    /// How long every link takes; `None`: each another time, and each carries so much in a second.
    pub(crate) delay: Option<Duration>,
    /// The share of topics that a node hears.
    pub(crate) heard_share: f64,
    /// Sizes of messages that fit a frame.
    pub(crate) sizes: std::ops::Range<usize>,
    /// What is sent, and published, from then on goes into the figures.
    pub(crate) settled: Duration,
    pub(crate) options: Options,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 0,
            nodes: 12,
            degree: 3,
            degree_max: 5,
            deaths: 1,
            late: 1,
            messages: 60,
            large_messages: 3,
            span: Duration::from_secs(20),
            lost_percent: 20,
            resets_per_mille: 4,
            queue_bytes: 64 << 10,
            delay: None,
            heard_share: 0.6,
            sizes: 20..1_000,
            settled: Duration::ZERO,
            options: Options::default(),
        }
    }
}

const TOPICS: [&str; 3] = ["weather", "channel:global:state", "Wörter"];

/// How long everybody has after the last message: several links may still be down.
const SETTLING: Duration = Duration::from_secs(45);

#[derive(Clone, Debug)]
enum Happening {
    Publish { node: usize, topic: usize, bytes: usize },
    Arrive { node: usize, link: LinkId, frame: Frame },
    Left { node: usize, link: LinkId },
    Deadline { node: usize },
    Open { edge: usize },
    Down { node: usize, link: LinkId },
    Die { node: usize },
}

struct Node {
    gossip: Gossip,
    topics: BTreeSet<usize>,
    died: Option<Mono>,
    /// The other end, the edge, and the wire to it.
    links: BTreeMap<LinkId, (usize, usize, Wire)>,
    heard: Vec<MessageId>,
    deadline: Option<Mono>,
}

struct Published {
    topic: usize,
    by: usize,
    bytes: usize,
    at: Mono,
}

pub(crate) struct World {
    plan: Plan,
    rng: StdRng,
    now: Now,
    nodes: Vec<Node>,
    edges: Vec<(usize, usize)>,
    happenings: BinaryHeap<Reverse<(Mono, u64)>>,
    details: BTreeMap<u64, Happening>,
    next: u64,
    next_link: u64,
    published: BTreeMap<MessageId, Published>,
    /// Links that carry nothing any more.
    broken: BTreeSet<LinkId>,
    figures: Figures,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut rng = StdRng::seed_from_u64(plan.seed);
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_800_000_000) };
        let nodes = (0..plan.nodes).map(|at| Node {
            gossip: Gossip::new(name(at), plan.options.clone(), rng.random(), now),
            topics: (0..TOPICS.len()).filter(|_| rng.random_bool(plan.heard_share)).collect(),
            died: None,
            links: BTreeMap::new(),
            heard: Vec::new(),
            deadline: None,
        });
        let nodes = nodes.collect();
        let mut world = Self {
            rng,
            now,
            nodes,
            edges: Vec::new(),
            happenings: BinaryHeap::new(),
            details: BTreeMap::new(),
            next: 0,
            next_link: 1,
            published: BTreeMap::new(),
            broken: BTreeSet::new(),
            figures: Figures::default(),
            plan,
        };
        world.arrange();
        world
    }

    fn arrange(&mut self) {
        let mut order: Vec<usize> = (0..self.plan.nodes).collect();
        order.shuffle(&mut self.rng);
        let dying: Vec<usize> = order[..self.plan.deaths].to_vec();
        let late: Vec<usize> = order[self.plan.deaths..][..self.plan.late].to_vec();
        self.draw_edges(&dying);
        for node in 0..self.plan.nodes {
            for topic in self.nodes[node].topics.clone() {
                self.input(node, Input::Subscribe { topic: TOPICS[topic].to_owned() });
            }
        }
        for edge in 0..self.edges.len() {
            let (a, b) = self.edges[edge];
            let at = if late.contains(&a) || late.contains(&b) { self.plan.span / 2 } else { Duration::ZERO };
            let at = Mono::ZERO + at + self.within(Duration::from_secs(1));
            self.plan_at(at, Happening::Open { edge });
        }
        for node in dying {
            let at = Mono::ZERO + self.within(self.plan.span);
            self.plan_at(at, Happening::Die { node });
        }
        for number in 0..self.plan.messages {
            let bytes = if number < self.plan.large_messages {
                self.rng.random_range(20_000..120_000)
            } else {
                self.rng.random_range(self.plan.sizes.clone())
            };
            let node = self.rng.random_range(0..self.plan.nodes);
            let topic = self.rng.random_range(0..TOPICS.len());
            let at = Mono::ZERO + self.within(self.plan.span);
            self.plan_at(at, Happening::Publish { node, topic, bytes });
        }
    }

    /// A ring of those that live, so that they stay one piece, and links at random.
    fn draw_edges(&mut self, dying: &[usize]) {
        let living: Vec<usize> = (0..self.plan.nodes).filter(|at| !dying.contains(at)).collect();
        let mut edges: BTreeSet<(usize, usize)> = BTreeSet::new();
        for (at, node) in living.iter().enumerate() {
            let next = living[(at + 1) % living.len()];
            edges.insert((*node.min(&next), *node.max(&next)));
        }
        let degree =
            |edges: &BTreeSet<(usize, usize)>, node| edges.iter().filter(|(a, b)| *a == node || *b == node).count();
        for node in 0..self.plan.nodes {
            for _ in 0..200 {
                if degree(&edges, node) >= self.plan.degree {
                    break;
                }
                let other = self.rng.random_range(0..self.plan.nodes);
                if other != node && degree(&edges, other) < self.plan.degree_max {
                    edges.insert((node.min(other), node.max(other)));
                }
            }
        }
        self.edges = edges.into_iter().collect();
    }

    fn within(&mut self, time: Duration) -> Duration {
        time.mul_f64(self.rng.random_range(0.0..1.0))
    }

    fn plan_at(&mut self, at: Mono, happening: Happening) {
        self.happenings.push(Reverse((at, self.next)));
        self.details.insert(self.next, happening);
        self.next += 1;
    }

    pub(crate) fn run(&mut self) {
        let end = Mono::ZERO + self.plan.span + SETTLING;
        while let Some(Reverse((at, number))) = self.happenings.pop() {
            if at > end {
                break;
            }
            self.now = self.now + at.saturating_since(self.now.mono);
            let Some(happening) = self.details.remove(&number) else { continue };
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Publish { node, topic, bytes } => self.publish(node, topic, bytes),
            Happening::Arrive { node, link, frame } => self.arrive(node, link, frame),
            Happening::Left { node, link } => {
                let now = self.now.mono;
                let capacity = self.plan.queue_bytes;
                if let Some((_, _, wire)) = self.nodes[node].links.get_mut(&link) {
                    let bytes = capacity.saturating_sub(wire.queued_bytes(now));
                    self.input(node, Input::Room { link, bytes });
                }
            }
            Happening::Deadline { node } => {
                if self.nodes[node].deadline == Some(self.now.mono) {
                    self.nodes[node].deadline = None;
                    self.input(node, Input::Timeout);
                }
            }
            Happening::Open { edge } => self.open(edge),
            Happening::Down { node, link } => {
                if self.nodes[node].links.remove(&link).is_some() {
                    self.input(node, Input::Down { link });
                }
            }
            Happening::Die { node } => {
                self.nodes[node].died = Some(self.now.mono);
                for (link, (other, _, _)) in std::mem::take(&mut self.nodes[node].links) {
                    // Silence is noticed after some seconds.
                    self.plan_at(self.now.mono + Duration::from_secs(4), Happening::Down { node: other, link });
                }
            }
        }
    }

    fn publish(&mut self, node: usize, topic: usize, bytes: usize) {
        if self.nodes[node].died.is_some() {
            return;
        }
        let payload = Bytes::from(vec![b'x'; bytes]);
        let id = self.nodes[node].gossip.publish(self.now, TOPICS[topic], payload).unwrap();
        self.published.insert(id, Published { topic, by: node, bytes, at: self.now.mono });
        self.drain(node);
    }

    fn arrive(&mut self, node: usize, link: LinkId, frame: Frame) {
        let Some((other, edge, _)) = self.nodes[node].links.get(&link) else { return };
        let (other, edge) = (*other, *edge);
        if self.broken.contains(&link) {
            return;
        }
        if self.rng.random_range(0..1_000) < self.plan.resets_per_mille {
            // What is under way is lost, and what follows. Each side notices in its own time; then they meet again.
            for end in [node, other] {
                let at = self.now.mono + self.within(Duration::from_secs(4));
                self.plan_at(at, Happening::Down { node: end, link });
            }
            self.broken.insert(link);
            let at = self.now.mono + Duration::from_secs(5) + self.within(Duration::from_secs(3));
            return self.plan_at(at, Happening::Open { edge });
        }
        self.input(node, Input::Frame { link, frame });
    }

    fn open(&mut self, edge: usize) {
        let (a, b) = self.edges[edge];
        if self.nodes[a].died.is_some() || self.nodes[b].died.is_some() {
            return;
        }
        let link = LinkId(self.next_link);
        self.next_link += 1;
        for (us, them) in [(a, b), (b, a)] {
            let wire = Wire::new(&mut self.rng, self.now.mono, self.plan.delay);
            self.nodes[us].links.insert(link, (them, edge, wire));
        }
        for (us, them) in [(a, b), (b, a)] {
            let up = Input::Up { link, peer: name(them), profile: Profile::Sangam, frame_bytes_max: 256 << 10 };
            self.nodes[us].gossip.handle_input(self.now, up);
            self.input(us, Input::Room { link, bytes: self.plan.queue_bytes });
        }
    }

    fn input(&mut self, node: usize, input: Input) {
        if self.nodes[node].died.is_some() {
            return;
        }
        self.nodes[node].gossip.handle_input(self.now, input);
        self.drain(node);
    }

    fn drain(&mut self, node: usize) {
        loop {
            match self.nodes[node].gossip.poll_output(self.now) {
                Output::Send { link, frame } => self.send(node, link, frame),
                Output::Deliver(delivery) => {
                    let published = &self.published[&delivery.id];
                    assert_eq!(delivery.topic, TOPICS[published.topic]);
                    assert_eq!(delivery.origin, name(published.by));
                    assert_eq!(delivery.payload.len(), published.bytes);
                    let heard = &mut self.nodes[node].heard;
                    assert!(!heard.contains(&delivery.id), "seed {}: {} was heard twice", self.plan.seed, delivery.id);
                    heard.push(delivery.id);
                    if published.at.since_start() >= self.plan.settled {
                        let after = self.now.mono.saturating_since(published.at);
                        self.figures.heard(after, delivery.hops, published.bytes);
                    }
                }
                Output::Other { .. } => {}
                Output::Refused { why, .. } => panic!("node {node} refused what a node like it sent: {why:?}"),
                Output::Wait(until) => {
                    if let Some(until) = until.filter(|until| self.nodes[node].deadline.is_none_or(|at| *until < at)) {
                        assert!(until > self.now.mono, "a deadline that is over is asked for again");
                        self.nodes[node].deadline = Some(until);
                        self.plan_at(until, Happening::Deadline { node });
                    }
                    break;
                }
            }
        }
        self.assert_bounds(node);
    }

    fn send(&mut self, node: usize, link: LinkId, frame: Frame) {
        let now = self.now.mono;
        let lost = f64::from(self.plan.lost_percent) / 100.0;
        let capacity = self.plan.queue_bytes;
        let Some((other, _, wire)) = self.nodes[node].links.get_mut(&link) else { return };
        assert!(frame.bytes.len() <= self.plan.options.frame_bytes_max, "a frame larger than frames may be");
        assert!(wire.queued_bytes(now) + frame.bytes.len() <= capacity, "more than there was room for");
        if now.since_start() >= self.plan.settled {
            self.figures.sent(&frame);
        }
        let (left, arrival) = wire.send(&mut self.rng, now, frame.bytes.len(), lost);
        let other = *other;
        self.plan_at(left, Happening::Left { node, link });
        self.plan_at(arrival, Happening::Arrive { node: other, link, frame });
    }

    fn assert_bounds(&self, node: usize) {
        let options = &self.plan.options;
        let it = &self.nodes[node];
        let stats = it.gossip.stats();
        assert!(stats.partial_bytes <= options.partial_bytes_max);
        assert!(stats.cached_bytes <= options.cache_bytes_max);
        assert!(stats.seen <= options.seen_max);
        // One message more than the bound may wait, and a few frames that say what is there.
        let each = options.waiting_bytes_max + 130_000 + 8 * options.frame_bytes_max;
        assert!(stats.waiting_bytes <= (it.links.len() + 4) * each, "{} bytes wait", stats.waiting_bytes);
    }

    /// Each node that lives has heard each message of its topics once, its own excepted. A message whose publisher died may
    /// be lost with it, but not for some only.
    pub(crate) fn assert_heard_once(&self) {
        let mut complete = 0;
        for (id, published) in &self.published {
            let wants = |node: &&Node| node.died.is_none() && node.topics.contains(&published.topic);
            let others = self.nodes.iter().enumerate().filter(|(at, _)| *at != published.by).map(|(_, node)| node);
            let counts: Vec<usize> =
                others.filter(wants).map(|node| node.heard.iter().filter(|it| *it == id).count()).collect();
            let missing = counts.iter().filter(|count| **count == 0).count();
            let may_be_lost = self.nodes[published.by].died.is_some() && missing == counts.len();
            assert!(
                missing == 0 || may_be_lost,
                "seed {}: {missing} of {} never heard {id} with {} bytes",
                self.plan.seed,
                counts.len(),
                published.bytes
            );
            complete += usize::from(missing == 0);
        }
        for node in &self.nodes {
            let unasked = node.heard.iter().filter(|id| !node.topics.contains(&self.published[*id].topic)).count();
            assert_eq!(unasked, 0);
        }
        assert!(complete * 10 > self.plan.messages * 8, "most messages were published and heard");
    }

    pub(crate) fn assert_nothing_is_left_over(&self) {
        for node in self.nodes.iter().filter(|node| node.died.is_none()) {
            let stats = node.gossip.stats();
            assert_eq!((stats.wanted, stats.partial_bytes), (0, 0), "seed {}", self.plan.seed);
        }
    }

    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Bytes that nodes handed to their links.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.nodes.iter().map(|node| node.gossip.stats().sent_bytes).sum()
    }

    /// What it costs to send each message over each link but the one it came by: once each way, less one per node.
    pub(crate) fn flooding_bytes(&self) -> u64 {
        let each = 2 * self.edges.len() - self.nodes.len() + 1;
        self.published.values().map(|it| (it.bytes as u64 + 60) * each as u64).sum()
    }

    /// What everybody heard, in order.
    pub(crate) fn trace(&self) -> Vec<Vec<MessageId>> {
        self.nodes.iter().map(|node| node.heard.clone()).collect()
    }
}

fn name(at: usize) -> PeerId {
    PeerId::new(&format!("node-{at}")).unwrap()
}
