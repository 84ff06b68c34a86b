use sangam_signal_proto::{Member, Notice, Refusal, Right, Snapshot, TimerView, Topic};
use sangam_signal_proto::{ParticipantId, SignalKind};
use sangam_types::Text;
use serde::Serialize;

use super::{Fault, session};
use crate::dialect::Said;

/// What a client gets beyond the original's `registered`, because it wants it. Empty for everybody else.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// For `protocol`.
    pub protocol: Option<u32>,
    /// For `server_time`: milliseconds since the Unix epoch.
    pub server_time: Option<u64>,
    /// For `ice_servers`: members of a JSON object without its braces, as `/ice-servers` writes them.
    pub ice_members: Option<String>,
    /// For `ice_ticket`.
    pub ice_ticket: Option<String>,
    /// For `room`.
    pub room: bool,
    /// For `resume`, if the client said what it had received: whether what it missed follows.
    pub resumed: Option<bool>,
}

/// Writes the answer to `register`.
#[must_use]
pub fn encode_registered(participant: &ParticipantId, snapshot: &Snapshot<Said>, extras: &Extras) -> String {
    let others = snapshot.members.iter().map(|member| member.id.as_str()).filter(|id| *id != participant.as_str());
    let others: Vec<&str> = others.collect();
    let mut out = format!(
        r#"{{"type":"registered","agent_id":{},"connected_agents":{}"#,
        json(participant.as_str()),
        json(&others)
    );
    if let Some(version) = extras.protocol {
        out += &format!(r#","protocol":{version}"#);
    }
    if let Some(millis) = extras.server_time {
        out += &format!(r#","server_time":{millis}"#);
    }
    if let Some(members) = &extras.ice_members {
        out.push(',');
        out += members;
    }
    if let Some(ticket) = &extras.ice_ticket {
        out += &format!(r#","ice_ticket":{}"#, json(ticket));
    }
    if extras.room {
        out += &format!(r#","room":{}"#, room(snapshot));
    }
    if let Some(resumed) = extras.resumed {
        out += &format!(r#","resumed":{resumed}"#);
    }
    out.push('}');
    out
}

/// Writes what any number of sockets are told. `None`: this dialect has no words for it, or only for those who
/// want to hear of the `room`, which the caller says.
#[must_use]
pub fn encode(notice: &Notice<Said>, wants_room: bool) -> Option<String> {
    match notice {
        Notice::Arrived { member, .. } => Some(arrived(member, wants_room)),
        Notice::Left { participant, .. } => Some(presence("agent-left", participant)),
        Notice::Signal { kind, from, to, payload, .. } => Some(signal(*kind, from, to.as_ref(), payload.json())),
        Notice::Crossed { from, to, offer, sender_role, .. } => {
            let answer = session::crossed(offer.json(), *sender_role);
            Some(signal(SignalKind::Answer, from, Some(to), &answer))
        }
        Notice::Refused(refusal) => Some(error(&refusal_text(refusal))),
        Notice::Kicked { participant, reason, .. } => Some(kicked(participant, reason.as_ref())),
        _ if !wants_room => None,
        Notice::Recalled { snapshot, .. } => Some(format!(r#"{{"type":"room","room":{}}}"#, room(snapshot))),
        Notice::Told { from, topic, value, .. } => {
            let (topic, from) = (topic_name(*topic), json(from.as_str()));
            Some(format!(r#"{{"type":"told","topic":"{topic}","from":{from},"value":{}}}"#, value.json()))
        }
        Notice::Timer { timer, .. } => Some(format!(r#"{{"type":"timer",{}}}"#, timer_members(timer))),
        Notice::Ended { reason, .. } => Some(format!(r#"{{"type":"ended"{}}}"#, reason_member(reason.as_ref()))),
        Notice::Locked { locked, .. } => Some(format!(r#"{{"type":"locked","locked":{locked}}}"#)),
        // The one has a writer of its own, the other is for nodes that poll.
        Notice::Joined { .. } | Notice::Mail { .. } => None,
    }
}

/// Writes what the sender of a faulty message is told.
#[must_use]
pub fn encode_fault(fault: &Fault) -> String {
    error(&fault.to_string())
}

/// Whether a socket has to be told apart from those that do not want to hear of the room.
#[must_use]
pub fn depends_on_room(notice: &Notice<Said>) -> bool {
    !matches!(
        notice,
        Notice::Left { .. }
            | Notice::Signal { .. }
            | Notice::Crossed { .. }
            | Notice::Refused(_)
            | Notice::Kicked { .. }
    )
}

fn arrived(member: &Member, wants_room: bool) -> String {
    match &member.name {
        Some(name) if wants_room => {
            let (id, name) = (json(member.id.as_str()), json(name.as_str()));
            format!(r#"{{"type":"agent-joined","agent_id":{id},"name":{name}}}"#)
        }
        Some(_) | None => presence("agent-joined", &member.id),
    }
}

fn presence(r#type: &str, id: &ParticipantId) -> String {
    format!(r#"{{"type":"{}","agent_id":{}}}"#, r#type, json(id.as_str()))
}

fn signal(kind: SignalKind, from: &ParticipantId, to: Option<&ParticipantId>, payload: &str) -> String {
    let (r#type, member) = match kind {
        SignalKind::Offer => ("offer", "offer"),
        SignalKind::Answer => ("answer", "answer"),
        SignalKind::Candidate => ("ice-candidate", "candidate"),
    };
    let from = json(from.as_str());
    let to = to.map(|to| format!(r#","to":{}"#, json(to.as_str()))).unwrap_or_default();
    format!(r#"{{"type":"{}","from":{from}{to},"{member}":{payload}}}"#, r#type)
}

fn kicked(participant: &ParticipantId, reason: Option<&Text>) -> String {
    format!(r#"{{"type":"kicked","agent_id":{}{}}}"#, json(participant.as_str()), reason_member(reason))
}

fn room(snapshot: &Snapshot<Said>) -> String {
    let members = snapshot.members.iter().map(|member| {
        let name = member.name.as_ref().map(|name| format!(r#","name":{}"#, json(name.as_str())));
        format!(r#"{{"agent_id":{}{}}}"#, json(member.id.as_str()), name.unwrap_or_default())
    });
    let members = members.collect::<Vec<_>>().join(",");
    let value = |value: &Option<Said>| value.as_ref().map_or_else(|| "null".to_owned(), |it| it.json().to_owned());
    let timer = snapshot.timer.as_ref().map_or_else(|| "null".to_owned(), |it| format!("{{{}}}", timer_members(it)));
    let (verse, queue) = (value(&snapshot.verse), value(&snapshot.queue));
    format!(r#"{{"members":[{members}],"verse":{verse},"queue":{queue},"timer":{timer}}}"#)
}

fn timer_members(timer: &TimerView) -> String {
    let TimerView { remaining, active, paused } = timer;
    format!(r#""remaining":{},"active":{active},"paused":{paused}"#, remaining.as_secs())
}

fn reason_member(reason: Option<&Text>) -> String {
    reason.map(|reason| format!(r#","reason":{}"#, json(reason.as_str()))).unwrap_or_default()
}

const fn topic_name(topic: Topic) -> &'static str {
    match topic {
        Topic::Verse => "verse",
        Topic::Queue => "queue",
        Topic::Reading => "reading",
    }
}

fn error(message: &str) -> String {
    format!(r#"{{"type":"error","message":{}}}"#, json(message))
}

/// The original's words where it has them.
fn refusal_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::PeerNotFound { to } => format!("Error: Agent {to} not found"),
        Refusal::NotInRoom => "Error: Not registered: send a register message first".to_owned(),
        Refusal::NotAllowed { right } => format!("Error: The token does not allow to {}", right_name(*right)),
        Refusal::PeerIsSelf { participant } => format!("Error: Agent {participant} cannot signal to itself"),
        Refusal::IdInUse { participant } => format!("Error: Agent id {participant} is in use from another address"),
        Refusal::RoomLocked => "Error: The room is locked".to_owned(),
        Refusal::RoomFull { max } => format!("Error: A room has at most {max} agents"),
        Refusal::TooManyRooms { max } => format!("Error: The server has at most {max} rooms"),
        Refusal::TooManySockets { max } => format!("Error: An agent has at most {max} connections"),
        Refusal::TooManyIds { max } => format!("Error: A connection has at most {max} agent ids"),
        Refusal::TooManyPeers { max } => format!("Error: An agent signals to at most {max} others"),
        Refusal::BadDuration => "Error: A timer lasts from 1 second to 24 hours".to_owned(),
        Refusal::NoTimer => "Error: No timer was started".to_owned(),
        Refusal::TooLarge { max } => format!("Error: A value has at most {max} bytes"),
    }
}

const fn right_name(right: Right) -> &'static str {
    match right {
        Right::Room => "be in this room",
        Right::Join => "join",
        Right::Signal => "signal",
        Right::Timer => "control the timer",
        Right::Moderate => "moderate",
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("strings and lists of strings are JSON")
}
