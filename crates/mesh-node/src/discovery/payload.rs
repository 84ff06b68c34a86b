//! Signals in the shapes of the originals: `{"sdp","type"}`, `{"candidate","sdpMid","sdpMLineIndex"}`.

use sangam_mesh_proto::sdp::{self, CandidateLine};
use sangam_mesh_proto::{Candidate, Description, DescriptionKind, Signal};
use serde_json::{Value, json};

/// The longest name of a media section or an ICE generation, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// The word for a signal on every wire: `offer`, `answer`, `ice-candidate`.
#[must_use]
pub fn word(signal: &Signal) -> &'static str {
    match signal {
        Signal::Description(Description { kind: DescriptionKind::Offer, .. }) => "offer",
        Signal::Description(Description { kind: DescriptionKind::Answer, .. }) => "answer",
        Signal::Candidate(_) | Signal::EndOfCandidates { .. } => "ice-candidate",
    }
}

/// What a signal says.
#[must_use]
pub fn write(signal: &Signal) -> Value {
    match signal {
        Signal::Description(description) => json!({"sdp": *description.sdp, "type": word(signal)}),
        Signal::Candidate(candidate) => {
            let mut value = json!({
                "candidate": candidate.line,
                "sdpMid": candidate.mid,
                "sdpMLineIndex": candidate.line_index,
            });
            if let Some(ufrag) = &candidate.ufrag {
                value["usernameFragment"] = json!(ufrag);
            }
            value
        }
        Signal::EndOfCandidates { ufrag } => {
            let mut value = json!({"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0});
            if let Some(ufrag) = ufrag {
                value["usernameFragment"] = json!(ufrag);
            }
            value
        }
    }
}

/// Reads what came as `word`, as tolerantly as senders differ: a bare string instead of an object, a candidate with `a=`,
/// `null` for whatever is not known. `None`: it says nothing, or is too long.
#[must_use]
pub fn read(word: &str, payload: &Value) -> Option<Signal> {
    match word {
        "offer" => description(DescriptionKind::Offer, payload),
        "answer" => description(DescriptionKind::Answer, payload),
        "ice-candidate" | "candidate" | "ice_candidate" => candidate(payload),
        _ => None,
    }
}

fn description(kind: DescriptionKind, payload: &Value) -> Option<Signal> {
    let sdp = payload.as_str().or_else(|| payload.get("sdp")?.as_str())?;
    if sdp.len() > sdp::BYTES_MAX || !sdp.trim_start().starts_with("v=") {
        return None;
    }
    let mut text: String = sdp.trim_start().lines().flat_map(|line| [line.trim_end_matches('\r'), "\r\n"]).collect();
    text.shrink_to_fit();
    Some(Signal::Description(Description { kind, sdp: text.into() }))
}

fn candidate(payload: &Value) -> Option<Signal> {
    let short = |name: &str| {
        let text = payload.get(name)?.as_str()?;
        (!text.is_empty() && text.len() <= NAME_BYTES_MAX).then(|| text.to_owned())
    };
    let ufrag = short("usernameFragment");
    let line = match payload {
        Value::Null => "",
        Value::String(line) => line,
        Value::Object(members) => match members.get("candidate")? {
            Value::Null => "",
            Value::String(line) => line,
            // A candidate event instead of its candidate.
            inner @ Value::Object(members) if !members.get("candidate").is_some_and(Value::is_object) => {
                return candidate(inner);
            }
            _ => return None,
        },
        _ => return None,
    };
    if sdp::is_end_marker(line) {
        return Some(Signal::EndOfCandidates { ufrag });
    }
    let line = line.trim();
    let line = line.strip_prefix("a=").unwrap_or(line);
    if line.len() > CandidateLine::BYTES_MAX || !line.starts_with("candidate:") || line.contains(['\r', '\n']) {
        return None;
    }
    let line_index = payload.get("sdpMLineIndex").and_then(Value::as_u64).and_then(|index| index.try_into().ok());
    Some(Signal::Candidate(Candidate { line: line.to_owned(), mid: short("sdpMid"), line_index, ufrag }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host";

    fn offer(sdp: &str) -> Signal {
        Signal::Description(Description { kind: DescriptionKind::Offer, sdp: sdp.into() })
    }

    fn plain() -> Candidate {
        Candidate { line: LINE.to_owned(), mid: None, line_index: None, ufrag: None }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let whole =
            Candidate { mid: Some("0".to_owned()), line_index: Some(0), ufrag: Some("u".to_owned()), ..plain() };
        let end = Signal::EndOfCandidates { ufrag: Some("u".to_owned()) };
        for signal in [offer("v=0\r\ns=-\r\n"), Signal::Candidate(plain()), Signal::Candidate(whole), end] {
            assert_eq!(read(word(&signal), &write(&signal)), Some(signal));
        }
        assert_eq!(write(&offer("v=0\r\n")), json!({"type": "offer", "sdp": "v=0\r\n"}));
        assert_eq!(
            write(&Signal::Candidate(plain())),
            json!({"candidate": LINE, "sdpMid": null, "sdpMLineIndex": null})
        );
    }

    #[test]
    fn candidates_are_read_in_every_form_that_agents_send() {
        let prefixed = json!({"candidate": format!("a={LINE}"), "sdpMid": null, "sdpMLineIndex": null});
        for form in [json!(LINE), json!({"candidate": LINE}), prefixed, json!({"candidate": {"candidate": LINE}})] {
            assert_eq!(read("ice-candidate", &form), Some(Signal::Candidate(plain())), "{form}");
        }
        let marker = json!({"candidate": "candidate:"});
        for end in [json!(null), json!(""), json!({"candidate": ""}), json!({"candidate": null}), marker] {
            assert_eq!(read("candidate", &end), Some(Signal::EndOfCandidates { ufrag: None }), "{end}");
        }
    }

    #[test]
    fn a_description_may_be_a_bare_string_and_its_lines_end_as_they_should() {
        assert_eq!(read("offer", &json!("v=0\ns=-\n")), Some(offer("v=0\r\ns=-\r\n")));
        assert_eq!(read("offer", &json!({"sdp": "v=0\r\ns=-", "type": "offer"})), Some(offer("v=0\r\ns=-\r\n")));
    }

    #[test]
    fn what_says_nothing_or_too_much_is_no_signal() {
        let long = json!(format!("v=0\r\n{}", "a=x\r\n".repeat(sdp::BYTES_MAX / 5)));
        for rubbish in [json!(7), json!({}), json!({"sdp": 7}), json!("hello"), json!({"candidate": 7}), long] {
            assert_eq!(read("offer", &rubbish), None);
            assert_eq!(read("ice-candidate", &rubbish), None);
        }
        let broken = json!(format!("{LINE}\r\na=x"));
        assert_eq!(read("ice-candidate", &broken), None);
        assert_eq!(read("hello", &json!("v=0")), None);
    }
}
