//! As much of Engine.IO v4 and Socket.IO v5 as a client needs that asks a few things, in text packets.

use serde_json::{Value, json};

/// What a server says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// `0{…}`: a session begins.
    Open(Value),
    /// `2`: it wants to know whether we are there.
    Ping,
    /// `3probe`: it takes the transport that wants to take over.
    ProbeAnswer,
    /// `40{…}`: the namespace is entered.
    Connected(Value),
    /// `44{…}`: the namespace is refused.
    Refused(Value),
    /// `42["name",…]`.
    Event(String, Vec<Value>),
    /// `43<id>[…]`: the answer to an event that asked for one.
    Ack(u64, Vec<Value>),
    /// `1` or `41`: it ends the session, or throws us out of the namespace.
    Ended,
    /// Everything else, of other namespaces too.
    Other,
}

impl Said {
    /// Reads a packet; what is of another namespace is [`Said::Other`].
    pub(super) fn read(text: &str, namespace: &str) -> Self {
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let mut kinds = text.chars();
        match (kinds.next(), kinds.next()) {
            (Some('0'), _) => Self::Open(json(&text[1..])),
            (Some('1'), _) => Self::Ended,
            (Some('2'), None) => Self::Ping,
            (Some('3'), _) if text == "3probe" => Self::ProbeAnswer,
            (Some('4'), Some(kind)) => {
                let body = text.get(2..).and_then(|rest| of_namespace(rest, namespace));
                body.map_or(Self::Other, |body| Self::in_namespace(kind, body))
            }
            _ => Self::Other,
        }
    }

    fn in_namespace(kind: char, body: &str) -> Self {
        let digits = body.bytes().take_while(u8::is_ascii_digit).count();
        let (id, rest) = body.split_at(digits);
        let value = || serde_json::from_str(rest).unwrap_or(Value::Null);
        let list = || match value() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        match (kind, id.parse()) {
            ('0', _) => Self::Connected(value()),
            ('1', _) => Self::Ended,
            ('2', _) => {
                let mut items = list().into_iter();
                match items.next() {
                    Some(Value::String(name)) => Self::Event(name, items.collect()),
                    Some(_) | None => Self::Other,
                }
            }
            ('3', Ok(id)) => Self::Ack(id, list()),
            ('4', _) => Self::Refused(value()),
            _ => Self::Other,
        }
    }
}

/// What stands behind the namespace, if it is this one. `/` is not written.
fn of_namespace<'a>(rest: &'a str, namespace: &str) -> Option<&'a str> {
    let (named, body) = match rest.starts_with('/') {
        true => rest.split_once(',').unwrap_or((rest, "")),
        false => ("/", rest),
    };
    // A name may be followed by a query, which is no part of it.
    (named.split('?').next() == namespace.split('?').next()).then_some(body)
}

/// Asks for a namespace.
pub(super) fn connect(namespace: &str, auth: Option<&Value>) -> String {
    let auth = auth.map(Value::to_string).unwrap_or_default();
    format!("40{}{auth}", prefix(namespace))
}

/// An event, which is answered if it has an id.
pub(super) fn event(namespace: &str, id: Option<u64>, name: &str, arguments: &[Value]) -> String {
    let mut list = vec![json!(name)];
    list.extend_from_slice(arguments);
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    format!("42{}{id}{}", prefix(namespace), Value::Array(list))
}

fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_the_protocol_pages_are_read() {
        let root = |text| Said::read(text, "/");
        assert_eq!(root(r#"40{"sid":"a"}"#), Said::Connected(json!({"sid": "a"})));
        assert_eq!(root(r#"42["hello",1,"x"]"#), Said::Event("hello".to_owned(), vec![json!(1), json!("x")]));
        assert_eq!(root("4312[]"), Said::Ack(12, Vec::new()));
        assert_eq!(root(r#"44{"message":"no"}"#), Said::Refused(json!({"message": "no"})));
        assert_eq!(
            (root("2"), root("3probe"), root("41"), root("1")),
            (Said::Ping, Said::ProbeAnswer, Said::Ended, Said::Ended)
        );
        assert_eq!(Said::read(r#"42/admin,7["a"]"#, "/admin"), Said::Event("a".to_owned(), Vec::new()));
        assert_eq!(root(r#"42/admin,["a"]"#), Said::Other);
    }

    #[test]
    fn rubbish_is_something_else() {
        for text in ["", "4", "9", "42", "42{", "42[1]", "43[]", "4é", "é", "45-x", "42/a"] {
            assert_eq!(Said::read(text, "/"), Said::Other, "{text}");
        }
    }

    #[test]
    fn packets_are_written_as_the_protocol_says() {
        assert_eq!(connect("/", None), "40");
        assert_eq!(connect("/admin", Some(&json!({"a": 1}))), r#"40/admin,{"a":1}"#);
        assert_eq!(event("/", Some(3), "x", &[json!({})]), r#"423["x",{}]"#);
    }
}
