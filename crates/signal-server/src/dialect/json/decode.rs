use std::time::Duration;

use sangam_signal_proto::{ParticipantId, SignalKind};
use sangam_signal_proto::{Signal, Telling, TimerOrder, Topic};
use sangam_types::Text;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::fields::{Fields, text, text_or_number, truthy};
use super::{Fault, LinkReport, link_report};
use crate::dialect::Said;
use crate::dialect::depth::depth;

/// A message nested deeper is refused: some clients' parsers recurse.
const DEPTH_MAX: usize = 64;

/// Of a receiver's name no more is kept: an id is shorter, and the sender is told its own words.
const RECEIVER_BYTES_MAX: usize = 256;

/// The longest name or reason, bytes: what is longer is cut.
const WORDS_BYTES_MAX: usize = 256;

/// What a message asks for.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// An id for this socket.
    Register {
        /// Which.
        id: ParticipantId,
        /// As it wants to be shown.
        name: Option<Text>,
        /// What the client wants beyond the original's answer.
        wants: Wants,
    },
    /// Delivery to a participant.
    Signal(Signal<Said>),
    /// Something for the whole room.
    Tell(Telling<Said>),
    /// What a late joiner hears.
    Recall,
    /// The room's timer.
    Timer(TimerOrder),
    /// To leave the room.
    Leave,
    /// The end of the session.
    End {
        /// Told to all.
        reason: Option<Text>,
    },
    /// A participant is to go.
    Kick {
        /// Who.
        id: ParticipantId,
        /// Told to it and to the others.
        reason: Option<Text>,
    },
    /// Nobody new may join, or may again.
    Lock {
        /// Which.
        locked: bool,
    },
    /// What became of links.
    Report(Vec<LinkReport>),
    /// Nothing: a type we do not know, or no object. The original is silent too.
    Ignored,
}

/// What a client asks for in `want` of its `register`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// `protocol`: the version of this protocol.
    pub protocol: bool,
    /// `server_time`: our clock.
    pub server_time: bool,
    /// `ice_servers`: what `/ice-servers` would answer.
    pub ice_servers: bool,
    /// `ice_ticket`: a ticket for `/ice-servers`.
    pub ice_ticket: bool,
    /// `rollback`: no extra answer; the client takes an offer while its own is unanswered.
    pub rollback: bool,
    /// `resume`: no extra answer; if the socket is lost, the id stays in the room for a while.
    pub resume: bool,
    /// `room`: a snapshot of the room, and to hear of all that happens in it.
    pub room: bool,
    /// With `resume`, the member `received`: how many messages came on the lost connection behind its `registered`.
    pub received: Option<u64>,
}

/// Reads one WebSocket message, text or binary.
///
/// # Errors
///
/// What the sender is to be told; the socket stays open.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Fault> {
    let json = std::str::from_utf8(bytes).map_err(|_| Fault::NotUtf8)?;
    if depth(bytes) > DEPTH_MAX {
        return Err(Fault::TooDeep { max: DEPTH_MAX });
    }
    match json.trim_start_matches([' ', '\t', '\n', '\r']).as_bytes().first() {
        Some(b'{') => {}
        Some(b'n') => {
            serde_json::from_str::<()>(json).map_err(|error| syntax(&error))?;
            return Err(Fault::Null);
        }
        Some(_) | None => {
            serde_json::from_str::<IgnoredAny>(json).map_err(|error| syntax(&error))?;
            return Ok(Decoded::Ignored);
        }
    }
    let fields: Fields<'_> = serde_json::from_str(json).map_err(|error| syntax(&error))?;
    match fields.r#type.and_then(text).as_deref() {
        Some("register") => register(&fields),
        Some("offer") => signal(&fields, SignalKind::Offer, fields.offer),
        Some("answer") => signal(&fields, SignalKind::Answer, fields.answer),
        Some("ice-candidate") => signal(&fields, SignalKind::Candidate, fields.candidate),
        Some("tell") => tell(&fields),
        Some("recall") => Ok(Decoded::Recall),
        Some("timer") => timer(&fields).map(Decoded::Timer),
        Some("leave") => Ok(Decoded::Leave),
        Some("end") => Ok(Decoded::End { reason: fields.reason.and_then(words) }),
        Some("kick") => kick(&fields),
        Some("report") => Ok(Decoded::Report(fields.links.map(link_report::read).unwrap_or_default())),
        Some("lock") => Ok(Decoded::Lock { locked: fields.locked.is_none_or(truthy) }),
        Some(_) | None => Ok(Decoded::Ignored),
    }
}

