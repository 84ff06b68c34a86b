use std::borrow::Cow;

use sangam_signal_proto::{IdError, ParticipantId, SignalKind};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::invalid::{Invalid, Kind};

/// The longest URL a node may register, bytes. What clients of HTTP commonly bear.
const URL_BYTES_MAX: usize = 2_048;

/// A signal that a node sends.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Who says it sends.
    pub from: ParticipantId,
    /// Whom it is for. The original takes anything here and drops it in silence.
    pub to: ParticipantId,
    /// What it is; none for a type that nobody knows, which the original drops in silence too.
    pub kind: Option<SignalKind>,
    /// The payload: a JSON object.
    pub payload: String,
}

/// Reads the body of `POST /register`: the URL, which may be empty.
///
/// # Errors
/// What is wrong with it.
pub fn registration(body: &[u8]) -> Result<String, Vec<Invalid>> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow, default, deserialize_with = "given")]
        url: Option<&'a RawValue>,
    }
    let (members, whole) = object::<Members<'_>>(body)?;
    let at = ["body", "url"];
    let url = required(members.url, whole, &at).and_then(|url| text(url, &at)).map_err(|it| vec![it])?;
    if url.len() > URL_BYTES_MAX || url.chars().any(char::is_control) {
        return Err(vec![Invalid::new(Kind::Unusable, &at, None)]);
    }
    Ok(url.into_owned())
}

/// Reads the body of `POST /signal/send`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn signal(body: &[u8]) -> Result<Outgoing, Vec<Invalid>> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow, default, deserialize_with = "given")]
        from_peer: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "given")]
        to_peer: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "given")]
        r#type: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "given")]
        payload: Option<&'a RawValue>,
    }
    let (members, whole) = object::<Members<'_>>(body)?;
    let id = |value, at: [&'static str; 2]| {
        required(value, whole, &at).and_then(|it| text(it, &at)).and_then(|it| participant(&it, &at))
    };
    let kind = |value, at: [&'static str; 2]| required(value, whole, &at).and_then(|it| text(it, &at));
    let payload = |value, at: [&'static str; 2]| required(value, whole, &at).and_then(|it| dictionary(it, &at));
    let read = (
        id(members.from_peer, ["body", "from_peer"]),
        id(members.to_peer, ["body", "to_peer"]),
        kind(members.r#type, ["body", "type"]),
        payload(members.payload, ["body", "payload"]),
    );
    match read {
        (Ok(from), Ok(to), Ok(kind), Ok(payload)) => {
            Ok(Outgoing { from, to, kind: signal_kind(&kind), payload: payload.to_owned() })
        }
        (from, to, kind, payload) => {
            Err([from.err(), to.err(), kind.err(), payload.err()].into_iter().flatten().collect())
        }
    }
}

/// Reads the node id in the path of `GET /signal/poll/{peer_id}`, percent signs already undone.
///
/// # Errors
/// If no participant can have that id.
pub fn node_id(path: &str) -> Result<ParticipantId, Invalid> {
    participant(path, &["path", "peer_id"])
}

/// Reads `limit` of `GET /get_peers`: 5 if it is not there.
///
/// # Errors
/// If it is no number, or less than nothing.
pub fn peers_limit(query: Option<&str>) -> Result<usize, Invalid> {
    let at = ["query", "limit"];
    let mut named = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, limit)) = named.rfind(|(name, _)| *name == "limit") else { return Ok(5) };
    match limit.parse::<i64>() {
        Ok(limit) => usize::try_from(limit).map_err(|_| Invalid::new(Kind::Negative, &at, None)),
        Err(_) => Err(Invalid::new(Kind::NotNumber, &at, None)),
    }
}

fn signal_kind(name: &str) -> Option<SignalKind> {
    match name {
        "offer" => Some(SignalKind::Offer),
        "answer" => Some(SignalKind::Answer),
        "ice-candidate" | "ice_candidate" | "candidate" => Some(SignalKind::Candidate),
        _ => None,
    }
}

fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<(T, &'a RawValue), Vec<Invalid>> {
    if body.is_empty() {
        return Err(vec![Invalid::new(Kind::Missing, &["body"], None)]);
    }
    let not_json = || vec![Invalid::new(Kind::NotJson, &["body"], None)];
    let text = std::str::from_utf8(body).map_err(|_| not_json())?;
    let whole: &RawValue = serde_json::from_str(text).map_err(|_| not_json())?;
    let members = serde_json::from_str(whole.get());
    // Anything that fits no struct of optional values is no object. Nor is an object that names a member twice, for us.
    members
        .ok()
        .filter(|_| whole.get().starts_with('{'))
        .map(|members| (members, whole))
        .ok_or_else(|| vec![Invalid::new(Kind::BodyNotObject, &["body"], Some(whole))])
}

