use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use sangam_signal_proto::{
    Departure, Input, Notice, Options, Output, Owner, Presence, Rights, RoomId, Signaling, SocketId, Traits,
};
use sangam_signal_server::dialect::Said;
use sangam_signal_server::dialect::json::{Decoded, Extras, decode, encode, encode_fault, encode_registered};
use sangam_types::{Mono, Now, Wall};
use serde::de::IgnoredAny;

/// Lines that up to four sockets of one room send, decoded as messages of the JSON dialect.
///
/// The first byte of a line says what happens: `0` to `3`: that socket sends the rest; `a` to `d`: that socket closes and
/// opens again; `A` to `D`: it is lost and another opens; `p`: all answer their pings; `t`: as many times 50 ms pass as the
/// line has bytes after it. Any other line is only decoded.
///
/// Whatever is sent, each answer is one JSON object, nobody hears of a participant that no socket registered, what is
/// held back stays within its bound, and no deadline lies in the past.
pub fn json_dialect(input: &[u8]) {
    if let Err(fault) = decode(input) {
        check_object(&encode_fault(&fault));
    }
    let mut room = Room::new();
    for line in input.split(|byte| *byte == b'\n') {
        room.line(line);
    }
    room.pass(Duration::from_secs(3_600));
    assert_eq!(room.core.stats().held_bytes, 0, "held back for an hour");
}

struct Room {
    core: Signaling<Said>,
    options: Options,
    now: Now,
    /// The core's names of the four sockets; a socket that opens again gets a new one.
    sockets: [SocketId; 4],
    next_socket: u64,
    /// Every id that a socket ever asked for.
    taken: BTreeSet<String>,
}

impl Room {
    fn new() -> Self {
        let options =
            Options { held_total_bytes_max: 4_096, held_bytes_max: 2_048, peers_max: 2, ..Options::default() };
        let mut room = Self {
            core: Signaling::new(options.clone()),
            options,
            now: Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_000_000_000) },
            sockets: [SocketId(0); 4],
            next_socket: 1,
            taken: BTreeSet::new(),
        };
        for at in 0..room.sockets.len() {
            room.open(at);
        }
        room
    }

    fn line(&mut self, line: &[u8]) {
        match line.split_first() {
            Some((who @ b'0'..=b'3', message)) => self.message(usize::from(who - b'0'), message),
            Some((who @ b'a'..=b'd', _)) => {
                let at = usize::from(who - b'a');
                self.handle(Input::Disconnected { socket: self.sockets[at], departure: Departure::Said });
                self.open(at);
            }
            Some((who @ b'A'..=b'D', _)) => {
                let at = usize::from(who - b'A');
                self.handle(Input::Disconnected { socket: self.sockets[at], departure: Departure::Lost });
                self.open(at);
            }
            Some((b'p', _)) => {
                for socket in self.sockets {
                    self.handle(Input::PongReceived { socket });
                }
            }
            Some((b't', times)) => self.pass(Duration::from_millis(50 * times.len() as u64)),
            Some(_) | None => drop(decode(line)),
        }
    }

    fn message(&mut self, at: usize, message: &[u8]) {
        let (socket, room) = (self.sockets[at], RoomId::main());
        let input = match decode(message) {
            Ok(Decoded::Register { id, name, wants }) => {
                self.taken.insert(id.as_str().to_owned());
                let presence = if wants.resume { Presence::Returning } else { Presence::Sole };
                let traits = Traits { rolls_back: wants.rollback, wants_whole: false, presence };
                Input::Join { socket, room, participant: id, name, traits }
            }
            Ok(Decoded::Signal(signal)) => Input::Signal { socket, room, signal },
            Ok(Decoded::Tell(telling)) => Input::Tell { socket, room, telling },
            Ok(Decoded::Recall) => Input::Recall { socket, room },
            Ok(Decoded::Timer(order)) => Input::Timer { socket, room, order },
            Ok(Decoded::Leave) => Input::Leave { socket, room, participant: None },
            Ok(Decoded::Report(_)) => return,
            Ok(Decoded::End { reason }) => Input::End { by: Some(socket), room, reason },
            Ok(Decoded::Kick { id, reason }) => Input::Kick { by: Some(socket), room, participant: id, reason },
            Ok(Decoded::Lock { locked }) => Input::Lock { by: Some(socket), room, locked },
            Ok(Decoded::Ignored) => return,
            Err(fault) => return check_object(&encode_fault(&fault)),
        };
        self.handle(input);
    }

    fn open(&mut self, at: usize) {
        let socket = SocketId(self.next_socket);
        self.next_socket += 1;
        self.sockets[at] = socket;
        // Two come from one address, the others each from their own.
        let owner = Owner::of_address(IpAddr::V4(Ipv4Addr::new(198, 51, 100, [10, 11, 12, 12][at])));
        self.handle(Input::Connected { socket, owner, rights: Rights::ALL });
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.handle(Input::Timeout);
    }

    fn handle(&mut self, input: Input<Said>) {
        self.core.handle_input(self.now, input);
        loop {
            match self.core.poll_output() {
                Output::Deliver { to, notice } => self.deliver(&to, &notice),
                Output::Ping { .. } | Output::Close { .. } | Output::Keep(_) | Output::Forget(_) | Output::Event(_) => {
                }
                Output::Wait(deadline) => {
                    let past = deadline.is_some_and(|deadline| deadline.at <= self.now.mono);
                    assert!(!past, "a deadline that is over would make its driver spin");
                    break;
                }
            }
        }
        assert!(self.core.stats().held_bytes <= self.options.held_total_bytes_max, "more is held back than allowed");
    }

    fn deliver(&self, to: &[SocketId], notice: &Notice<Said>) {
        assert!(!to.is_empty(), "told to nobody");
        assert!(!matches!(notice, Notice::Mail { .. }), "mail for who does not poll");
        for wants_room in [false, true] {
            encode(notice, wants_room).iter().for_each(|text| check_object(text));
        }
        let about = match notice {
            Notice::Joined { participant, snapshot, .. } => {
                let extras = Extras { room: true, ..Extras::default() };
                check_object(&encode_registered(participant, snapshot, &extras));
                participant
            }
            Notice::Left { participant, .. } | Notice::Kicked { participant, .. } => participant,
            Notice::Arrived { member, .. } => &member.id,
            Notice::Signal { from, .. } | Notice::Crossed { from, .. } | Notice::Told { from, .. } => from,
            Notice::Mail { .. }
            | Notice::Recalled { .. }
            | Notice::Timer { .. }
            | Notice::Ended { .. }
            | Notice::Locked { .. }
            | Notice::Refused(_) => return,
        };
        assert!(self.taken.contains(about.as_str()), "{about} was registered by nobody");
    }
}

fn check_object(text: &str) {
    let object: Result<BTreeMap<String, IgnoredAny>, _> = serde_json::from_str(text);
    assert!(object.is_ok_and(|object| object.contains_key("type")), "not an object with a type: {text}");
}
