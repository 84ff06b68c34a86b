mod timer;
mod value;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use sangam_signal_proto::{SignalKind, SocketId};
use sangam_socketio_proto::Arguments;
use sangam_types::{Mono, Now};
use serde_json::value::RawValue;

use super::event::Event;
use super::local::{Local, MONITOR_ROOM};
use super::outgoing::Outgoing;
use crate::dialect::object::{ObjectWriter, text};
use timer::{Timers, Update};
use value::{Data, Key};

/// The server that the application came with, as it was measured: what it checks, which is nothing; what it forgets; in which
/// order it tells whom what. Only `null` for a test message does not end the process.
///
/// For tests on loopback (`signal.socketio.strict`): whoever is here can speak as anybody.
///
/// Nothing waits inside: what an input makes comes back at once. [`Original::deadline`] is the next tick of all timers.
#[derive(Debug)]
pub struct Original {
    /// Members in the order in which they joined.
    rooms: BTreeMap<Key, Vec<SocketId>>,
    /// `activeSessions`
    sessions: BTreeMap<Key, Vec<Key>>,
    /// `activeParticipants`: of each the last socket, whatever session it joined.
    participants: BTreeMap<Key, SocketId>,
    /// `socket.sessionId`, `socket.participantId`: the last.
    joined: BTreeMap<SocketId, (Key, Key)>,
    timers: Timers,
    tick_at: Mono,
    /// Numbers events, and so the objects that came in them.
    events: u64,
}

/// An event for sockets, in the order in which the sockets joined the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// To whom.
    pub to: Vec<SocketId>,
    /// What.
    pub event: Outgoing,
}

/// All timers tick together.
const TICK: Duration = Duration::from_secs(5);

/// Of rooms, sessions, participants and timers there are no more; beyond that an event is ignored. The original has no bound.
const ENTRIES_MAX: usize = 100_000;

/// What goes on in one event.
struct Call<'a> {
    socket: SocketId,
    data: Data<'a>,
    attachments: &'a [Bytes],
    now: u64,
    event: u64,
}

impl Call<'_> {
    fn key(&self, name: &str) -> Key {
        Key::of(self.data.get(name), self.event)
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.data.get(name).map(RawValue::get)
    }

    fn stamped(&self, name: &str, object: ObjectWriter) -> Outgoing {
        Outgoing::new(name, &object.raw("timestamp", &self.now.to_string()).end(), self.attachments)
    }
}

impl Original {
    /// As after its start.
    #[must_use]
    pub fn new(now: Mono) -> Self {
        Self {
            rooms: BTreeMap::new(),
            sessions: BTreeMap::new(),
            participants: BTreeMap::new(),
            joined: BTreeMap::new(),
            timers: Timers::default(),
            tick_at: now + TICK,
            events: 0,
        }
    }

    /// When [`Self::tick`] is due.
    #[must_use]
    pub fn deadline(&self) -> Mono {
        self.tick_at
    }

    /// `activeSessions` and `activeParticipants` of `/health`.
    #[must_use]
    pub fn active(&self) -> (usize, usize) {
        (self.sessions.len(), self.participants.len())
    }

    /// Ticks all timers if it is time.
    pub fn tick(&mut self, now: Now) -> Vec<Sent> {
        if now.mono < self.tick_at {
            return Vec::new();
        }
        self.tick_at = now.mono + TICK;
        let updates = self.timers.tick(now.wall.unix_millis());
        updates.into_iter().map(|update| self.update(update, 0, &[])).collect()
    }

    /// Takes an event of a socket.
    pub fn hear(&mut self, socket: SocketId, arguments: &Arguments, now: Now) -> Vec<Sent> {
        let items = arguments.items().unwrap_or_default();
        let name = items.first().and_then(|name| text(name));
        let Some((event, name, failure)) = name.and_then(|name| Event::named(&name)) else { return Vec::new() };
        let argument = items.get(1).copied();
        self.events += 1;
        let own = |event| vec![Sent { to: vec![socket], event }];
        match event {
            Event::Subscribe => return own(self.subscribe(socket)),
            Event::Unsubscribe => {
                self.leave_room(&monitor(), socket);
                return Vec::new();
            }
            Event::Test => return self.test(argument, arguments.attachments(), now),
            _ => {}
        }
        let Some(known) = Known::named(name) else { return Vec::new() };
        let Some(data) = Data::of(argument) else {
            let error = ObjectWriter::new().text("message", failure).end();
            return own(Outgoing::new("error", &error, &[]));
        };
        if self.is_full() {
            return Vec::new();
        }
        let now = now.wall.unix_millis();
        self.handle(
            (known, name),
            &Call { socket, data, attachments: arguments.attachments(), now, event: self.events },
        )
    }

