use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use sangam_signal_proto::{
    Departure, Input, Options, Output, Owner, ParticipantId, Presence, Rights, RoomId, RoomRecord, RoomScope, Signal,
    SignalKind, Signaling, SocketId, Telling, TimerOrder, Topic, Traits,
};
use sangam_signal_server::dialect::Said;
use sangam_types::{Mono, Now, Wall};

use crate::script::Script;

const ROOMS: [&str; 3] = ["one", "two", "three"];
const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// What payloads are: nothing, a description that waits for candidates, a whole one, candidates, large ones, rubbish.
const PAYLOADS: [&str; 8] = [
    "null",
    r#"{"type":"offer","sdp":"v=0\r\na=ice-options:trickle\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=setup:actpass\r\n"}"#,
    r#"{"type":"offer","sdp":"v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=end-of-candidates\r\n"}"#,
    r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0"}"#,
    r#"{"candidate":"candidate:2 1 udp 1 192.0.2.2 9 typ host","sdpMLineIndex":7}"#,
    r#""""#,
    r#"{"sdp":7,"candidate":[{}]}"#,
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
];

/// A script of what up to eight sockets of several owners do in three rooms of the core, of every presence, with records kept
/// and read back.
///
/// Whatever is done: nothing is told to nobody, no deadline lies in the past, every bound holds, a room that was kept can be
/// taken back by a server that starts, and when all are gone and time has passed nothing is left.
pub fn signal_core(input: &[u8]) {
    let mut script = Script::new(input);
    let mut ground = Ground::new();
    while let Some(step) = script.step() {
        ground.step(step, &mut script);
    }
    ground.restart();
    for socket in 0..8 {
        ground.handle(Input::Disconnected { socket: SocketId(socket), departure: Departure::Said });
    }
    for _ in 0..3 {
        ground.pass(Duration::from_secs(100_000));
    }
    let left = ground.core.stats();
    let nothing = left.sockets + left.rooms + left.participants + left.absent + left.claims + left.graces;
    let nothing = nothing + left.held_bytes + left.mail_len + left.mail_bytes + left.kept_bytes + left.timers;
    assert_eq!(nothing, 0, "{left:?}");
}

struct Ground {
    core: Signaling<Said>,
    options: Options,
    now: Now,
    kept: Vec<RoomRecord<Said>>,
}

/// Tight, so that all are reached.
fn options() -> Options {
    Options {
        rooms_max: 2,
        participants_max: 3,
        sockets_per_participant_max: 2,
        ids_per_socket_max: 3,
        graces_max: 4,
        peers_max: 2,
        held_len_max: 3,
        held_bytes_max: 1_024,
        held_total_bytes_max: 2_048,
        mail_len_max: 5,
        mail_bytes_max: 2_048,
        sender_mail_len_max: 8,
        mail_total_bytes_max: 4_096,
        kept_bytes_max: 256,
        kept_total_bytes_max: 512,
        ..Options::default()
    }
}

