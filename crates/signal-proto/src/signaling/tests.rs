use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::api::{OfferShape, Payload, Signal, SignalKind, Traits};
use SignalKind::{Answer, Candidate, Offer};

mod delivery;
mod model;
mod registration;

const HOME: [u8; 4] = [192, 0, 2, 1];
const ELSEWHERE: [u8; 4] = [192, 0, 2, 2];

/// The core, a clock, and what the core wanted done since last asked.
struct World {
    core: Signaling,
    now: Now,
    done: Vec<Output>,
}

impl World {
    fn new() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        Self { core: Signaling::new(options), now: Now::default(), done: Vec::new() }
    }

    /// A room with these participants, on the sockets 1, 2, … of one address each; nothing to report yet.
    fn room(ids: &[&str]) -> Self {
        let mut world = Self::new();
        world.seat(ids);
        world
    }

    fn seat(&mut self, ids: &[&str]) {
        for (id, socket) in ids.iter().zip(1..) {
            self.connect(socket, HOME);
            self.register(socket, id);
        }
        self.done.clear();
    }

    fn feed(&mut self, input: Input) {
        self.core.handle_input(self.now, input);
        loop {
            match self.core.poll_output() {
                Output::Wait(_) => return,
                output => self.done.push(output),
            }
        }
    }

    /// Lets time pass, waking the core when it wants to be woken.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Output::Wait(Some(deadline)) = self.core.poll_output()
            && deadline.at <= end.mono
        {
            self.now = self.now + deadline.at.saturating_since(self.now.mono);
            self.feed(Input::Timeout);
        }
        self.now = end;
        self.feed(Input::Timeout);
    }

    fn connect(&mut self, socket: u64, from: [u8; 4]) {
        let owner = Owner::of_address(IpAddr::from(from));
        self.feed(Input::Connected { socket: SocketId(socket), owner });
    }

    fn register(&mut self, socket: u64, participant: &str) {
        self.register_as(socket, participant, Traits::default());
    }

    fn register_as(&mut self, socket: u64, participant: &str, traits: Traits) {
        self.feed(Input::Register { socket: SocketId(socket), participant: id(participant), traits });
    }

    fn disconnect(&mut self, socket: u64) {
        self.feed(Input::Disconnected { socket: SocketId(socket) });
    }

    fn pong(&mut self, socket: u64) {
        self.feed(Input::PongReceived { socket: SocketId(socket) });
    }

    fn send(&mut self, socket: u64, kind: SignalKind, to: &str, payload: &str) {
        self.send_as(socket, "", kind, to, payload);
    }

    /// An offer whose payload begins with `data` could serve as an answer.
    fn send_as(&mut self, socket: u64, from: &str, kind: SignalKind, to: &str, payload: &str) {
        let shape = (kind == Offer && payload.starts_with("data")).then(|| OfferShape(Box::default()));
        let payload = Payload(payload.as_bytes().into());
        let signal = Signal { kind, from: from.into(), to: to.into(), payload, shape };
        self.feed(Input::Signal { socket: SocketId(socket), signal });
    }

    /// What was wanted since last asked, a line each: `2 < offer 1>2 text`.
    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.done).iter().filter_map(line).collect()
    }

    #[track_caller]
    fn expect(&mut self, expected: &[&str]) {
        assert_eq!(self.take(), expected);
    }
}

fn id(text: &str) -> ParticipantId {
    ParticipantId::parse(text).unwrap()
}

/// Events about drops and glares are lines, others are not.
fn line(output: &Output) -> Option<String> {
    Some(match output {
        Output::Deliver { to, notice } => {
            let to: Vec<String> = to.iter().map(|socket| socket.0.to_string()).collect();
            format!("{} < {}", to.join(","), notice_line(notice))
        }
        Output::Ping { to } => format!("{} ping", to.0),
        Output::Close { socket, reason } => format!("{} close {reason:?}", socket.0),
        Output::Event(Event::Dropped { kind, reason }) => format!("drop {kind:?} {reason:?}"),
        Output::Event(Event::Glare { first, second, outcome }) => format!("glare {first} {second} {outcome:?}"),
        Output::Event(Event::GraceRefused { participant }) => format!("no grace {participant}"),
        Output::Event(_) | Output::Wait(_) => return None,
    })
}

fn notice_line(notice: &Notice) -> String {
    let text = |payload: &Payload| String::from_utf8_lossy(&payload.0).into_owned();
    match notice {
        Notice::Registered { participant, others } => {
            let others: Vec<&str> = others.iter().map(ParticipantId::as_str).collect();
            format!("registered {participant} [{}]", others.join(","))
        }
        Notice::Joined { participant } => format!("joined {participant}"),
        Notice::Left { participant } => format!("left {participant}"),
        Notice::Signal { kind, from, to, payload } => format!("{kind:?} {from}>{to} {}", text(payload)),
        Notice::Crossed { from, to, offer, sender_role } => {
            format!("crossed {from}>{to} {} {sender_role:?}", text(offer))
        }
        Notice::Refused(refusal) => format!("refused {refusal:?}"),
    }
}

const SECOND: Duration = Duration::from_secs(1);
