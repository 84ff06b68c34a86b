use std::collections::VecDeque;
use std::time::Duration;

use sangam_signal_proto::{Notice, RoomId};
use sangam_signal_proto::{ParticipantId, SignalKind};
use sangam_socketio_proto::Arguments;
use sangam_types::{Mono, Now};

use super::decode::{Decoded, Request, decode};
use super::ear::{Ear, SignalNames};
use super::echo::{Echoes, Print};
use super::event::Event;
use super::fault::Fault;
use super::local::Local;
use super::outgoing::Outgoing;
use crate::dialect::object::text;
use crate::dialect::said::Said;

/// Sessions that ended and offers that wait for an answer: no more are remembered.
const REMEMBERED_MAX: usize = 16;

/// How clients are kept from talking in circles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardOptions {
    /// For how long a client's sending back what it was told is an echo.
    pub echo_window: Duration,
    /// How many of the last things a socket was told are remembered for that. 16 bytes each.
    pub echoes_max: usize,
    /// How many events for a whole session a socket may send in a second, in the long run.
    pub undirected_per_sec: u32,
    /// And how many at once: an undirected offer has a hundred candidates behind it.
    pub undirected_burst: u32,
}

impl Default for GuardOptions {
    fn default() -> Self {
        Self { echo_window: Duration::from_secs(10), echoes_max: 256, undirected_per_sec: 20, undirected_burst: 200 }
    }
}

/// Why an event has no effect. Its sender is not told: the client that re-emits everything would send that back too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dropped {
    /// No event that clients may send, or no event at all.
    Unknown,
    /// What the socket was told itself just now.
    Echo,
    /// Too many events for a whole session.
    Rate,
    /// To leave a session that ended: the hooks do when they hear of it.
    Over,
}

/// One socket: what its events mean, and which names it hears.
#[derive(Debug)]
pub struct Client {
    ear: Ear,
    /// What it was told just now.
    echoes: Echoes,
    /// Events for a whole session that it may send now.
    tokens: f64,
    filled_at: Mono,
    /// Sessions that ended while it was in them.
    over: VecDeque<RoomId>,
    /// Who offered to it and has no answer yet: the older hooks answer to `all`.
    unanswered: VecDeque<(RoomId, ParticipantId)>,
}

impl Client {
    /// A socket that has said nothing yet.
    #[must_use]
    pub fn new(now: Mono, options: &GuardOptions) -> Self {
        Self {
            ear: Ear::default(),
            echoes: Echoes::default(),
            tokens: f64::from(options.undirected_burst),
            filled_at: now,
            over: VecDeque::new(),
            unanswered: VecDeque::new(),
        }
    }

    /// Which names it hears, as far as it is known by now.
    #[must_use]
    pub fn ear(&self) -> Ear {
        self.ear
    }

    /// Puts back what was learned of it by a server before this one.
    pub fn set_ear(&mut self, ear: Ear) {
        self.ear = ear;
    }

    /// Takes an event from it: its name and arguments.
    ///
    /// # Errors
    ///
    /// What the sender is to be told ([`Fault::encode`]); it stays connected.
    pub fn hear(&mut self, arguments: &Arguments, now: Now, options: &GuardOptions) -> Result<Decoded, Fault> {
        let dropped = |why| Ok(Decoded::Dropped(why));
        let items = arguments.items().unwrap_or_default();
        let Some(known) = items.first().and_then(|name| text(name)).and_then(|name| Event::named(&name)) else {
            return dropped(Dropped::Unknown);
        };
        let (event, name, _) = known;
        // Further arguments are not minded, as by the original.
        let argument = items.get(1).copied();
        let print = || argument.and_then(|it| Print::of(name, it.get(), arguments.attachments()));
        let is_echo = !self.echoes.is_empty()
            && print().is_some_and(|print| self.echoes.holds(print, now.mono, options.echo_window));
        if is_echo {
            return dropped(Dropped::Echo);
        }
        let mut decoded = decode(known, argument, arguments.attachments(), now.wall)?;
        if is_undirected(&decoded) && !self.pay(now.mono, options) {
            return dropped(Dropped::Rate);
        }
        if let Decoded::Core(request) = &mut decoded {
            let is_named = matches!(request, Request::Join { name: Some(_), .. });
            self.ear.learn(name, event, is_named);
            if self.is_over(request) {
                return dropped(Dropped::Over);
            }
            self.find_receiver(request);
        }
        Ok(decoded)
    }

