use sangam_signal_proto::{Member, Notice, RoomId, Snapshot, TimerView, Topic};
use sangam_signal_proto::{ParticipantId, SignalKind};
use sangam_types::{Text, Wall};
use serde_json::value::RawValue;

use super::ear::{Ear, SessionNames};
use super::outgoing::Outgoing;
use super::refusal;
use super::signal::Heard;
use crate::dialect::json::session;
use crate::dialect::object::{Object, ObjectWriter, quoted};
use crate::dialect::said::Said;

/// Writes what a socket with that ear is told: events in their order, the same for every such socket. `now` is the
/// `timestamp` in them. None for what the original is silent about.
#[must_use]
pub fn encode(notice: &Notice<Said>, ear: Ear, now: Wall) -> Vec<Outgoing> {
    match notice {
        Notice::Joined { room, participant: _, again: _, snapshot } => joined(room, snapshot, ear, now),
        Notice::Recalled { room, snapshot } => vec![queue(room, snapshot.queue.as_ref(), ear, now)],
        Notice::Arrived { room, member, members } => arrived(room, member, members),
        Notice::Left { room, participant, reason } => vec![left(room, participant, reason.as_ref())],
        Notice::Signal { room, kind, from, to, payload } => {
            Heard { room, kind: *kind, from, to: to.as_ref(), payload }.encode(ear.signals, now)
        }
        Notice::Crossed { room, from, to, offer, sender_role } => {
            let payload = &Said::new(Text::from(session::crossed(offer.json(), *sender_role)));
            Heard { room, kind: SignalKind::Answer, from, to: Some(to), payload }.encode(ear.signals, now)
        }
        Notice::Mail { signals } => signals.iter().flat_map(|signal| encode(signal, ear, now)).collect(),
        Notice::Told { room, from, topic, value } => told(room, from, *topic, value, ear, now).into_iter().collect(),
        Notice::Timer { room, timer: view } => vec![timer(room, *view, now)],
        Notice::Ended { room, reason } => vec![ended(room, reason.as_ref().map(Text::as_str), now)],
        // The clients know one event that makes them leave.
        Notice::Kicked { room, participant: _, reason } => {
            vec![ended(room, Some(reason.as_ref().map_or("kicked", Text::as_str)), now)]
        }
        Notice::Locked { room, locked } => {
            let object = about(room).raw("locked", if *locked { "true" } else { "false" });
            vec![stamped("session-locked", object, now)]
        }
        Notice::Refused(refusal) => refusal::encode(refusal).into_iter().collect(),
    }
}

/// The answer to a join, and what the joiner has missed.
fn joined(room: &RoomId, snapshot: &Snapshot<Said>, ear: Ear, now: Wall) -> Vec<Outgoing> {
    let mut object = about(room).raw("participants", &ids(snapshot.members.iter().map(|member| &member.id)));
    if ear.session == SessionNames::Hooks {
        // The hooks have no other way to learn the names of who was there before. `participantId`, for which they look too,
        // would make them join again whenever they leave or the session ends.
        object = object.raw("members", &members(&snapshot.members));
    }
    let mut events = vec![Outgoing::new("session-joined", &object.end(), &[])];
    events.extend(snapshot.verse.as_ref().map(|value| verse(room, value, now)));
    events.extend(snapshot.queue.as_ref().map(|value| queue(room, Some(value), ear, now)));
    events.extend(snapshot.timer.map(|view| timer(room, view, now)));
    events
}

/// The others hear of the whole session first, then of the newcomer.
fn arrived(room: &RoomId, member: &Member, members: &[ParticipantId]) -> Vec<Outgoing> {
    let whole = about(room).raw("participants", &ids(members.iter()));
    let newcomer = about(room).text("participantId", member.id.as_str()).text_if("participantName", name(member));
    vec![Outgoing::new("session-joined", &whole.end(), &[]), Outgoing::new("participant-joined", &newcomer.end(), &[])]
}

fn left(room: &RoomId, participant: &ParticipantId, reason: Option<&Text>) -> Outgoing {
    let object = about(room).text("participantId", participant.as_str()).text_if("reason", reason.map(Text::as_str));
    Outgoing::new("participant-left", &object.end(), &[])
}

fn told(room: &RoomId, from: &ParticipantId, topic: Topic, value: &Said, ear: Ear, now: Wall) -> Option<Outgoing> {
    match topic {
        Topic::Verse => Some(verse(room, value, now)),
        Topic::Queue => Some(queue(room, Some(value), ear, now)),
        Topic::Reading => reading(room, from, value, ear, now),
    }
}

fn verse(room: &RoomId, value: &Said, now: Wall) -> Outgoing {
    let (verse, reader) = subject_and_reader(value, "verse");
    let object = about(room).raw_if("verse", verse.as_deref()).raw_if("currentReader", reader.as_deref());
    stamped_with("verse-changed", object, value, now)
}

