use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use sangam_signal_proto::SignalKind;
use sangam_types::Mono;
use serde_json::Value;

use super::event::{Event, signal_kind};

/// By which an event is known again: a digest of its family and content.
///
/// Of a signal, `from`, `timestamp` and `type` do not count: nobody has reason to send somebody else's description or
/// candidate, whatever the stamp. But everybody says in the same words that no candidate follows: there `from` counts.
/// Of everything else the server's `timestamp` counts: to go back to a verse that somebody just left is no echo, and who
/// sends back what it was told sends back the stamp too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print(u64);

/// What would do something if it came back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Family {
    Offer,
    Answer,
    Candidate,
    Verse,
    Queue,
    Reading,
    Next,
    Timer,
    End,
}

impl Print {
    /// Of an event to or from a client: its name and its argument. `None` if it would do nothing, or cannot be read as
    /// JavaScript reads it.
    pub(super) fn of(name: &str, argument: &str, attachments: &[Bytes]) -> Option<Self> {
        let (event, ..) = Event::named(name).filter(|(event, ..)| Family::may_be_of(*event))?;
        let value: Value = serde_json::from_str(argument).ok()?;
        let family = Family::of(event, &value)?;
        let mut hasher = DefaultHasher::new();
        family.hash(&mut hasher);
        let is_end = family == Family::Candidate && is_end(&value);
        let counts = |name: &str| family.counts(name) || is_end && name == "from";
        for (name, member) in value.as_object()?.iter().filter(|(name, _)| counts(name)) {
            name.hash(&mut hasher);
            hash(member, attachments, &mut hasher);
        }
        Some(Self(hasher.finish()))
    }
}

impl Family {
    /// Whether there is one for that event, whatever its argument.
    fn may_be_of(event: Event) -> bool {
        event == Event::AnySignal || Self::of(event, &Value::Null).is_some()
    }

    fn of(event: Event, value: &Value) -> Option<Self> {
        match event {
            Event::Signal(kind) => Some(Self::of_signal(kind)),
            Event::AnySignal => value.get("type")?.as_str().and_then(signal_kind).map(Self::of_signal),
            Event::Verse => Some(Self::Verse),
            Event::Queue => Some(Self::Queue),
            Event::ReadingStatus => Some(Self::Reading),
            Event::NextVerse => Some(Self::Next),
            Event::TimerUpdate => Some(Self::Timer),
            Event::End => Some(Self::End),
            _ => None,
        }
    }

    fn of_signal(kind: SignalKind) -> Self {
        match kind {
            SignalKind::Offer => Self::Offer,
            SignalKind::Answer => Self::Answer,
            SignalKind::Candidate => Self::Candidate,
        }
    }

    fn counts(self, member: &str) -> bool {
        match self {
            Self::Offer | Self::Answer | Self::Candidate => !matches!(member, "from" | "timestamp" | "type"),
            Self::Verse | Self::Queue | Self::Reading | Self::Next | Self::Timer | Self::End => true,
        }
    }
}

/// Whether a candidate is the word that none follows.
fn is_end(value: &Value) -> bool {
    match value.get("data").or_else(|| value.get("candidate")) {
        None | Some(Value::Null) => true,
        Some(Value::String(line)) => line.is_empty(),
        Some(Value::Object(candidate)) => {
            candidate.get("candidate").is_some_and(|line| line.is_null() || line.as_str() == Some(""))
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => false,
    }
}

/// The same for a value before and after JavaScript has read and written it.
fn hash(value: &Value, attachments: &[Bytes], into: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(into),
        Value::Bool(is_true) => (1_u8, is_true).hash(into),
        // JavaScript has one kind of number, and one zero.
        Value::Number(number) => (2_u8, (number.as_f64().unwrap_or(0.0) + 0.0).to_bits()).hash(into),
        Value::String(text) => (3_u8, text).hash(into),
        Value::Array(items) => {
            (4_u8, items.len()).hash(into);
            items.iter().for_each(|item| hash(item, attachments, into));
        }
        Value::Object(members) => {
            if let Some(bytes) = attachment(value, attachments) {
                return (5_u8, bytes).hash(into);
            }
            (6_u8, members.len()).hash(into);
            for (name, member) in members {
                name.hash(into);
                hash(member, attachments, into);
            }
        }
    }
}

/// What a placeholder stands for: its number may be another when it comes back.
fn attachment<'a>(value: &Value, attachments: &'a [Bytes]) -> Option<&'a Bytes> {
    let is_placeholder = value.get("_placeholder")? == &Value::Bool(true);
    let number = value.get("num")?.as_u64().and_then(|number| usize::try_from(number).ok())?;
    attachments.get(number).filter(|_| is_placeholder)
}

/// What a socket was told in the last seconds.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    /// With the time at which each was told, in milliseconds since the beginning; the oldest first.
    told: VecDeque<(u64, Print)>,
}

impl Echoes {
    /// Remembers, and forgets what is older than `window` or more than `max`.
    pub(super) fn push(&mut self, print: Print, now: Mono, window: Duration, max: usize) {
        self.forget(now, window);
        while self.told.len() >= max.max(1) {
            self.told.pop_front();
        }
        self.told.push_back((millis(now), print));
    }

