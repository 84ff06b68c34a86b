use std::fmt::Write as _;

use sangam_signal_proto::{ParticipantId, SignalKind};

/// A signal that waits for a node.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Who sent it.
    pub from: &'a ParticipantId,
    /// What it is.
    pub kind: SignalKind,
    /// The payload: a JSON value.
    pub payload: &'a str,
}

/// Writes the answer to `POST /register`, in the original's words.
#[must_use]
pub fn registered(url: &str) -> String {
    format!(r#"{{"message":{}}}"#, text(&format!("Peer {url} registrato con successo.")))
}

/// Writes the answer to `GET /signal/poll/{peer_id}`.
pub fn mail<'a>(signals: impl IntoIterator<Item = Incoming<'a>>) -> String {
    let mut out = String::from("[");
    for signal in signals {
        if out.len() > 1 {
            out.push(',');
        }
        let kind = match signal.kind {
            SignalKind::Offer => "offer",
            SignalKind::Answer => "answer",
            SignalKind::Candidate => "ice-candidate",
        };
        let from = text(signal.from.as_str());
        write!(out, r#"{{"from_peer":{from},"type":"{kind}","payload":{}}}"#, signal.payload)
            .expect("a String takes all that is written");
    }
    out.push(']');
    out
}

fn text(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_a_list_in_the_originals_words() {
        let from = ParticipantId::parse("A=\"").unwrap();
        let offer = Incoming { from: &from, kind: SignalKind::Offer, payload: r#"{"sdp":"v=0","type":"offer"}"# };
        let expected = r#"{"from_peer":"A=\"","type":"offer","payload":{"sdp":"v=0","type":"offer"}}"#;
        assert_eq!(mail([]), "[]");
        assert_eq!(mail([offer, offer]), format!("[{expected},{expected}]"));
    }

    #[test]
    fn whoever_registers_is_answered_in_the_originals_words() {
        assert_eq!(registered("http://n:8000"), r#"{"message":"Peer http://n:8000 registrato con successo."}"#);
    }
}
