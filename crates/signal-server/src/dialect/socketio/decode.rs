use std::time::Duration;

use bytes::Bytes;
use sangam_signal_proto::{Input, Presence, RoomId, Signal, Telling, TimerOrder, Topic, Traits};
use sangam_signal_proto::{ParticipantId, SocketId};
use sangam_types::{Text, Wall};
use serde_json::value::RawValue;

use super::client::Dropped;
use super::event::Event;
use super::fault::{Fault, FaultCode};
use super::local::Local;
use super::signal;
use crate::dialect::depth::depth;
use crate::dialect::object::{Object, ObjectWriter, is_null, text};
use crate::dialect::said::Said;

/// An event nested deeper is refused: some clients' parsers recurse.
const DEPTH_MAX: usize = 64;

/// What the others are shown of somebody's name, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// What an event asks for.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// Something of the core.
    Core(Request),
    /// Something that concerns no session.
    Local(Local),
    /// Nothing.
    Dropped(Dropped),
}

/// What a socket asks of the core: an [`Input`] without the socket.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the members are those of `Input`")]
pub enum Request {
    /// [`Input::Join`]
    Join { room: RoomId, participant: ParticipantId, name: Option<Text>, traits: Traits },
    /// [`Input::Leave`]
    Leave { room: RoomId, participant: Option<ParticipantId> },
    /// [`Input::Signal`]
    Signal { room: RoomId, signal: Signal<Said> },
    /// [`Input::Tell`]
    Tell { room: RoomId, telling: Telling<Said> },
    /// [`Input::Recall`]
    Recall { room: RoomId },
    /// [`Input::Timer`]
    Timer { room: RoomId, order: TimerOrder },
    /// [`Input::End`]
    End { room: RoomId, reason: Option<Text> },
    /// [`Input::Kick`]
    Kick { room: RoomId, participant: ParticipantId, reason: Option<Text> },
    /// [`Input::Lock`]
    Lock { room: RoomId, locked: bool },
}

impl Request {
    /// As the core takes it.
    #[must_use]
    pub fn into_input(self, socket: SocketId) -> Input<Said> {
        match self {
            Self::Join { room, participant, name, traits } => Input::Join { socket, room, participant, name, traits },
            Self::Leave { room, participant } => Input::Leave { socket, room, participant },
            Self::Signal { room, signal } => Input::Signal { socket, room, signal },
            Self::Tell { room, telling } => Input::Tell { socket, room, telling },
            Self::Recall { room } => Input::Recall { socket, room },
            Self::Timer { room, order } => Input::Timer { socket, room, order },
            Self::End { room, reason } => Input::End { by: Some(socket), room, reason },
            Self::Kick { room, participant, reason } => Input::Kick { by: Some(socket), room, participant, reason },
            Self::Lock { room, locked } => Input::Lock { by: Some(socket), room, locked },
        }
    }

    /// In which room.
    #[must_use]
    pub fn room(&self) -> &RoomId {
        match self {
            Self::Join { room, .. }
            | Self::Leave { room, .. }
            | Self::Signal { room, .. }
            | Self::Tell { room, .. }
            | Self::Recall { room }
            | Self::Timer { room, .. }
            | Self::End { room, .. }
            | Self::Kick { room, .. }
            | Self::Lock { room, .. } => room,
        }
    }
}

/// Several sockets for one participant, each of which may return. How its client takes an offer while its own is unanswered is
/// not known, so the safe thing is assumed.
pub(super) const TRAITS: Traits = Traits { rolls_back: false, wants_whole: false, presence: Presence::Shared };

/// Reads the argument of an event that a client may send.
pub(super) fn decode(
    (event, name, message): (Event, &'static str, &'static str),
    argument: Option<&RawValue>,
    attachments: &[Bytes],
    now: Wall,
) -> Result<Decoded, Fault> {
    let fault = |code| Fault { event: name, message, code };
    match event {
        Event::Subscribe => return Ok(Decoded::Local(Local::Subscribe)),
        Event::Unsubscribe => return Ok(Decoded::Local(Local::Unsubscribe)),
        Event::Test => {
            return Ok(
                Local::tested(argument, attachments, now).map_or(Decoded::Dropped(Dropped::Unknown), Decoded::Local)
            );
        }
        _ => {}
    }
    let object = object(argument).map_err(fault)?;
    if event == Event::Parser {
        return Ok(Decoded::Local(Local::parser(name, &object, attachments, now)));
    }
    request(event, &object, attachments).map(Decoded::Core).map_err(fault)
}

fn object(argument: Option<&RawValue>) -> Result<Object<'_>, FaultCode> {
    let argument = argument.filter(|argument| !is_null(argument)).ok_or(FaultCode::PayloadMissing)?;
    if depth(argument.get().as_bytes()) > DEPTH_MAX {
        return Err(FaultCode::PayloadTooDeep { max: DEPTH_MAX });
    }
    Object::parse(argument.get()).ok_or(FaultCode::PayloadInvalid)
}

