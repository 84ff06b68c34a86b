use std::net::IpAddr;
use std::time::Duration;

use sangam_types::Text;

use super::*;
use crate::api::{
    Departure, OfferShape, Presence, Rights, Signal, SignalKind, Telling, TimerOrder, TimerView, Topic, Traits,
};
use crate::id::{Owner, ParticipantId};
use crate::payload::Fold;
use crate::view::{MemberView, RoomView};
use SignalKind::{Answer, Candidate, Offer};

mod delivery;
mod join;
mod mailbox;
mod model;
mod moderation;
mod presence;
mod record;
mod rooms;
mod telling;
mod timer;
mod view;
mod whole;

const HOME: [u8; 4] = [192, 0, 2, 1];
const ELSEWHERE: [u8; 4] = [192, 0, 2, 2];
const SECOND: Duration = Duration::from_secs(1);
const MAIN: &str = "main";

const SOLE: Traits = Traits { rolls_back: false, wants_whole: false, presence: Presence::Sole };
const RETURNING: Traits = Traits { presence: Presence::Returning, ..SOLE };
const SHARED: Traits = Traits { presence: Presence::Shared, ..SOLE };
const POLLED: Traits = Traits { presence: Presence::Polled, ..SOLE };
const WHOLE: Traits = Traits { wants_whole: true, ..SOLE };

/// A payload of text: an offer that begins with `data` could serve as an answer, what ends with a full stop ends the
/// candidates, and a candidate is folded by writing it behind a plus sign, unless it is `bad`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Words(String);

impl Payload for Words {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn shape(&self) -> Option<OfferShape> {
        self.0.starts_with("data").then(|| OfferShape(Box::default()))
    }

    fn ends_candidates(&self) -> bool {
        self.0.ends_with('.')
    }

    fn fold(&mut self, candidate: &Self) -> Fold {
        if candidate.0 == "bad" {
            return Fold::Unfit;
        }
        self.0 = format!("{}+{}", self.0, candidate.0);
        Fold::Folded
    }
}