    /// A socket is gone, however it went.
    pub fn disconnected(&mut self, socket: SocketId) -> Vec<Sent> {
        for members in self.rooms.values_mut() {
            members.retain(|it| *it != socket);
        }
        self.rooms.retain(|_, members| !members.is_empty());
        let Some((session, participant)) = self.joined.remove(&socket) else { return Vec::new() };
        if !session.is_truthy() || !participant.is_truthy() {
            return Vec::new();
        }
        self.forget(&session, &participant);
        vec![self.to(&session.rooms(0), None, left(&session, &participant))]
    }

    fn handle(&mut self, (known, name): (Known, &str), call: &Call<'_>) -> Vec<Sent> {
        match known {
            Known::Join => self.join(call),
            Known::Leave => self.leave(call),
            Known::Signal(kind) => self.signal(kind, call),
            Known::Verse => {
                let object =
                    about(call).raw_if("verse", call.raw("verse")).raw_if("currentReader", call.raw("currentReader"));
                self.to_all(call, name, object)
            }
            Known::Queue => self.to_all(call, name, about(call).raw_if("queue", call.raw("queue"))),
            Known::TimeLeft => self.to_all(call, name, about(call).raw_if("timeLeft", call.raw("timeLeft"))),
            Known::Ended => {
                let sent = self.to_all(call, name, about(call));
                self.sessions.remove(&call.key("sessionId"));
                sent
            }
            Known::Start => {
                let update = self.timers.start(call.key("sessionId"), call.raw("duration"), call.now);
                vec![self.update(update, call.event, call.attachments)]
            }
            Known::Pause => {
                let update = self.timers.pause(call.key("sessionId"), call.now);
                update.into_iter().map(|update| self.update(update, call.event, &[])).collect()
            }
            Known::Resume => {
                let update = self.timers.resume(call.key("sessionId"), call.now);
                update.into_iter().map(|update| self.update(update, call.event, &[])).collect()
            }
        }
    }

    fn join(&mut self, call: &Call<'_>) -> Vec<Sent> {
        let (session, participant) = (call.key("sessionId"), call.key("participantId"));
        for room in session.rooms(call.event) {
            let members = self.rooms.entry(room).or_default();
            if !members.contains(&call.socket) {
                members.push(call.socket);
            }
        }
        self.joined.insert(call.socket, (session.clone(), participant.clone()));
        let ids = self.sessions.entry(session.clone()).or_default();
        if !ids.contains(&participant) {
            ids.push(participant.clone());
        }
        let list: Vec<&str> = ids.iter().map(|id| id.json().unwrap_or("null")).collect();
        let whole = about(call).raw("participants", &format!("[{}]", list.join(","))).end();
        self.participants.insert(participant.clone(), call.socket);
        let newcomer = about(call).raw_if("participantId", participant.json()).end();
        vec![
            self.to_rooms(&session, call, None, Outgoing::new("session-joined", &whole, call.attachments)),
            self.to_rooms(
                &session,
                call,
                Some(call.socket),
                Outgoing::new("participant-joined", &newcomer, call.attachments),
            ),
        ]
    }

    /// Whoever the payload names leaves; the room is left by who asks.
    fn leave(&mut self, call: &Call<'_>) -> Vec<Sent> {
        let (session, participant) = (call.key("sessionId"), call.key("participantId"));
        self.leave_room(&session, call.socket);
        self.forget(&session, &participant);
        vec![self.to_rooms(&session, call, Some(call.socket), left(&session, &participant))]
    }

    fn signal(&mut self, kind: SignalKind, call: &Call<'_>) -> Vec<Sent> {
        let object = call.data.spread(&call.now.to_string());
        let event = Outgoing::new(Event::of_signal(kind), &object, call.attachments);
        let to = call.key("to");
        if to.is_truthy() {
            return self.participants.get(&to).map(|socket| Sent { to: vec![*socket], event }).into_iter().collect();
        }
        vec![self.to_rooms(&call.key("sessionId"), call, Some(call.socket), event)]
    }

