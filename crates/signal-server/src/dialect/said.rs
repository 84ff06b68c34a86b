use std::sync::Arc;

use bytes::Bytes;
use sangam_signal_proto as core;
use sangam_signal_proto::OfferShape;
use sangam_types::Text;

use super::candidate::Candidate;
use super::json::session;
use super::object::{Object, ObjectWriter, quoted};
use super::sdp;

/// What one participant says to others, whichever dialects they speak. Cheap to clone.
///
/// All dialects know its neutral value: the JSON of a session description or candidate as the browser's API writes it, or of
/// what the room is told. What came by Socket.IO keeps its sender's whole argument beside it, binary members included, for
/// receivers that speak Socket.IO too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    json: Text,
    whole: Option<Arc<Whole>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Whole {
    object: Text,
    attachments: Box<[Bytes]>,
}

impl Said {
    /// Candidates are written into descriptions up to this size, JSON: some 800 of them, where a gathering finds a dozen. Each
    /// costs a copy of the whole.
    pub const FOLDED_BYTES_MAX: usize = 64 * 1_024;

    /// What a fixed part of it costs beside its bytes.
    const OVERHEAD: usize = size_of::<Self>() + size_of::<Whole>();

    /// From the neutral value alone. The text is JSON: a dialect has parsed it.
    #[must_use]
    pub fn new(json: Text) -> Self {
        Self { json, whole: None }
    }

    /// From a Socket.IO argument: the neutral value, the whole object it stood in (empty if only the value counts), and the
    /// binary values for which placeholders stand in both.
    #[must_use]
    pub fn with_argument(json: Text, object: Text, attachments: &[Bytes]) -> Self {
        Self { json, whole: Some(Arc::new(Whole { object, attachments: attachments.into() })) }
    }

    /// The neutral value.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.as_str()
    }

    /// The sender's whole argument, if it came by Socket.IO.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.whole.as_ref().map(|whole| whole.object.as_str()).filter(|object| !object.is_empty())
    }

    /// The binary values for which placeholders stand.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        self.whole.as_ref().map_or(&[], |whole| &whole.attachments)
    }

    /// A description with another text; its other members stay. The sender's whole argument no longer fits.
    fn with_sdp(&self, sdp: &str) -> Option<Self> {
        let object = Object::parse(self.json())?;
        let writer = object.iter().fold(ObjectWriter::new(), |writer, (name, value)| match name {
            "sdp" => writer.raw(name, &quoted(sdp)),
            _ => writer.raw(name, value.get()),
        });
        Some(Self::new(Text::from(writer.end())))
    }

    fn sdp(&self) -> Option<String> {
        Object::parse(self.json())?.text("sdp")
    }
}

impl core::Payload for Said {
    fn len(&self) -> usize {
        let attachments: usize = self.attachments().iter().map(|bytes| bytes.len() + size_of::<Bytes>()).sum();
        Self::OVERHEAD + self.json().len() + self.object().map_or(0, str::len) + attachments
    }

    fn shape(&self) -> Option<OfferShape> {
        session::shape(self.json())
    }

    fn ends_candidates(&self) -> bool {
        match self.sdp() {
            Some(sdp) => sdp::ends_candidates(&sdp),
            None => Candidate::parse(self.json()) == Some(Candidate::End),
        }
    }

    fn fold(&mut self, candidate: &Self) -> core::Fold {
        if self.json().len() + candidate.json().len() > Self::FOLDED_BYTES_MAX {
            return core::Fold::Unfit;
        }
        let (Some(text), Some(candidate)) = (self.sdp(), Candidate::parse(candidate.json())) else {
            return core::Fold::Unfit;
        };
        let folded = match &candidate {
            Candidate::End => Some(sdp::with_end(&text)),
            Candidate::Line { line, .. } => sdp::with_candidate(&text, line, candidate.place()),
        };
        match folded.and_then(|sdp| self.with_sdp(&sdp)) {
            Some(folded) => {
                *self = folded;
                core::Fold::Folded
            }
            None => core::Fold::Unfit,
        }
    }
}

#[cfg(test)]
mod tests {
    use sangam_signal_proto::{Fold, Payload};

    use super::*;

    fn said(json: &str) -> Said {
        Said::new(Text::from(json))
    }

    const SDP: &str = "v=0\r\na=ice-options:trickle\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n";

    fn offer() -> Said {
        said(&serde_json::json!({ "type": "offer", "sdp": SDP, "more": [1] }).to_string())
    }

    #[test]
    fn a_candidate_of_either_library_is_folded_into_a_description() {
        for candidate in [
            r#"{"candidate":"candidate:1 1 udp 1 10.0.0.1 9 typ host","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"x"}"#,
            r#"{"candidate":"a=candidate:1 1 udp 1 10.0.0.1 9 typ host","sdpMid":"0","sdpMLineIndex":null}"#,
            r#"{"candidate":{"candidate":"candidate:1 1 udp 1 10.0.0.1 9 typ host"}}"#,
        ] {
            let mut offer = offer();
            assert_eq!(offer.fold(&said(candidate)), Fold::Folded);
            let value: serde_json::Value = serde_json::from_str(offer.json()).unwrap();
            assert_eq!(value["sdp"], format!("{SDP}a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n"));
            assert_eq!(value["more"], serde_json::json!([1]));
        }
    }

    #[test]
    fn the_last_candidate_ends_a_description() {
        let mut offer = offer();
        assert!(!offer.ends_candidates());
        assert_eq!(offer.fold(&said("null")), Fold::Folded);
        assert!(offer.ends_candidates());
    }

    #[test]
    fn what_cannot_be_folded_changes_nothing() {
        for (description, candidate) in
            [("{}", "null"), ("null", "null"), (r#"{"sdp":7}"#, "null"), (r#"{"sdp":"v=0"}"#, r#""candidate:1""#)]
        {
            let mut description = said(description);
            let before = description.clone();
            assert_eq!(description.fold(&said(candidate)), Fold::Unfit);
            assert_eq!(description, before);
        }
        assert_eq!(offer().fold(&said("7")), Fold::Unfit);
    }

    #[test]
    fn a_description_takes_candidates_up_to_a_size() {
        let long = "x".repeat(Said::FOLDED_BYTES_MAX - 1_000);
        let mut offer = said(&serde_json::json!({ "type": "offer", "sdp": SDP, "more": long }).to_string());
        let mut taken = 0;
        let candidate = |port: u32| format!(r#""candidate:1 1 udp 1 192.0.2.255 {port} typ host""#);
        while offer.fold(&said(&candidate(taken + 10_000))) == Fold::Folded {
            taken += 1;
        }
        assert!((10..20).contains(&taken), "{taken}");
        assert!(offer.json().len() <= Said::FOLDED_BYTES_MAX, "{}", offer.json().len());
        assert_eq!(offer.fold(&said("null")), Fold::Folded);
    }

    #[test]
    fn only_the_words_for_it_end_candidates() {
        for (json, ends) in
            [("null", true), (r#""""#, true), (r#"{"candidate":""}"#, true), ("{}", false), ("7", false)]
        {
            assert_eq!(said(json).ends_candidates(), ends, "{json}");
        }
    }
}
