//! USP over WebSocket (TR-369 §4, WebSocket Binding): the rules of the handshake, of frames, and of sessions that meet.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::{Frame, Mono};

use crate::endpoint_id::{EndpointId, EndpointIdError, percent_decode, percent_encode};
use crate::exchange::Refusal;

/// The subprotocol, asked for and confirmed in `Sec-WebSocket-Protocol` (R-WS.9).
pub const SUBPROTOCOL: &str = "v1.usp";

/// The extension that told an endpoint id before 1.3, in `Sec-WebSocket-Extensions` (R-WS.10a).
pub const EXTENSION: &str = "bbf-usp-protocol";

/// Close code of a frame that no record can be taken from (R-WS.16).
pub const CLOSE_UNSUPPORTED: u16 = 1003;

/// Close code of a session in whose place a newer one came: it broke a rule of ours (RFC 6455 §7.4.1).
pub const CLOSE_REPLACED: u16 = 1008;

/// What a client asks for in its opening handshake.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handshake<'a> {
    /// The query of the request's URI.
    pub query: Option<&'a str>,
    /// The values of `Sec-WebSocket-Protocol`, joined with commas if there are several.
    pub protocols: Option<&'a str>,
    /// The values of `Sec-WebSocket-Extensions`, joined likewise.
    pub extensions: Option<&'a str>,
}

/// A handshake that may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The agent, as it says itself. What the transport proves, a certificate or a token, must be the same.
    pub endpoint: EndpointId,
    /// What to answer in `Sec-WebSocket-Extensions`; `None` for nothing (R-WS.11a).
    pub extension: Option<String>,
}

/// Why a handshake is refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum HandshakeRefused {
    /// It does not ask for [`SUBPROTOCOL`] (R-WS.12a).
    #[error("the request does not ask for the subprotocol v1.usp")]
    NoSubprotocol,
    /// It does not say who asks (R-WS.10b).
    #[error("the request names no endpoint id in ?eid=")]
    NoEndpoint,
    /// What it says is no endpoint id.
    #[error(transparent)]
    BadEndpoint(EndpointIdError),
    /// The query and the extension name different endpoints.
    #[error("the request names two endpoint ids")]
    TwoEndpoints,
}

impl HandshakeRefused {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoSubprotocol => "no_subprotocol",
            Self::NoEndpoint => "no_eid",
            Self::BadEndpoint(error) => error.label(),
            Self::TwoEndpoints => "two_eids",
        }
    }
}

/// Judges an opening handshake. `us` is told to clients that use the extension.
///
/// # Errors
/// If it may not be answered.
pub fn accept(handshake: Handshake<'_>, us: &EndpointId) -> Result<Accepted, HandshakeRefused> {
    let mut protocols = handshake.protocols.unwrap_or_default().split(',');
    if !protocols.any(|protocol| protocol.trim() == SUBPROTOCOL) {
        return Err(HandshakeRefused::NoSubprotocol);
    }
    let by_query = handshake.query.and_then(|query| parameter(query, "eid"));
    let by_extension = handshake.extensions.and_then(extension_eid);
    let endpoint = match (by_query, &by_extension) {
        // `+` is no blank here: an endpoint id has neither.
        (Some(eid), _) => percent_decode(eid).ok_or(HandshakeRefused::BadEndpoint(EndpointIdError::BadCharacter))?,
        (None, Some(eid)) => eid.clone(),
        (None, None) => return Err(HandshakeRefused::NoEndpoint),
    };
    if by_query.is_some() && by_extension.as_ref().is_some_and(|eid| *eid != endpoint) {
        return Err(HandshakeRefused::TwoEndpoints);
    }
    // An instance id that is percent-encoded itself comes encoded twice, or once by clients that do not.
    let endpoint = endpoint.parse().or_else(|error| {
        by_query.and_then(|eid| eid.replace("%3A", ":").replace("%3a", ":").parse().ok()).ok_or(error)
    });
    let extension = by_extension.map(|_| format!("{EXTENSION}; eid=\"{us}\""));
    Ok(Accepted { endpoint: endpoint.map_err(HandshakeRefused::BadEndpoint)?, extension })
}

/// The query with which a client says who it is (R-WS.10b).
#[must_use]
pub fn query(endpoint: &EndpointId) -> String {
    format!("eid={}", percent_encode(endpoint.as_str()))
}

/// The first value of a query's parameter, as it is written.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
}