fn register(fields: &Fields<'_>) -> Result<Decoded, Fault> {
    let id = fields.agent_id.filter(|id| truthy(id)).ok_or(Fault::MissingAgentId)?;
    let id = text_or_number(id).ok_or(Fault::AgentIdNotText)?;
    let id = ParticipantId::parse(&id).map_err(Fault::InvalidAgentId)?;
    let mut wants = fields.want.map(wants).unwrap_or_default();
    if wants.resume {
        wants.received = fields.received.and_then(|it| it.get().parse().ok());
    }
    Ok(Decoded::Register { id, name: fields.name.and_then(words), wants })
}

fn wants(want: &RawValue) -> Wants {
    let words: Vec<&RawValue> = serde_json::from_str(want.get()).unwrap_or_default();
    let mut wants = Wants::default();
    for word in words {
        match text(word).as_deref() {
            Some("protocol") => wants.protocol = true,
            Some("server_time") => wants.server_time = true,
            Some("ice_servers") => wants.ice_servers = true,
            Some("ice_ticket") => wants.ice_ticket = true,
            Some("rollback") => wants.rollback = true,
            Some("resume") => wants.resume = true,
            Some("room") => wants.room = true,
            // A newer client may want more than we have.
            Some(_) | None => {}
        }
    }
    wants
}

fn signal(fields: &Fields<'_>, kind: SignalKind, payload: Option<&RawValue>) -> Result<Decoded, Fault> {
    let given = |value: Option<&'_ RawValue>| value.filter(|it| truthy(it)).map(|it| it.get().to_owned());
    let (Some(_), Some(to), Some(payload)) = (given(fields.from), given(fields.to), given(payload)) else {
        return Err(Fault::InvalidSignal { kind });
    };
    // Nobody's id is other than text or a number, so that an object is nobody.
    let mut to = fields.to.and_then(text_or_number).unwrap_or(to);
    to.truncate(to.floor_char_boundary(RECEIVER_BYTES_MAX));
    Ok(Decoded::Signal(Signal {
        kind,
        from: named(fields.from),
        to: Some(to.into_boxed_str()),
        payload: Said::new(payload.into()),
    }))
}

fn tell(fields: &Fields<'_>) -> Result<Decoded, Fault> {
    let topic = match fields.topic.and_then(text).as_deref() {
        Some("verse") => Topic::Verse,
        Some("queue") => Topic::Queue,
        Some("reading") => Topic::Reading,
        Some(_) | None => return Err(Fault::UnknownTopic),
    };
    let value = fields.value.ok_or(Fault::MissingValue)?;
    let value = Said::new(value.get().into());
    Ok(Decoded::Tell(Telling { topic, from: named(fields.from), value }))
}

fn timer(fields: &Fields<'_>) -> Result<TimerOrder, Fault> {
    match fields.order.and_then(text).as_deref() {
        Some("start") => {
            let seconds = fields.seconds.and_then(|it| it.get().parse::<f64>().ok()).ok_or(Fault::InvalidTimer)?;
            // How long it may be is the room's business; here it has to be a time at all.
            Duration::try_from_secs_f64(seconds).map(TimerOrder::Start).map_err(|_| Fault::InvalidTimer)
        }
        Some("pause") => Ok(TimerOrder::Pause),
        Some("resume") => Ok(TimerOrder::Resume),
        Some(_) | None => Err(Fault::InvalidTimer),
    }
}

fn kick(fields: &Fields<'_>) -> Result<Decoded, Fault> {
    let id = fields.agent_id.and_then(text_or_number).ok_or(Fault::MissingAgentToKick)?;
    let id = ParticipantId::parse(&id).map_err(|_| Fault::MissingAgentToKick)?;
    Ok(Decoded::Kick { id, reason: fields.reason.and_then(words) })
}

fn named(value: Option<&RawValue>) -> Option<Box<str>> {
    value.and_then(text_or_number).map(String::into_boxed_str)
}

/// A text for people, as long as it may be.
fn words(value: &RawValue) -> Option<Text> {
    let mut words = text(value).filter(|it| !it.is_empty())?;
    words.truncate(words.floor_char_boundary(WORDS_BYTES_MAX));
    Some(words.into())
}

fn syntax(error: &serde_json::Error) -> Fault {
    match error.classify() {
        Category::Eof => Fault::End,
        Category::Io | Category::Syntax | Category::Data => {
            Fault::Syntax { line: error.line(), column: error.column() }
        }
    }
}