/// The core, a clock, and what the core wanted done since last asked.
struct World {
    core: Signaling<Words>,
    now: Now,
    done: Vec<Output<Words>>,
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
            self.enter(socket, id, SOLE);
        }
        self.done.clear();
    }

    fn feed(&mut self, input: Input<Words>) {
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

    /// Lets time pass in which these sockets show that they live.
    fn pass_with(&mut self, sockets: &[u64], seconds: u32) {
        for _ in 0..seconds {
            self.pass(SECOND);
            for socket in sockets {
                self.pong(*socket);
            }
        }
    }

    fn connect(&mut self, socket: u64, from: [u8; 4]) {
        self.connect_with(socket, from, Rights::ALL);
    }

    fn connect_with(&mut self, socket: u64, from: [u8; 4], rights: Rights) {
        let owner = Owner::of_address(IpAddr::from(from));
        self.feed(Input::Connected { socket: SocketId(socket), owner, rights });
    }

    fn join(&mut self, socket: u64, participant: &str) {
        self.join_as(socket, participant, SOLE);
    }

    fn join_as(&mut self, socket: u64, participant: &str, traits: Traits) {
        self.join_in(MAIN, socket, participant, traits);
    }

    fn join_in(&mut self, room_name: &str, socket: u64, participant: &str, traits: Traits) {
        let (socket, room, participant) = (SocketId(socket), room(room_name), id(participant));
        self.feed(Input::Join { socket, room, participant, name: None, traits });
    }

    /// Connects from home and joins.
    fn enter(&mut self, socket: u64, participant: &str, traits: Traits) {
        self.connect(socket, HOME);
        self.join_as(socket, participant, traits);
    }

    fn leave(&mut self, socket: u64, participant: Option<&str>) {
        self.feed(Input::Leave { socket: SocketId(socket), room: room(MAIN), participant: participant.map(id) });
    }

    fn disconnect(&mut self, socket: u64) {
        self.feed(Input::Disconnected { socket: SocketId(socket), departure: Departure::Said });
    }

    fn lose(&mut self, socket: u64) {
        self.feed(Input::Disconnected { socket: SocketId(socket), departure: Departure::Lost });
    }

    fn come_back(&mut self, socket: u64) {
        self.feed(Input::Returned { socket: SocketId(socket) });
    }

    fn pong(&mut self, socket: u64) {
        self.feed(Input::PongReceived { socket: SocketId(socket) });
    }

    fn poll(&mut self, socket: u64, participant: &str) {
        self.feed(Input::TakeMail { socket: SocketId(socket), room: room(MAIN), participant: id(participant) });
    }

    fn send(&mut self, socket: u64, kind: SignalKind, to: &str, payload: &str) {
        self.send_as(socket, "", kind, to, payload);
    }

    fn send_as(&mut self, socket: u64, from: &str, kind: SignalKind, to: &str, payload: &str) {
        self.send_in(MAIN, socket, from, kind, Some(to), payload);
    }

    fn send_to_all(&mut self, socket: u64, kind: SignalKind, payload: &str) {
        self.send_in(MAIN, socket, "", kind, None, payload);
    }

    fn send_in(&mut self, room_name: &str, socket: u64, from: &str, kind: SignalKind, to: Option<&str>, payload: &str) {
        let signal = Signal { kind, from: Some(from.into()), to: to.map(Into::into), payload: words(payload) };
        self.feed(Input::Signal { socket: SocketId(socket), room: room(room_name), signal });
    }

    fn tell(&mut self, socket: u64, topic: Topic, value: &str) {
        let telling = Telling { topic, from: None, value: words(value) };
        self.feed(Input::Tell { socket: SocketId(socket), room: room(MAIN), telling });
    }

    fn timer(&mut self, socket: u64, order: TimerOrder) {
        self.feed(Input::Timer { socket: SocketId(socket), room: room(MAIN), order });
    }

    fn end(&mut self, socket: u64) {
        self.feed(Input::End { by: Some(SocketId(socket)), room: room(MAIN), reason: Some("done".into()) });
    }

    fn kick(&mut self, by: Option<u64>, participant: &str) {
        let (by, room, participant) = (by.map(SocketId), room(MAIN), id(participant));
        self.feed(Input::Kick { by, room, participant, reason: None });
    }

    fn lock(&mut self, by: Option<u64>, locked: bool) {
        self.feed(Input::Lock { by: by.map(SocketId), room: room(MAIN), locked });
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

fn room(text: &str) -> RoomId {
    RoomId::parse(text).unwrap()
}

fn words(text: &str) -> Words {
    Words(text.to_owned())
}

/// What concerns sockets, and events about drops and glares, are lines; other events are not, nor is what is kept.
fn line(output: &Output<Words>) -> Option<String> {
    Some(match output {
        Output::Deliver { to, notice } => {
            let to: Vec<String> = to.iter().map(|socket| socket.0.to_string()).collect();
            format!("{} < {}", to.join(","), notice_line(notice))
        }
        Output::Ping { to } => format!("{} ping", to.0),
        Output::Close { socket, reason } => format!("{} close {reason:?}", socket.0),
        Output::Event(Event::Dropped { kind, reason }) => format!("drop {kind:?} {reason:?}"),
        Output::Event(Event::Glare { first, second, outcome, .. }) => format!("glare {first} {second} {outcome:?}"),
        Output::Event(Event::GraceRefused { participant, .. }) => format!("no grace {participant}"),
        Output::Event(Event::NotRestored { room }) => format!("not restored {room}"),
        Output::Keep(_) | Output::Forget(_) | Output::Event(_) | Output::Wait(_) => return None,
    })
}

fn reason_text(reason: Option<&Text>) -> String {
    reason.map(|it| format!(": {}", it.as_str())).unwrap_or_default()
}

fn timer_text(timer: TimerView) -> String {
    let state = match (timer.active, timer.paused) {
        (false, _) => "over",
        (true, true) => "paused",
        (true, false) => "runs",
    };
    format!("{} {state}", timer.remaining.as_secs())
}

/// Others than `participant`, then what else is in the snapshot.
fn snapshot_text(snapshot: &crate::Snapshot<Words>, participant: Option<&ParticipantId>) -> String {
    let others = snapshot.members.iter().filter(|it| Some(&it.id) != participant);
    let name = |name: &Text| format!("({})", name.as_str());
    let others = others.map(|it| format!("{}{}", it.id, it.name.as_ref().map(name).unwrap_or_default()));
    let mut text = format!("[{}]", others.collect::<Vec<_>>().join(","));
    if let Some(verse) = &snapshot.verse {
        text = format!("{text} verse {}", verse.0);
    }
    if let Some(queue) = &snapshot.queue {
        text = format!("{text} queue {}", queue.0);
    }
    if let Some(timer) = snapshot.timer {
        text = format!("{text} timer {}", timer_text(timer));
    }
    text
}

fn notice_line(notice: &Notice<Words>) -> String {
    match notice {
        Notice::Joined { participant, again, snapshot, .. } => {
            let again = if *again { " again" } else { "" };
            format!("joined {participant}{again} {}", snapshot_text(snapshot, Some(participant)))
        }
        Notice::Recalled { snapshot, .. } => format!("recalled {}", snapshot_text(snapshot, None)),
        Notice::Arrived { member, .. } => {
            let name = member.name.as_ref().map(|name| format!("({})", name.as_str())).unwrap_or_default();
            format!("arrived {}{name}", member.id)
        }
        Notice::Left { participant, reason, .. } => format!("left {participant}{}", reason_text(reason.as_ref())),
        Notice::Signal { kind, from, to, payload, .. } => {
            let to = to.as_ref().map_or("all", ParticipantId::as_str);
            format!("{kind:?} {from}>{to} {}", payload.0)
        }
        Notice::Crossed { from, to, offer, sender_role, .. } => {
            format!("crossed {from}>{to} {} {sender_role:?}", offer.0)
        }
        Notice::Mail { signals } => {
            format!("mail {}", signals.iter().map(notice_line).collect::<Vec<_>>().join(", "))
        }
        Notice::Told { from, topic, value, .. } => format!("told {topic:?} {from} {}", value.0),
        Notice::Timer { timer, .. } => format!("timer {}", timer_text(*timer)),
        Notice::Ended { reason, .. } => format!("ended{}", reason_text(reason.as_ref())),
        Notice::Kicked { participant, reason, .. } => format!("kicked {participant}{}", reason_text(reason.as_ref())),
        Notice::Locked { locked, .. } => format!("locked {locked}"),
        Notice::Refused(refusal) => format!("refused {refusal:?}"),
    }
}