/// The `eid` of `bbf-usp-protocol; eid="…"` among extensions.
fn extension_eid(extensions: &str) -> Option<String> {
    extensions.split(',').find_map(|extension| {
        let mut parts = extension.split(';').map(str::trim);
        if parts.next() != Some(EXTENSION) {
            return None;
        }
        let value = parts.find_map(|part| part.strip_prefix("eid="))?;
        Some(value.trim_matches('"').to_owned())
    })
}

/// The record of a message: binary, one in each (R-WS.14).
///
/// # Errors
/// A text message is none: close with [`CLOSE_UNSUPPORTED`].
pub fn record(frame: Frame) -> Result<Bytes, u16> {
    match frame {
        Frame::Binary(bytes) => Ok(bytes),
        Frame::Text(_) => Err(CLOSE_UNSUPPORTED),
    }
}

/// The code to close with because of what a record was refused for; `None` where the session goes on.
#[must_use]
pub const fn close_code(refusal: Refusal) -> Option<u16> {
    match refusal {
        Refusal::Record(_) => Some(CLOSE_UNSUPPORTED),
        Refusal::Message(_)
        | Refusal::NotForUs
        | Refusal::NotFromPeer
        | Refusal::NotConnected
        | Refusal::SessionNotAllowed
        | Refusal::Secured
        | Refusal::Unrequested
        | Refusal::NotServed
        | Refusal::EmptyNotify
        | Refusal::TooManyNotifies
        | Refusal::AnswerNotSent => None,
    }
}

/// Which session each endpoint has: at most one (R-WS.4). A new one takes the place of the old: a device that lost its
/// network comes back long before the old session is known to be dead.
#[derive(Debug)]
pub struct Sessions<S> {
    max: usize,
    by_endpoint: BTreeMap<EndpointId, S>,
}

/// What becomes of a new session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted<S> {
    /// It is the only one.
    New,
    /// It took this one's place: close that with [`CLOSE_REPLACED`].
    Replaces(S),
    /// There are too many endpoints: refuse it.
    Full,
}

impl<S: Copy + PartialEq> Sessions<S> {
    /// For at most `max` endpoints.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { max, by_endpoint: BTreeMap::new() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_endpoint.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_endpoint.is_empty()
    }

    /// The session of an endpoint.
    #[must_use]
    pub fn of(&self, endpoint: &EndpointId) -> Option<S> {
        self.by_endpoint.get(endpoint).copied()
    }

    /// A session was opened.
    pub fn open(&mut self, endpoint: &EndpointId, session: S) -> Admitted<S> {
        if let Some(before) = self.by_endpoint.get_mut(endpoint) {
            return Admitted::Replaces(std::mem::replace(before, session));
        }
        if self.by_endpoint.len() >= self.max {
            return Admitted::Full;
        }
        self.by_endpoint.insert(endpoint.clone(), session);
        Admitted::New
    }

    /// A session was closed. Whether it was the endpoint's: one that was replaced is not.
    pub fn close(&mut self, endpoint: &EndpointId, session: S) -> bool {
        let is_current = self.by_endpoint.get(endpoint) == Some(&session);
        if is_current {
            self.by_endpoint.remove(endpoint);
        }
        is_current
    }
}

/// When to ping, and when a peer that says nothing is gone (R-WS.17).
#[derive(Clone, Debug)]
pub struct KeepAlive {
    interval: Duration,
    heard: Mono,
    pinged: Option<Mono>,
}

/// What to do for a session's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Nothing before then.
    Wait(Mono),
    /// Send a ping.
    Ping,
    /// The peer is gone.
    Gone,
}

impl KeepAlive {
    /// Pings a peer that has said nothing for `interval`; one that then says nothing for as long again is gone.
    #[must_use]
    pub const fn new(now: Mono, interval: Duration) -> Self {
        Self { interval, heard: now, pinged: None }
    }

    /// The peer said something, a pong included.
    pub const fn handle_frame(&mut self, now: Mono) {
        self.heard = now;
        self.pinged = None;
    }

