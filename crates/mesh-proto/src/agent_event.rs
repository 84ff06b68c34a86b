//! What IF.swarm agents tell their witness of each step: one object of JSON for each event.

mod kind;

pub use kind::AgentEventKind;

use sangam_types::Wall;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{Candidate, PeerId, TraceId, hex, timestamp};

/// One step of an agent: `{"event","agent_id","peer_id"?,"sdp_hash"?,"ice_candidate"?,"trace_id","timestamp","metadata"?}`.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentEvent {
    /// Which step.
    pub event: AgentEventKind,
    /// Whose.
    pub agent_id: PeerId,
    /// With whom.
    pub peer_id: Option<PeerId>,
    /// [`sdp_hash`] of the description it is about.
    pub sdp_hash: Option<String>,
    /// The candidate it is about.
    pub ice_candidate: Option<Candidate>,
    /// The agent's run.
    pub trace_id: TraceId,
    /// When.
    pub timestamp: Wall,
    /// What more there is to say.
    pub metadata: Option<Map<String, Value>>,
}

impl AgentEvent {
    /// A step without anything more.
    #[must_use]
    pub fn new(event: AgentEventKind, agent_id: PeerId, trace_id: TraceId, timestamp: Wall) -> Self {
        Self {
            event,
            agent_id,
            peer_id: None,
            sdp_hash: None,
            ice_candidate: None,
            trace_id,
            timestamp,
            metadata: None,
        }
    }

    /// With a peer.
    #[must_use]
    pub fn with_peer(mut self, peer: PeerId) -> Self {
        self.peer_id = Some(peer);
        self
    }

    /// About a description.
    #[must_use]
    pub fn with_sdp(mut self, sdp: &str) -> Self {
        self.sdp_hash = Some(sdp_hash(sdp));
        self
    }

    /// About a candidate.
    #[must_use]
    pub fn with_candidate(mut self, candidate: Candidate) -> Self {
        self.ice_candidate = Some(candidate);
        self
    }

    /// With one more member of `metadata`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.metadata.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// The object: what there is not is left out, a candidate is an `RTCIceCandidateInit`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut object = Map::from_iter([
            ("event".to_owned(), json!(self.event.as_str())),
            ("agent_id".to_owned(), json!(self.agent_id.as_str())),
            ("trace_id".to_owned(), json!(self.trace_id.to_string())),
            ("timestamp".to_owned(), json!(timestamp::javascript(self.timestamp))),
        ]);
        let mut add = |name: &str, value: Option<Value>| value.and_then(|value| object.insert(name.to_owned(), value));
        add("peer_id", self.peer_id.as_ref().map(|peer| json!(peer.as_str())));
        add("sdp_hash", self.sdp_hash.as_ref().map(|hash| json!(hash)));
        add("ice_candidate", self.ice_candidate.as_ref().map(candidate_json));
        add("metadata", self.metadata.clone().map(Value::from));
        object.into()
    }
}

/// A description's SHA-256, 64 hexadecimal digits.
#[must_use]
pub fn sdp_hash(sdp: &str) -> String {
    hex::encode(&Sha256::digest(sdp))
}

fn candidate_json(candidate: &Candidate) -> Value {
    json!({
        "candidate": candidate.line,
        "sdpMid": candidate.mid,
        "sdpMLineIndex": candidate.line_index,
        "usernameFragment": candidate.ufrag,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: AgentEventKind) -> AgentEvent {
        let agent = PeerId::new("agent-a").unwrap();
        AgentEvent::new(kind, agent, TraceId::from_bytes([0xab; 12]), Wall::from_unix_millis(1_795_188_565_309))
    }

    #[test]
    fn an_event_is_the_object_that_an_agent_tells() {
        let peer = PeerId::new("agent-b").unwrap();
        let text = event(AgentEventKind::OfferCreated).with_peer(peer).with_sdp("v=0\r\n").to_json();
        // `printf 'v=0\r\n' | sha256sum`
        let expected = r#"{"event":"webrtc_offer_created","agent_id":"agent-a","peer_id":"agent-b",
            "sdp_hash":"4cf57627095fbc4886de378fcb3407917caca20bf078ca3f0fac3e5ca9b192d8",
            "trace_id":"abababababababababababab","timestamp":"2026-11-20T15:29:25.309Z"}"#;
        assert_eq!(text, serde_json::from_str::<Value>(expected).unwrap());
    }

    #[test]
    fn metadata_and_candidates_are_there_only_where_they_are() {
        let plain = event(AgentEventKind::SignalingConnected).to_json();
        assert_eq!(plain.as_object().unwrap().len(), 4);
        let candidate =
            Candidate { line: "candidate:1".into(), mid: Some("0".into()), line_index: Some(0), ufrag: None };
        let full = event(AgentEventKind::IceCandidateSent).with_candidate(candidate).with("state", "x").with("n", 1);
        assert_eq!(
            full.to_json()["ice_candidate"],
            json!({ "candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": null })
        );
        assert_eq!(full.to_json()["metadata"], json!({ "state": "x", "n": 1 }));
    }

    #[test]
    fn every_event_has_a_name_of_its_own() {
        let mut names: Vec<_> = AgentEventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), AgentEventKind::ALL.len());
    }
}