    /// Whether the socket was told this just now.
    pub(super) fn holds(&mut self, print: Print, now: Mono, window: Duration) -> bool {
        self.forget(now, window);
        self.told.iter().any(|(_, it)| *it == print)
    }

    /// Whether there is nothing that could come back.
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Forgets what is older than `window`.
    pub(super) fn forget(&mut self, now: Mono, window: Duration) {
        let since = millis(now - window);
        let before = self.told.len();
        while self.told.front().is_some_and(|(at, _)| *at < since) {
            self.told.pop_front();
        }
        if self.told.is_empty() && before > 0 {
            self.told.shrink_to_fit();
        }
    }
}

fn millis(at: Mono) -> u64 {
    u64::try_from(at.since_start().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn print(json: &str) -> Option<Print> {
        print_with(json, &[])
    }

    fn print_with(json: &str, attachments: &[Bytes]) -> Option<Print> {
        let (name, argument): (&str, &RawValue) = serde_json::from_str(json).unwrap();
        Print::of(name, argument.get(), attachments)
    }

    #[test]
    fn a_signal_is_known_again_whoever_stamped_it_and_whatever_it_is_called() {
        let told = print(r#"["webrtc-offer",{"sessionId":"s","from":"a","data":{"sdp":"é","n":1.0},"timestamp":1}]"#);
        assert!(told.is_some());
        for same in [
            r#"["webrtc-offer",{"data":{"n":1,"sdp":"\u00e9"},"sessionId":"s","from":"b","timestamp":2}]"#,
            r#"["webrtc-signaling",{"type":"offer","data":{"n":1,"sdp":"\u00e9"},"sessionId":"s"}]"#,
        ] {
            assert_eq!(print(same), told, "{same}");
        }
        for other in [
            r#"["webrtc-answer",{"sessionId":"s","data":{"sdp":"é","n":1}}]"#,
            r#"["webrtc-offer",{"sessionId":"s","data":{"sdp":"é","n":2}}]"#,
            r#"["webrtc-offer",{"sessionId":"s","to":"a","data":{"sdp":"é","n":1}}]"#,
        ] {
            assert_ne!(print(other), told, "{other}");
        }
    }

    #[test]
    fn that_no_candidate_follows_is_known_again_only_from_the_same_sender() {
        for end in ["null", r#""""#, r#"{"candidate":"","sdpMid":"0"}"#] {
            let from = |name: &str| print(&format!(r#"["webrtc-ice-candidate",{{"data":{end},"from":"{name}"}}]"#));
            assert_ne!(from("a"), from("b"), "{end}");
            assert_eq!(from("a"), from("a"), "{end}");
        }
        let line = |from: &str| {
            print(&format!(r#"["webrtc-ice-candidate",{{"data":{{"candidate":"candidate:1"}},"from":"{from}"}}]"#))
        };
        assert_eq!(line("a"), line("b"));
    }

    #[test]
    fn a_verse_is_known_again_only_with_its_stamp() {
        let told = print(r#"["verse-changed",{"sessionId":"s","verse":1,"timestamp":5}]"#);
        assert_ne!(print(r#"["verse-changed",{"sessionId":"s","verse":1}]"#), told);
        assert_ne!(print(r#"["verse-changed",{"sessionId":"s","verse":1,"timestamp":6}]"#), told);
    }

    #[test]
    fn binary_values_count_and_their_numbers_do_not() {
        let offer = |json: &str, attachments: &[&'static [u8]]| {
            let attachments: Vec<Bytes> = attachments.iter().map(|bytes| Bytes::from_static(bytes)).collect();
            print_with(json, &attachments)
        };
        let first = r#"["webrtc-offer",{"data":{"_placeholder":true,"num":0}}]"#;
        let second = first.replace("\"num\":0", "\"num\":1");
        assert_eq!(offer(first, &[b"x"]), offer(&second, &[b"y", b"x"]));
        assert_ne!(offer(first, &[b"x"]), offer(first, &[b"y"]));
    }

    #[test]
    fn what_does_nothing_has_no_print() {
        for json in [r#"["session-joined",{}]"#, r#"["error",{}]"#, r#"["webrtc-offer",null]"#, r#"["get-queue",{}]"#] {
            assert_eq!(print(json), None, "{json}");
        }
    }

    #[test]
    fn what_was_told_is_forgotten_with_time_and_beyond_the_bound() {
        let window = Duration::from_secs(10);
        let mut echoes = Echoes::default();
        echoes.push(Print(1), Mono::ZERO, window, 2);
        assert!(echoes.holds(Print(1), Mono::ZERO + window, window));
        assert!(!echoes.holds(Print(1), Mono::ZERO + window + window, window));
        for at in 2..5 {
            echoes.push(Print(at), Mono::ZERO + window, window, 2);
        }
        assert!(!echoes.holds(Print(2), Mono::ZERO + window, window));
        assert!(echoes.holds(Print(3), Mono::ZERO + window, window));
    }
}