fn request(event: Event, object: &Object<'_>, attachments: &[Bytes]) -> Result<Request, FaultCode> {
    let room = room(object)?;
    let tell = |topic, value: String| {
        let value = Said::with_argument(Text::from(value), Text::default(), attachments);
        Ok(Request::Tell {
            room: room.clone(),
            telling: Telling { topic, from: speaker(object, "participantId"), value },
        })
    };
    match event {
        Event::Join => {
            Ok(Request::Join { room, participant: participant(object)?, name: name(object), traits: TRAITS })
        }
        Event::Leave => Ok(Request::Leave { room, participant: id(object, "participantId")? }),
        Event::Signal(kind) => Ok(Request::Signal { room, signal: signal::decode(kind, object, attachments) }),
        Event::AnySignal => {
            let kind = signal::kind(object).ok_or(FaultCode::ValueInvalid { member: "type" })?;
            Ok(Request::Signal { room, signal: signal::decode(kind, object, attachments) })
        }
        Event::Verse => tell(Topic::Verse, members(object, &["verse", "currentReader"])),
        Event::Queue => tell(Topic::Queue, members(object, &["queue", "currentReader"])),
        Event::GetQueue => Ok(Request::Recall { room }),
        Event::StartReading => tell(Topic::Reading, reading("started", object)),
        Event::FinishReading => tell(Topic::Reading, reading("finished", object)),
        Event::Skip => tell(Topic::Reading, reading("skipped", object)),
        Event::NextVerse => tell(Topic::Reading, reading("next", object)),
        Event::ReadingStatus => {
            let status = match object.text("status").as_deref() {
                Some("reading") => "started",
                Some("finished") => "finished",
                Some("skipped") => "skipped",
                Some(_) | None => return Err(FaultCode::ValueInvalid { member: "status" }),
            };
            tell(Topic::Reading, reading(status, object))
        }
        Event::TimerUpdate => tell(Topic::Reading, clock(object)?),
        Event::StartTimer => Ok(Request::Timer { room, order: TimerOrder::Start(duration(object)?) }),
        Event::PauseTimer => Ok(Request::Timer { room, order: TimerOrder::Pause }),
        Event::ResumeTimer => Ok(Request::Timer { room, order: TimerOrder::Resume }),
        Event::End => Ok(Request::End { room, reason: label(object, "reason") }),
        Event::Kick => Ok(Request::Kick { room, participant: participant(object)?, reason: label(object, "reason") }),
        Event::Lock => Ok(Request::Lock { room, locked: locked(object)? }),
        Event::Subscribe | Event::Unsubscribe | Event::Parser | Event::Test => Err(FaultCode::PayloadInvalid),
    }
}

fn room(object: &Object<'_>) -> Result<RoomId, FaultCode> {
    let room = id(object, "sessionId")?.ok_or(FaultCode::IdMissing { member: "sessionId" })?;
    RoomId::parse(room.as_str()).map_err(|error| FaultCode::IdInvalid { member: "sessionId", error })
}

fn participant(object: &Object<'_>) -> Result<ParticipantId, FaultCode> {
    id(object, "participantId")?.ok_or(FaultCode::IdMissing { member: "participantId" })
}

/// Whoever does not say which wants it locked.
fn locked(object: &Object<'_>) -> Result<bool, FaultCode> {
    match object.get("locked").map(RawValue::get) {
        None | Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(FaultCode::ValueInvalid { member: "locked" }),
    }
}

/// An id: text, or a number, which keeps its text.
fn id(object: &Object<'_>, member: &'static str) -> Result<Option<ParticipantId>, FaultCode> {
    let Some(value) = object.get(member).filter(|value| !is_null(value)) else { return Ok(None) };
    let text = id_text(value).ok_or(FaultCode::IdNotText { member })?;
    ParticipantId::parse(&text).map(Some).map_err(|error| FaultCode::IdInvalid { member, error })
}

pub(super) fn id_text(value: &RawValue) -> Option<String> {
    let is_number = value.get().starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if is_number { Some(value.get().to_owned()) } else { text(value) }
}

/// Who the client says it is, which only chooses among the ids that are its own.
pub(super) fn speaker(object: &Object<'_>, member: &str) -> Option<Box<str>> {
    let id = object.get(member).and_then(id_text)?;
    (id.len() <= ParticipantId::BYTES_MAX).then(|| id.into_boxed_str())
}

/// A name is for people's eyes: cut off where it is too long, and nothing if it is no text.
fn name(object: &Object<'_>) -> Option<Text> {
    label(object, "participantName")
}

fn label(object: &Object<'_>, member: &str) -> Option<Text> {
    let mut text: String = object.text(member)?.chars().filter(|char| !char.is_control()).collect();
    text.truncate(text.floor_char_boundary(NAME_BYTES_MAX));
    (!text.is_empty()).then(|| Text::from(text))
}

/// 1 s to 24 h, in seconds, which may have a fraction.
fn duration(object: &Object<'_>) -> Result<Duration, FaultCode> {
    let secs: f64 =
        object.get("duration").and_then(|value| value.get().parse().ok()).ok_or(FaultCode::DurationInvalid)?;
    let is_fine = (1.0..=86_400.0).contains(&secs);
    is_fine.then(|| Duration::from_secs_f64(secs)).ok_or(FaultCode::DurationInvalid)
}

/// What a client whose own clock is the session's says about it.
fn clock(object: &Object<'_>) -> Result<String, FaultCode> {
    let invalid = FaultCode::ValueInvalid { member: "timeLeft" };
    let left = object.get("timeLeft").ok_or(invalid.clone())?;
    let secs: f64 = left.get().parse().map_err(|_| invalid.clone())?;
    // JSON has no other numbers that JavaScript could not count with.
    let is_fine = secs.is_finite();
    is_fine.then(|| ObjectWriter::new().text("event", "clock").raw("timeLeft", left.get()).end()).ok_or(invalid)
}

fn reading(event: &str, object: &Object<'_>) -> String {
    ObjectWriter::new().text("event", event).raw_if("verse", object.get("verse").map(|verse| verse.get())).end()
}

/// These members, if they are there: the original drops the others too.
fn members(object: &Object<'_>, names: &[&str]) -> String {
    let kept = names.iter().filter_map(|name| object.get(name).map(|value| (*name, value)));
    kept.fold(ObjectWriter::new(), |writer, (name, value)| writer.raw(name, value.get())).end()
}