/// `null` is a value of the wrong kind, not a value that is missing.
fn given<'de: 'a, 'a, D: Deserializer<'de>>(value: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

fn required<'a>(value: Option<&'a RawValue>, whole: &RawValue, at: &[&'static str]) -> Result<&'a RawValue, Invalid> {
    value.ok_or_else(|| Invalid::new(Kind::Missing, at, Some(whole)))
}

fn text<'a>(value: &'a RawValue, at: &[&'static str]) -> Result<Cow<'a, str>, Invalid> {
    // A surrogate without its other half is text to Python, but none to us.
    serde_json::from_str::<String>(value.get())
        .map(Cow::Owned)
        .map_err(|_| Invalid::new(Kind::NotText, at, Some(value)))
}

fn dictionary<'a>(value: &'a RawValue, at: &[&'static str]) -> Result<&'a str, Invalid> {
    let json = value.get();
    if json.starts_with('{') { Ok(json) } else { Err(Invalid::new(Kind::NotObject, at, Some(value))) }
}

fn participant(text: &str, at: &[&'static str]) -> Result<ParticipantId, Invalid> {
    ParticipantId::parse(text).map_err(|error| {
        let kind = if matches!(error, IdError::TooLong { .. }) { Kind::TooLong } else { Kind::Unusable };
        Invalid::new(kind, at, None)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn details(result: Result<impl Sized, Vec<Invalid>>) -> String {
        Invalid::encode(&result.err().unwrap_or_default())
    }

    #[test]
    fn a_signal_is_read_as_it_was_written() {
        let body =
            br#"{"from_peer":"A=","to_peer":"B=","type":"offer","payload":{"sdp":"v=0","type":"offer"},"more":1}"#;
        let sent = signal(body).unwrap();
        assert_eq!((sent.from.as_str(), sent.to.as_str(), sent.kind), ("A=", "B=", Some(SignalKind::Offer)));
        assert_eq!(sent.payload, r#"{"sdp":"v=0","type":"offer"}"#);
    }

    #[test]
    fn a_type_that_nobody_knows_is_no_fault() {
        let sent = signal(br#"{"from_peer":"A","to_peer":"B","type":"hello","payload":{}}"#).unwrap();
        assert_eq!(sent.kind, None);
    }

    #[test]
    fn what_is_missing_is_named_as_the_original_names_it() {
        assert_eq!(
            details(registration(b"{}")),
            r#"{"detail":[{"type":"missing","loc":["body","url"],"msg":"Field required","input":{}}]}"#
        );
        let all = details(signal(b"{}"));
        for member in ["from_peer", "to_peer", "type", "payload"] {
            assert!(all.contains(&format!(r#""loc":["body","{member}"]"#)), "{all}");
        }
    }

    #[test]
    fn wrong_kinds_are_refused_by_name() {
        let table: [(&[u8], &str); 5] = [
            (b"", r#""type":"missing","loc":["body"]"#),
            (b"{", r#""type":"json_invalid""#),
            (b"[]", r#""type":"model_attributes_type""#),
            (
                br#"{"url":5}"#,
                r#""type":"string_type","loc":["body","url"],"msg":"Input should be a valid string","input":5"#,
            ),
            (br#"{"url":null}"#, r#""type":"string_type""#),
        ];
        for (body, expected) in table {
            let got = details(registration(body));
            assert!(got.contains(expected), "{got} has no {expected}");
        }
        let payload = details(signal(br#"{"from_peer":"A","to_peer":"B","type":"offer","payload":"x"}"#));
        assert!(payload.contains(r#""type":"dict_type","loc":["body","payload"]"#), "{payload}");
        let long = format!(r#"{{"from_peer":"{}","to_peer":"B","type":"offer","payload":{{}}}}"#, "a".repeat(129));
        assert!(details(signal(long.as_bytes())).contains("string_too_long"));
    }

    #[test]
    fn five_peers_are_asked_for_by_default() {
        assert_eq!(peers_limit(None).unwrap(), 5);
        assert_eq!(peers_limit(Some("limit=0")).unwrap(), 0);
        assert_eq!(peers_limit(Some("x=1&limit=10")).unwrap(), 10);
        assert_eq!(peers_limit(Some("limit=x")).unwrap_err().kind(), Kind::NotNumber);
        assert_eq!(peers_limit(Some("limit=-1")).unwrap_err().kind(), Kind::Negative);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_fall_over(body in prop::collection::vec(any::<u8>(), 0..200)) {
            drop((signal(&body), registration(&body)));
        }

        #[test]
        fn no_json_makes_it_fall_over(body in r#"[{}\[\]",:a-z_0-9\\]{0,80}"#) {
            drop((signal(body.as_bytes()), registration(body.as_bytes()), peers_limit(Some(&body)), node_id(&body)));
        }
    }
}