impl Ground {
    fn new() -> Self {
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_000_000_000) };
        Self { core: Signaling::new(options()), options: options(), now, kept: Vec::new() }
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        let socket = SocketId(u64::from(script.u8() % 8));
        let room = RoomId::parse(ROOMS[usize::from(script.u8()) % ROOMS.len()]).expect("a word");
        let participant = ParticipantId::parse(IDS[usize::from(script.u8()) % IDS.len()]).expect("a letter");
        let word = script.u8();
        let input = match step % 17 {
            0 => Input::Connected { socket, owner: owner(word), rights: rights(word, room) },
            1 | 2 => {
                Input::Join { socket, room, participant, name: (word > 127).then(|| "N".into()), traits: traits(word) }
            }
            3 => Input::Leave { socket, room, participant: (word > 127).then_some(participant) },
            4 | 5 => Input::Signal { socket, room, signal: signal(word, script.u8(), &participant) },
            6 => {
                let topic = [Topic::Verse, Topic::Queue, Topic::Reading][usize::from(word % 3)];
                Input::Tell { socket, room, telling: Telling { topic, from: None, value: said(word) } }
            }
            7 => Input::Recall { socket, room },
            8 => Input::Timer { socket, room, order: order(word) },
            9 => Input::End { by: (word < 240).then_some(socket), room, reason: None },
            10 => Input::TakeMail { socket, room, participant },
            11 => Input::Kick { by: (word > 127).then_some(socket), room, participant, reason: None },
            12 => Input::Lock { by: Some(socket), room, locked: word > 127 },
            13 => Input::PongReceived { socket },
            14 => {
                let departure = if word > 127 { Departure::Said } else { Departure::Lost };
                Input::Disconnected { socket, departure }
            }
            15 => Input::Returned { socket },
            _ if word == 255 => return self.restart(),
            _ => return self.pass(Duration::from_millis(u64::from(word) * u64::from(word))),
        };
        self.handle(input);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.handle(Input::Timeout);
    }

    /// Another server takes back what this one kept.
    fn restart(&mut self) {
        self.core = Signaling::new(self.options.clone());
        for record in std::mem::take(&mut self.kept) {
            self.handle(Input::Restore(record));
        }
    }

    fn handle(&mut self, input: Input<Said>) {
        self.core.handle_input(self.now, input);
        loop {
            match self.core.poll_output() {
                Output::Deliver { to, .. } => assert!(!to.is_empty(), "told to nobody"),
                Output::Keep(record) => {
                    self.kept.retain(|it| it.room != record.room);
                    self.kept.push(record);
                }
                Output::Forget(room) => self.kept.retain(|it| it.room != room),
                Output::Ping { .. } | Output::Close { .. } | Output::Event(_) => {}
                Output::Wait(deadline) => {
                    let past = deadline.is_some_and(|deadline| deadline.at <= self.now.mono);
                    assert!(!past, "a deadline that is over would make its driver spin");
                    break;
                }
            }
        }
        self.check();
    }

    fn check(&self) {
        let (stats, options) = (self.core.stats(), &self.options);
        assert!(stats.rooms <= options.rooms_max, "{stats:?}");
        assert!(stats.participants <= options.rooms_max * options.participants_max, "{stats:?}");
        assert!(stats.graces <= options.graces_max, "{stats:?}");
        assert!(stats.held_bytes <= options.held_total_bytes_max, "{stats:?}");
        assert!(stats.mail_bytes <= options.mail_total_bytes_max, "{stats:?}");
        assert!(stats.kept_bytes <= options.kept_total_bytes_max, "{stats:?}");
        assert!(stats.absent <= stats.participants && stats.sessions <= stats.rooms, "{stats:?}");
    }
}

fn owner(word: u8) -> Owner {
    match word % 4 {
        0 => Owner::Subject("s".into()),
        other => Owner::of_address(IpAddr::V4(Ipv4Addr::new(198, 51, 100, other))),
    }
}

fn rights(word: u8, room: RoomId) -> Rights {
    match word % 8 {
        0 => Rights { rooms: RoomScope::Only(room), moderate: false, ..Rights::ALL },
        1 => Rights { signal: false, timer: false, ..Rights::ALL },
        2 => Rights { join: false, ..Rights::ALL },
        _ => Rights::ALL,
    }
}

fn traits(word: u8) -> Traits {
    let presence = [Presence::Sole, Presence::Returning, Presence::Shared, Presence::Polled][usize::from(word % 4)];
    Traits { rolls_back: word & 4 > 0, wants_whole: word & 8 > 0, presence }
}

fn signal(word: u8, payload: u8, to: &ParticipantId) -> Signal<Said> {
    let kind = [SignalKind::Offer, SignalKind::Answer, SignalKind::Candidate][usize::from(word % 3)];
    let to = (word < 240).then(|| to.as_str().into());
    Signal { kind, from: (word & 16 > 0).then(|| "b".into()), to, payload: said(payload) }
}

fn said(word: u8) -> Said {
    Said::new(PAYLOADS[usize::from(word) % PAYLOADS.len()].into())
}

fn order(word: u8) -> TimerOrder {
    match word % 4 {
        0 => TimerOrder::Pause,
        1 => TimerOrder::Resume,
        2 => TimerOrder::Start(Duration::from_secs(u64::from(word))),
        _ => TimerOrder::Start(Duration::MAX),
    }
}
