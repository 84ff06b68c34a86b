//! Engine.IO v4 messages of the WebSocket transport, and the Socket.IO v5 packets in them, as a client in the main
//! namespace reads and writes them. Text only: no binary attachments.

use serde_json::{Value, json};

/// What the server sends. Slices are JSON that nobody has read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// Engine.IO `open`: the handshake.
    Open(&'a str),
    /// Engine.IO `close`.
    Close,
    /// Engine.IO `ping`.
    Ping,
    /// Socket.IO CONNECT: its payload.
    Connect(&'a str),
    /// Socket.IO DISCONNECT.
    Disconnect,
    /// Socket.IO CONNECT_ERROR: its payload.
    ConnectError(&'a str),
    /// Socket.IO EVENT: name and arguments.
    Event(&'a str),
    /// Socket.IO ACK: of which event, and the arguments.
    Ack(u64, &'a str),
}

impl<'a> Packet<'a> {
    /// `None` for whatever this client has no use for: another namespace, binary, `noop`.
    pub(crate) fn decode(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        match kind {
            "0" => Some(Self::Open(rest)),
            "1" => Some(Self::Close),
            "2" => Some(Self::Ping),
            "4" => Self::decode_message(rest),
            _ => None,
        }
    }

    fn decode_message(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        if rest.starts_with('/') {
            return None;
        }
        let payload = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let id = &rest[..rest.len() - payload.len()];
        match kind {
            "0" => Some(Self::Connect(rest)),
            "1" => Some(Self::Disconnect),
            "2" => payload.starts_with('[').then_some(Self::Event(payload)),
            "3" => Some(Self::Ack(id.parse().ok()?, payload)),
            "4" => Some(Self::ConnectError(rest)),
            _ => None,
        }
    }
}

/// The answer to a ping.
pub(crate) const PONG: &str = "3";

/// CONNECT; with what recovers an earlier session, if there is one.
pub(crate) fn connect(recovery: Option<(&str, &str)>) -> String {
    match recovery {
        None => "40".to_owned(),
        Some((pid, offset)) => format!("40{}", json!({ "pid": pid, "offset": offset })),
    }
}

/// EVENT that asks for no acknowledgement.
pub(crate) fn event(name: &str, arguments: &[Value]) -> String {
    format!("42{}", array(name, arguments))
}

/// EVENT that asks for an acknowledgement.
pub(crate) fn event_with_ack(id: u64, name: &str, arguments: &[Value]) -> String {
    format!("42{id}{}", array(name, arguments))
}

/// The name of an event and its arguments.
pub(crate) fn event_parts(payload: &str) -> Option<(String, Vec<Value>)> {
    let mut parts: Vec<Value> = serde_json::from_str(payload).ok()?;
    if parts.is_empty() {
        return None;
    }
    match parts.remove(0) {
        Value::String(name) => Some((name, parts)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn array(name: &str, arguments: &[Value]) -> Value {
    std::iter::once(Value::from(name)).chain(arguments.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_of_a_server_is_told_from_the_others() {
        let table = [
            (r#"0{"sid":"a","upgrades":[]}"#, Some(Packet::Open(r#"{"sid":"a","upgrades":[]}"#))),
            ("1", Some(Packet::Close)),
            ("2", Some(Packet::Ping)),
            ("6", None),
            (r#"40{"sid":"a"}"#, Some(Packet::Connect(r#"{"sid":"a"}"#))),
            ("41", Some(Packet::Disconnect)),
            (r#"42["a",1]"#, Some(Packet::Event(r#"["a",1]"#))),
            (r#"4217["a"]"#, Some(Packet::Event(r#"["a"]"#))),
            (r#"437["b"]"#, Some(Packet::Ack(7, r#"["b"]"#))),
            ("43[]", None),
            ("42{}", None),
            (r#"44{"message":"no"}"#, Some(Packet::ConnectError(r#"{"message":"no"}"#))),
            (r#"42/admin,["a"]"#, None),
            (r#"451-["a",{"_placeholder":true,"num":0}]"#, None),
            ("4", None),
            ("", None),
            ("ä", None),
            ("4ä", None),
        ];
        for (text, packet) in table {
            assert_eq!(Packet::decode(text), packet, "{text}");
        }
    }

    #[test]
    fn what_is_sent_is_what_the_protocol_page_shows() {
        assert_eq!(connect(None), "40");
        assert_eq!(connect(Some(("p", "o"))), r#"40{"offset":"o","pid":"p"}"#);
        assert_eq!(event("say", &["room".into(), 7.into()]), r#"42["say","room",7]"#);
        assert_eq!(event_with_ack(3, "join", &["room".into()]), r#"423["join","room"]"#);
    }

    #[test]
    fn an_event_has_a_name_and_arguments() {
        let parts = event_parts(r#"["said",7,"offset"]"#);
        assert_eq!(parts, Some(("said".to_owned(), vec![7.into(), "offset".into()])));
        assert_eq!(event_parts("[]"), None);
        assert_eq!(event_parts("[7]"), None);
        assert_eq!(event_parts("{"), None);
    }
}