    fn subscribe(&mut self, socket: SocketId) -> Outgoing {
        let members = self.rooms.entry(monitor()).or_default();
        if !members.contains(&socket) {
            members.push(socket);
        }
        Local::subscribed(members.len())
    }

    fn test(&mut self, argument: Option<&RawValue>, attachments: &[Bytes], now: Now) -> Vec<Sent> {
        match Local::tested(argument, attachments, now.wall) {
            Some(Local::Monitor(event)) => vec![self.to_room(&monitor(), None, event)],
            Some(Local::Subscribe | Local::Unsubscribe) | None => Vec::new(),
        }
    }

    fn to_all(&self, call: &Call<'_>, name: &str, object: ObjectWriter) -> Vec<Sent> {
        vec![self.to_rooms(&call.key("sessionId"), call, None, call.stamped(name, object))]
    }

    fn update(&self, update: Update, event: u64, attachments: &[Bytes]) -> Sent {
        let told = Outgoing::new("session-timer-update", &update.object, attachments);
        self.to(&update.session.rooms(event), None, told)
    }

    fn to_rooms(&self, session: &Key, call: &Call<'_>, but: Option<SocketId>, event: Outgoing) -> Sent {
        self.to(&session.rooms(call.event), but, event)
    }

    fn to_room(&self, room: &Key, but: Option<SocketId>, event: Outgoing) -> Sent {
        self.to(std::slice::from_ref(room), but, event)
    }

    fn to(&self, rooms: &[Key], but: Option<SocketId>, event: Outgoing) -> Sent {
        let mut to: Vec<SocketId> = Vec::new();
        for socket in rooms.iter().filter_map(|room| self.rooms.get(room)).flatten() {
            if Some(*socket) != but && !to.contains(socket) {
                to.push(*socket);
            }
        }
        Sent { to, event }
    }

    fn leave_room(&mut self, room: &Key, socket: SocketId) {
        if let Some(members) = self.rooms.get_mut(room) {
            members.retain(|it| *it != socket);
            if members.is_empty() {
                self.rooms.remove(room);
            }
        }
    }

    fn forget(&mut self, session: &Key, participant: &Key) {
        if let Some(ids) = self.sessions.get_mut(session) {
            ids.retain(|id| id != participant);
            if ids.is_empty() {
                self.sessions.remove(session);
            }
        }
        self.participants.remove(participant);
    }

    fn is_full(&self) -> bool {
        let entries = [self.rooms.len(), self.sessions.len(), self.participants.len(), self.timers.len()];
        entries.into_iter().any(|entries| entries >= ENTRIES_MAX)
    }
}

#[derive(Clone, Copy)]
enum Known {
    Join,
    Leave,
    Signal(SignalKind),
    Verse,
    Queue,
    Start,
    Pause,
    Resume,
    TimeLeft,
    Ended,
}

impl Known {
    /// Of the events that clients send, the original knows these.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "join-session" => Self::Join,
            "leave-session" => Self::Leave,
            "webrtc-offer" => Self::Signal(SignalKind::Offer),
            "webrtc-answer" => Self::Signal(SignalKind::Answer),
            "webrtc-ice-candidate" => Self::Signal(SignalKind::Candidate),
            "verse-changed" => Self::Verse,
            "reading-queue-update" => Self::Queue,
            "start-session-timer" => Self::Start,
            "pause-session-timer" => Self::Pause,
            "resume-session-timer" => Self::Resume,
            "session-timer-update" => Self::TimeLeft,
            "session-ended" => Self::Ended,
            _ => return None,
        })
    }
}

fn monitor() -> Key {
    Key::Plain(format!("\"{MONITOR_ROOM}\""))
}

fn about(call: &Call<'_>) -> ObjectWriter {
    ObjectWriter::new().raw_if("sessionId", call.raw("sessionId"))
}

fn left(session: &Key, participant: &Key) -> Outgoing {
    let object = ObjectWriter::new().raw_if("sessionId", session.json()).raw_if("participantId", participant.json());
    Outgoing::new("participant-left", &object.end(), &[])
}
