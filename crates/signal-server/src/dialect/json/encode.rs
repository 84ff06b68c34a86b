use std::borrow::Cow;

use sangam_signal_proto::{Notice, ParticipantId, Payload, Refusal, SignalKind};
use serde::Serialize;

use super::{Fault, session};

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
}

/// Writes what a socket is told. `extras` are heard for [`Notice::Registered`] alone.
#[must_use]
pub fn encode(notice: &Notice, extras: &Extras) -> String {
    match notice {
        Notice::Registered { participant, others } => registered(participant, others, extras),
        Notice::Joined { participant } => presence("agent-joined", participant),
        Notice::Left { participant } => presence("agent-left", participant),
        Notice::Signal { kind, from, to, payload } => signal(*kind, from, to, &text(payload)),
        Notice::Crossed { from, to, offer, sender_role } => {
            signal(SignalKind::Answer, from, to, &session::crossed(&text(offer), *sender_role))
        }
        Notice::Refused(refusal) => error(&refusal_text(refusal)),
    }
}

/// Writes what the sender of a faulty message is told.
#[must_use]
pub fn encode_fault(fault: &Fault) -> String {
    error(&fault.to_string())
}

fn registered(id: &ParticipantId, others: &[ParticipantId], extras: &Extras) -> String {
    let names: Vec<&str> = others.iter().map(ParticipantId::as_str).collect();
    let mut out =
        format!(r#"{{"type":"registered","agent_id":{},"connected_agents":{}"#, json(id.as_str()), json(&names));
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
    out.push('}');
    out
}

fn presence(r#type: &str, id: &ParticipantId) -> String {
    format!(r#"{{"type":"{}","agent_id":{}}}"#, r#type, json(id.as_str()))
}

fn signal(kind: SignalKind, from: &ParticipantId, to: &ParticipantId, payload: &str) -> String {
    let (r#type, member) = match kind {
        SignalKind::Offer => ("offer", "offer"),
        SignalKind::Answer => ("answer", "answer"),
        SignalKind::Candidate => ("ice-candidate", "candidate"),
    };
    let (from, to) = (json(from.as_str()), json(to.as_str()));
    format!(r#"{{"type":"{}","from":{from},"to":{to},"{member}":{payload}}}"#, r#type)
}

fn error(message: &str) -> String {
    format!(r#"{{"type":"error","message":{}}}"#, json(message))
}

/// The original's words where it has them.
fn refusal_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::PeerNotFound { to } => format!("Error: Agent {to} not found"),
        Refusal::NotRegistered => "Error: Not registered: send a register message first".to_owned(),
        Refusal::PeerIsSelf { participant } => format!("Error: Agent {participant} cannot signal to itself"),
        Refusal::IdInUse { participant } => format!("Error: Agent id {participant} is in use from another address"),
        Refusal::TooManyIds { max } => format!("Error: A connection has at most {max} agent ids"),
        Refusal::TooManyPeers { max } => format!("Error: An agent signals to at most {max} others"),
    }
}

/// Every payload of this dialect is JSON and so text.
fn text(payload: &Payload) -> Cow<'_, str> {
    String::from_utf8_lossy(&payload.0)
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("strings and lists of strings are JSON")
}