    /// Remembers what it is told: the notice, and the events that [`encode()`](super::encode()) made of it for its ear.
    pub fn told(&mut self, notice: &Notice<Said>, events: &[Outgoing], now: Mono, options: &GuardOptions) {
        for print in events.iter().filter_map(|event| event.print) {
            self.echoes.push(print, now, options.echo_window, options.echoes_max);
        }
        match notice {
            Notice::Ended { room, .. } | Notice::Kicked { room, .. } => {
                remember(&mut self.over, room.clone());
                self.unanswered.retain(|(it, _)| it != room);
            }
            Notice::Joined { room, .. } => self.over.retain(|it| it != room),
            Notice::Signal { room, kind: SignalKind::Offer, from, .. } => {
                remember(&mut self.unanswered, (room.clone(), from.clone()));
            }
            Notice::Left { room, participant, .. } => {
                self.unanswered.retain(|(it, from)| it != room || from != participant);
            }
            Notice::Mail { signals } => signals.iter().for_each(|signal| self.told(signal, &[], now, options)),
            Notice::Recalled { .. }
            | Notice::Arrived { .. }
            | Notice::Signal { .. }
            | Notice::Crossed { .. }
            | Notice::Told { .. }
            | Notice::Timer { .. }
            | Notice::Locked { .. }
            | Notice::Refused(_) => {}
        }
    }

    /// Gives back the memory for what it was told long ago. For the driver to call now and then, with each heartbeat say: a
    /// socket that is told nothing has no other occasion.
    pub fn rest(&mut self, now: Mono, options: &GuardOptions) {
        self.echoes.forget(now, options.echo_window);
    }

    fn pay(&mut self, now: Mono, options: &GuardOptions) -> bool {
        let earned = now.saturating_since(self.filled_at).as_secs_f64() * f64::from(options.undirected_per_sec);
        self.tokens = (self.tokens + earned).min(f64::from(options.undirected_burst));
        self.filled_at = now;
        let may = self.tokens >= 1.0;
        if may {
            self.tokens -= 1.0;
        }
        may
    }

    fn is_over(&mut self, request: &Request) -> bool {
        match request {
            Request::Leave { room, .. } => self.over.contains(room),
            Request::Join { room, .. } => {
                self.over.retain(|it| it != room);
                false
            }
            _ => false,
        }
    }

    /// The older hooks answer an offer to `all`, which was nobody. They mean who offered; offers are answered in their order.
    fn find_receiver(&mut self, request: &mut Request) {
        let Request::Signal { room, signal } = request else { return };
        if signal.kind != SignalKind::Answer {
            return;
        }
        let is_to_all = self.ear.signals == SignalNames::ByKind && matches!(signal.to.as_deref(), Some("all"));
        let answered = self.unanswered.iter().position(|(it, from)| {
            it == room && (is_to_all || signal.to.as_deref().is_none_or(|to| to == from.as_str()))
        });
        let offerer = answered.and_then(|at| self.unanswered.remove(at)).map(|(_, from)| from);
        if is_to_all {
            signal.to = offerer.map(|offerer| offerer.as_str().into());
        }
    }
}

/// Whether a client that talks in circles could make many of one.
fn is_undirected(decoded: &Decoded) -> bool {
    match decoded {
        Decoded::Core(Request::Signal { signal, .. }) => signal.to.is_none(),
        Decoded::Core(Request::Tell { .. } | Request::Timer { .. } | Request::End { .. } | Request::Lock { .. }) => {
            true
        }
        Decoded::Core(Request::Join { .. } | Request::Leave { .. } | Request::Recall { .. } | Request::Kick { .. }) => {
            false
        }
        Decoded::Local(Local::Monitor(_)) => true,
        Decoded::Local(Local::Subscribe | Local::Unsubscribe) | Decoded::Dropped(_) => false,
    }
}

fn remember<T: PartialEq>(memory: &mut VecDeque<T>, what: T) {
    memory.retain(|it| *it != what);
    if memory.len() == REMEMBERED_MAX {
        memory.pop_front();
    }
    memory.push_back(what);
}