/// An empty queue where none was told: whoever asked gets an answer.
fn queue(room: &RoomId, value: Option<&Said>, ear: Ear, now: Wall) -> Outgoing {
    let empty = Said::new(Text::from_static(r#"{"queue":[]}"#));
    let value = value.unwrap_or(&empty);
    let (queue, reader) = subject_and_reader(value, "queue");
    let object = about(room).raw_if("queue", queue.as_deref());
    match ear.session {
        SessionNames::Documented => stamped_with("reading-queue-update", object, value, now),
        SessionNames::Hooks => {
            let object = object.raw_if("currentReader", reader.as_deref());
            stamped_with("queue-updated", object, value, now)
        }
    }
}

/// A verse or queue, and who reads it. A wire without these members tells the verse or queue itself.
fn subject_and_reader(value: &Said, member: &str) -> (Option<String>, Option<String>) {
    let own = |object: &Object<'_>, name| raw(object, name).map(ToOwned::to_owned);
    match Object::parse(value.json()) {
        Some(object) if object.iter().all(|(name, _)| [member, "currentReader"].contains(&name)) => {
            (own(&object, member), own(&object, "currentReader"))
        }
        Some(_) | None => (Some(value.json().to_owned()), None),
    }
}

/// That somebody began, finished or skipped; or what a client's own clock says.
fn reading(room: &RoomId, from: &ParticipantId, value: &Said, ear: Ear, now: Wall) -> Option<Outgoing> {
    let neutral = Object::parse(value.json())?;
    let object = about(room);
    let word = neutral.text("event")?;
    if word == "clock" {
        return clock(object, raw(&neutral, "timeLeft")?, now);
    }
    let object = object.text("participantId", from.as_str());
    let (name, status) = match word.as_str() {
        "started" => ("reading-started", "reading"),
        "finished" => ("reading-finished", "finished"),
        // The hooks take the reader from its place; they have no other name for it.
        "skipped" => ("reading-finished", "skipped"),
        "next" => return Some(stamped("request-next-verse", object, now)),
        _ => return None,
    };
    Some(match ear.session {
        SessionNames::Documented => stamped("update-reading-status", object.text("status", status), now),
        SessionNames::Hooks => stamped_with(name, object.raw_if("verse", raw(&neutral, "verse")), value, now),
    })
}

/// `timeRemaining` and `isActive` beside the original's `timeLeft`, without which the hooks count from no number.
fn clock(object: ObjectWriter, left: &str, now: Wall) -> Option<Outgoing> {
    let is_active = left.parse::<f64>().ok()? > 0.0;
    let object = object
        .raw("timeLeft", left)
        .raw("timeRemaining", left)
        .raw("isActive", if is_active { "true" } else { "false" })
        .raw("isPaused", "false");
    Some(stamped("session-timer-update", object, now))
}

fn timer(room: &RoomId, timer: TimerView, now: Wall) -> Outgoing {
    let flag = |is_set: bool| if is_set { "true" } else { "false" };
    let object = about(room)
        .raw("timeRemaining", &timer.remaining.as_secs().to_string())
        .raw("isActive", flag(timer.active))
        .raw("isPaused", flag(timer.paused));
    stamped("session-timer-update", object, now)
}

fn ended(room: &RoomId, reason: Option<&str>, now: Wall) -> Outgoing {
    stamped("session-ended", about(room).text_if("reason", reason), now)
}

fn about(room: &RoomId) -> ObjectWriter {
    ObjectWriter::new().text("sessionId", room.as_str())
}

fn stamped(name: &str, object: ObjectWriter, now: Wall) -> Outgoing {
    Outgoing::new(name, &object.raw("timestamp", &now.unix_millis().to_string()).end(), &[])
}

/// With the binary values for which placeholders stand in it.
fn stamped_with(name: &str, object: ObjectWriter, value: &Said, now: Wall) -> Outgoing {
    Outgoing::new(name, &object.raw("timestamp", &now.unix_millis().to_string()).end(), value.attachments())
}

fn raw<'a>(object: &Object<'a>, name: &str) -> Option<&'a str> {
    object.get(name).map(RawValue::get)
}

fn name(member: &Member) -> Option<&str> {
    member.name.as_ref().map(Text::as_str)
}

fn ids<'a>(ids: impl Iterator<Item = &'a ParticipantId>) -> String {
    let ids: Vec<String> = ids.map(|id| quoted(id.as_str())).collect();
    format!("[{}]", ids.join(","))
}

fn members(members: &[Member]) -> String {
    let objects = members.iter().map(|member| {
        ObjectWriter::new().text("participantId", member.id.as_str()).text_if("participantName", name(member)).end()
    });
    format!("[{}]", objects.collect::<Vec<_>>().join(","))
}