    /// What to do now.
    pub fn poll(&mut self, now: Mono) -> Life {
        let due = self.pinged.unwrap_or(self.heard) + self.interval;
        if now < due {
            return Life::Wait(due);
        }
        if self.pinged.is_some() {
            return Life::Gone;
        }
        self.pinged = Some(now);
        Life::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RecordFault;
    use sangam_types::Text;

    fn us() -> EndpointId {
        "self::ctl".parse().unwrap()
    }

    fn asks(query: &str, protocols: &str, extensions: &str) -> Result<Accepted, HandshakeRefused> {
        let some = |text: &'static str| (!text.is_empty()).then_some(text);
        let leak = |text: &str| some(Box::leak(text.to_owned().into_boxed_str()));
        accept(Handshake { query: leak(query), protocols: leak(protocols), extensions: leak(extensions) }, &us())
    }

    #[test]
    fn an_agent_is_known_by_eid_and_needs_no_extension() {
        for (query, id) in [
            ("eid=os%3A%3A012345-A1", "os::012345-A1"),
            ("eid=os::012345-A1", "os::012345-A1"),
            ("x=1&eid=doc::agent&y", "doc::agent"),
            ("eid=user%3A%3Aa%2520b", "user::a%20b"),
            ("eid=user%3a%3Aa%20b", "user::a%20b"),
        ] {
            let accepted = asks(query, "chat, v1.usp", "").unwrap_or_else(|error| panic!("{query}: {error}"));
            assert_eq!((accepted.endpoint.as_str(), accepted.extension), (id, None));
        }
        assert_eq!(query(&"os::012345-A1".parse().unwrap()), "eid=os%3A%3A012345-A1");
    }

    #[test]
    fn the_extension_of_old_is_understood_and_answered() {
        let accepted = asks("", "v1.usp", "permessage-deflate, bbf-usp-protocol; eid=\"os::012345-A1\"").unwrap();
        assert_eq!(accepted.endpoint.as_str(), "os::012345-A1");
        assert_eq!(accepted.extension.as_deref(), Some("bbf-usp-protocol; eid=\"self::ctl\""));
        assert!(asks("eid=os::012345-A1", "v1.usp", "bbf-usp-protocol; eid=os::012345-A1").is_ok());
    }

    #[test]
    fn a_handshake_that_says_too_little_or_two_things_is_refused() {
        let table = [
            ("eid=os::012345-A1", "", "", HandshakeRefused::NoSubprotocol),
            ("eid=os::012345-A1", "v1.usp2", "", HandshakeRefused::NoSubprotocol),
            ("", "v1.usp", "", HandshakeRefused::NoEndpoint),
            ("id=os::012345-A1", "v1.usp", "permessage-deflate", HandshakeRefused::NoEndpoint),
            ("eid=", "v1.usp", "", HandshakeRefused::BadEndpoint(EndpointIdError::NotThreeParts)),
            ("eid=%zz", "v1.usp", "", HandshakeRefused::BadEndpoint(EndpointIdError::BadCharacter)),
            ("eid=os::012345-A1", "v1.usp", "bbf-usp-protocol; eid=os::012345-A2", HandshakeRefused::TwoEndpoints),
        ];
        for (query, protocols, extensions, refused) in table {
            assert_eq!(asks(query, protocols, extensions), Err(refused), "{query} {protocols} {extensions}");
        }
    }

    #[test]
    fn what_no_record_can_be_taken_from_closes_with_1003() {
        assert_eq!(record(Frame::Text(Text::from("x"))), Err(1003));
        assert_eq!(record(Frame::Binary("x".into())), Ok("x".into()));
        assert_eq!(close_code(Refusal::Record(RecordFault::NoType)), Some(1003));
        assert_eq!(close_code(Refusal::NotFromPeer), None, "it can be read: it is ignored");
    }

    #[test]
    fn a_new_session_takes_the_place_of_the_old() {
        let [one, other, third]: [EndpointId; 3] = ["self::a", "self::b", "self::c"].map(|id| id.parse().unwrap());
        let mut sessions = Sessions::new(2);
        assert_eq!(sessions.open(&one, 1), Admitted::New);
        assert_eq!(sessions.open(&one, 2), Admitted::Replaces(1));
        assert!(!sessions.close(&one, 1), "the old one's end does not end the new");
        assert_eq!(sessions.of(&one), Some(2));
        assert_eq!(sessions.open(&other, 3), Admitted::New);
        assert_eq!(sessions.open(&third, 4), Admitted::Full);
        assert!(sessions.close(&one, 2));
        assert_eq!((sessions.open(&third, 4), sessions.len()), (Admitted::New, 2));
    }

    #[test]
    fn a_silent_peer_is_pinged_and_then_gone() {
        let at = |secs| Mono::from_start(Duration::from_secs(secs));
        let mut life = KeepAlive::new(at(0), Duration::from_secs(30));
        assert_eq!(life.poll(at(29)), Life::Wait(at(30)));
        assert_eq!(life.poll(at(30)), Life::Ping);
        assert_eq!(life.poll(at(31)), Life::Wait(at(60)));
        life.handle_frame(at(40));
        assert_eq!(life.poll(at(60)), Life::Wait(at(70)));
        assert_eq!(life.poll(at(70)), Life::Ping);
        assert_eq!(life.poll(at(100)), Life::Gone);
    }
}
