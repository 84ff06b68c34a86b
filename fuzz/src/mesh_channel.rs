use std::time::Duration;

use bytes::Bytes;
use sangam_mesh_proto::channel::{self, Envelope, Hello, Incoming, Message, decode};
use sangam_mesh_proto::gossip::{Frame, Gossip, Input, Options, Output};
use sangam_mesh_proto::{LinkId, PeerId, Profile};
use sangam_types::{Mono, Now, Wall};

use crate::script::Script;

const PROFILES: [Profile; 4] = [Profile::Sangam, Profile::Synapse, Profile::Agent, Profile::Unknown];

const LINKS: u64 = 4;

/// Messages of data channels, on a link of each profile, with time and room between them. What is read and written again
/// means the same; whatever comes, a node keeps its bounds, sends no frame larger than it may, and asks for no deadline
/// that is over.
pub fn mesh_channel(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let Some(mut node) = Node::new() else { return };
    while let Some(step) = script.step() {
        let link = LinkId(u64::from(step >> 4) % LINKS);
        match step & 0x0f {
            0..=5 => node.hear(link, Frame { binary: true, bytes: Bytes::copy_from_slice(script.bytes()) }),
            6..=9 => node.hear(link, Frame { binary: false, bytes: Bytes::copy_from_slice(script.bytes()) }),
            10 => node.input(Input::Room { link, bytes: usize::from(script.u16()) * 16 }),
            11 => node.input(Input::Down { link }),
            12 => node.up(link),
            13 => node.publish(script.bytes()),
            _ => {
                node.now = node.now + Duration::from_millis(script.u16().into());
                node.input(Input::Timeout);
            }
        }
    }
}

struct Node {
    now: Now,
    gossip: Gossip,
}

fn options() -> Options {
    Options {
        fan_out: 2,
        seen_max: 20,
        cache_bytes_max: 4_000,
        message_bytes_max: 3_000,
        frame_bytes_max: 1_024,
        partial_bytes_max: 6_000,
        waiting_bytes_max: 4_000,
        topics_max: 4,
        ids_max: 8,
        ..Options::default()
    }
}

impl Node {
    fn new() -> Option<Self> {
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_800_000_000) };
        let gossip = Gossip::new(PeerId::new("us").ok()?, options(), 1, now);
        let mut node = Self { now, gossip };
        node.input(Input::Subscribe { topic: "t".to_owned() });
        for link in 0..LINKS {
            node.up(LinkId(link));
        }
        Some(node)
    }

    fn up(&mut self, link: LinkId) {
        let Ok(peer) = PeerId::new(&format!("peer-{}", link.0)) else { return };
        let profile = PROFILES[(link.0 % LINKS) as usize];
        self.input(Input::Up { link, peer: peer.clone(), profile, frame_bytes_max: 2_048 });
        if profile == Profile::Sangam {
            let hello = Hello { version: 1, frame_bytes_max: 1_024, ids_ahead: 16, id: peer, topics: Vec::new() };
            for frame in hello.encode(1_024) {
                self.input(Input::Frame { link, frame });
            }
        }
    }

    fn hear(&mut self, link: LinkId, frame: Frame) {
        for profile in PROFILES {
            if let Ok(incoming) = decode(profile, &frame) {
                assert_reads_back(&incoming, &frame);
            }
        }
        self.input(Input::Frame { link, frame });
    }

    fn publish(&mut self, payload: &[u8]) {
        let _: Result<_, _> = self.gossip.publish(self.now, "channel:global:state", Bytes::copy_from_slice(payload));
        self.drain();
    }

    fn input(&mut self, input: Input) {
        self.gossip.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.gossip.poll_output(self.now) {
                Output::Send { frame, .. } => assert!(frame.bytes.len() <= 2_048),
                Output::Deliver(delivery) => assert!(delivery.payload.len() <= 3_000 && delivery.topic == "t"),
                Output::Other { .. } | Output::Refused { .. } => {}
                Output::Wait(until) => {
                    assert!(until.is_none_or(|until| until > self.now.mono), "a deadline that is over");
                    break;
                }
            }
        }
        let stats = self.gossip.stats();
        assert!(stats.seen <= 20 && stats.partial_bytes <= 6_000 && stats.wanted <= 21);
        // The newest message is kept, however large.
        assert!(stats.cached_bytes <= 4_000, "{}", stats.cached_bytes);
        // Per link: messages up to the bound and one more, answers up to theirs.
        assert!(stats.waiting_bytes <= 4 * (4_000 + 3_500 + 66_000), "{}", stats.waiting_bytes);
    }
}

fn assert_reads_back(incoming: &Incoming, frame: &Frame) {
    let again = match incoming {
        Incoming::Hello(hello) => hello.encode(usize::MAX).into_iter().next(),
        Incoming::Subscribe(topics) => channel::subscribe(topics, usize::MAX).into_iter().next(),
        Incoming::Unsubscribe(topics) => channel::unsubscribe(topics, usize::MAX).into_iter().next(),
        Incoming::Message(message) => {
            let again = Message::encode(&message.header, &message.body);
            assert_eq!(again, *frame);
            Some(again)
        }
        Incoming::IHave(told) => Some(channel::i_have(told)),
        Incoming::IWant(ask) => Some(channel::i_want(ask)),
        Incoming::Heard(count) => Some(channel::heard(*count)),
        Incoming::Prune => Some(channel::prune()),
        Incoming::Relay(relay) if frame.binary => Some(relay.encode()),
        Incoming::Relay(relay) => relay.encode_text(),
        Incoming::LegacyGossip(packet) => channel::legacy_gossip(packet),
        // Milliseconds beyond 2^53 do not go through a number of JSON.
        Incoming::Envelope(envelope) => {
            let envelope = Envelope { timestamp: Wall::default(), ..envelope.clone() };
            let again = envelope.encode().map(|again| decode(Profile::Synapse, &again));
            assert_eq!(again, Some(Ok(Incoming::Envelope(envelope))));
            None
        }
        Incoming::Chunk(_) | Incoming::IfMessage(_) | Incoming::Unknown => None,
    };
    match (again, incoming) {
        (Some(again), _) => assert_eq!(decode(Profile::Sangam, &again).as_ref(), Ok(incoming)),
        // An empty list of topics makes no frame.
        (None, Incoming::Subscribe(topics) | Incoming::Unsubscribe(topics)) => assert!(topics.is_empty()),
        (None, Incoming::Chunk(_) | Incoming::IfMessage(_) | Incoming::Unknown | Incoming::Envelope(_)) => {}
        (None, it) => unreachable!("{it:?} cannot be written again"),
    }
}
