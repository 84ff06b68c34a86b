use serde_json::value::RawValue;

use super::object::{Object, is_null, text};
use super::sdp::Place;

/// An ICE candidate in one of the shapes that clients send:
/// [`RTCIceCandidateInit`](https://www.w3.org/TR/webrtc/#dom-rtcicecandidateinit), the same as member `candidate` of an
/// object, or its line alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// A line and where it belongs.
    Line {
        /// `candidate:…`, with or without `a=`.
        line: String,
        /// `sdpMid`
        mid: Option<String>,
        /// `sdpMLineIndex`
        index: Option<usize>,
    },
    /// No candidate follows: `null`, an empty line, or an object with one of these.
    End,
}

impl Candidate {
    /// Reads JSON. `None` if it is no candidate.
    pub(crate) fn parse(json: &str) -> Option<Self> {
        let value: &RawValue = serde_json::from_str(json).ok()?;
        if let Some(line) = text(value) {
            return Some(Self::of(line, None, None));
        }
        if is_null(value) {
            return Some(Self::End);
        }
        let object = Object::parse(json)?;
        let inner = object.get("candidate")?;
        match (text(inner), is_null(inner)) {
            (Some(line), _) => {
                let index = object.get("sdpMLineIndex").and_then(|index| index.get().parse().ok());
                Some(Self::of(line, object.text("sdpMid"), index))
            }
            (None, true) => Some(Self::End),
            (None, false) => Self::parse_nested(inner.get()),
        }
    }

    /// One level and no more.
    fn parse_nested(json: &str) -> Option<Self> {
        let object = Object::parse(json)?;
        let line = object.text("candidate")?;
        let index = object.get("sdpMLineIndex").and_then(|index| index.get().parse().ok());
        Some(Self::of(line, object.text("sdpMid"), index))
    }

    fn of(line: String, mid: Option<String>, index: Option<usize>) -> Self {
        if line.trim().is_empty() { Self::End } else { Self::Line { line, mid, index } }
    }

    /// Where it belongs.
    pub(crate) fn place(&self) -> Place<'_> {
        match self {
            Self::Line { mid, index, .. } => Place { mid: mid.as_deref(), index: *index },
            Self::End => Place::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(mid: Option<&str>, index: Option<usize>) -> Option<Candidate> {
        Some(Candidate::Line { line: "candidate:1".into(), mid: mid.map(str::to_owned), index })
    }

    #[test]
    fn a_candidate_is_read_in_every_shape_that_clients_send() {
        for (json, expected) in [
            (
                r#"{"candidate":"candidate:1","sdpMid":"0","sdpMLineIndex":1,"usernameFragment":"x"}"#,
                line(Some("0"), Some(1)),
            ),
            (r#"{"candidate":"candidate:1","sdpMLineIndex":null}"#, line(None, None)),
            (r#"{"candidate":{"candidate":"candidate:1","sdpMid":"0"}}"#, line(Some("0"), None)),
            (r#""candidate:1""#, line(None, None)),
            ("null", Some(Candidate::End)),
            (r#""""#, Some(Candidate::End)),
            (r#"{"candidate":""}"#, Some(Candidate::End)),
            (r#"{"candidate":null}"#, Some(Candidate::End)),
            ("{}", None),
            ("7", None),
            ("[]", None),
            (r#"{"candidate":{"candidate":{"candidate":"candidate:1"}}}"#, None),
        ] {
            assert_eq!(Candidate::parse(json), expected, "{json}");
        }
    }
}
