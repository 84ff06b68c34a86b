use sangam_signal_proto::{ParticipantId, Payload, Signal, SignalKind};
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::Fault;
use super::fields::{Fields, text, truthy};
use super::session;

/// A message nested deeper is refused: some clients' parsers recurse.
const DEPTH_MAX: usize = 64;

/// Of a receiver's name no more is kept: an id is shorter, and the sender is told its own words.
const RECEIVER_BYTES_MAX: usize = 256;

/// What a message asks for.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// An id for this socket.
    Register {
        /// Which.
        id: ParticipantId,
        /// What the client wants beyond the original's answer.
        wants: Wants,
    },
    /// Delivery to a participant.
    Signal(Signal),
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
}

/// Reads one WebSocket message, text or binary.
///
/// # Errors
///
/// What the sender is to be told; the socket stays open.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Fault> {
    let json = std::str::from_utf8(bytes).map_err(|_| Fault::NotUtf8)?;
    check_depth(bytes)?;
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
        Some(_) | None => Ok(Decoded::Ignored),
    }
}

fn register(fields: &Fields<'_>) -> Result<Decoded, Fault> {
    let id = fields.agent_id.filter(|id| truthy(id)).ok_or(Fault::MissingAgentId)?;
    let id = text(id).ok_or(Fault::AgentIdNotText)?;
    let id = ParticipantId::parse(&id).map_err(Fault::InvalidAgentId)?;
    let wants = fields.want.map(wants).unwrap_or_default();
    Ok(Decoded::Register { id, wants })
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
    let named = |value: Option<&RawValue>| value.and_then(text);
    // Nobody's id is other than text, so that a number is nobody.
    let mut to = named(fields.to).unwrap_or(to);
    to.truncate(to.floor_char_boundary(RECEIVER_BYTES_MAX));
    Ok(Decoded::Signal(Signal {
        kind,
        from: named(fields.from).unwrap_or_default().into_boxed_str(),
        to: to.into_boxed_str(),
        shape: if kind == SignalKind::Offer { session::shape(&payload) } else { None },
        payload: Payload(payload.into_bytes().into_boxed_slice()),
    }))
}

fn syntax(error: &serde_json::Error) -> Fault {
    match error.classify() {
        Category::Eof => Fault::End,
        Category::Io | Category::Syntax | Category::Data => {
            Fault::Syntax { line: error.line(), column: error.column() }
        }
    }
}

/// Counts brackets outside strings; whether they match is the parser's business.
fn check_depth(bytes: &[u8]) -> Result<(), Fault> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Fault::TooDeep { max: DEPTH_MAX });
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}
