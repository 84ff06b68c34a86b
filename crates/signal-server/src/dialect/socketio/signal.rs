use bytes::Bytes;
use sangam_signal_proto::{ParticipantId, SignalKind};
use sangam_signal_proto::{RoomId, Signal};
use sangam_types::{Text, Wall};

use super::decode::{id_text, speaker};
use super::ear::SignalNames;
use super::event::{Event, signal_kind, type_word};
use super::outgoing::Outgoing;
use crate::dialect::json::fields::truthy;
use crate::dialect::object::{Object, ObjectWriter, quoted};
use crate::dialect::said::Said;

/// Of a receiver's name no more is kept: an id is shorter.
const RECEIVER_BYTES_MAX: usize = 256;

/// What `webrtc-signaling` is about.
pub(super) fn kind(object: &Object<'_>) -> Option<SignalKind> {
    object.text("type").as_deref().and_then(signal_kind)
}

/// Reads a signal. What it says stands in member `data`; other servers' clients say `offer`, `answer`, `candidate` or
/// `sdp`. Whatever the members are, receivers that speak Socket.IO get all of them.
pub(super) fn decode(kind: SignalKind, object: &Object<'_>, attachments: &[Bytes]) -> Signal<Said> {
    let whole = object.iter().fold(ObjectWriter::new(), |writer, (name, value)| writer.raw(name, value.get())).end();
    let payload = Said::with_argument(Text::from(payload(kind, object)), Text::from(whole), attachments);
    Signal { kind, from: speaker(object, "from"), to: receiver(object), payload }
}

fn payload(kind: SignalKind, object: &Object<'_>) -> String {
    let own_member = match kind {
        SignalKind::Offer => "offer",
        SignalKind::Answer => "answer",
        SignalKind::Candidate => "candidate",
    };
    let value = ["data", own_member].into_iter().find_map(|member| object.get(member));
    if let Some(value) = value {
        return value.get().to_owned();
    }
    match object.get("sdp") {
        Some(sdp) if sdp.get().starts_with('"') => {
            ObjectWriter::new().text("type", type_word(kind)).raw("sdp", sdp.get()).end()
        }
        Some(sdp) => sdp.get().to_owned(),
        None => "null".to_owned(),
    }
}

/// Nobody in particular if JavaScript takes the name for false. What can be nobody's id is cut off, and so still nobody's.
fn receiver(object: &Object<'_>) -> Option<Box<str>> {
    let value = object.get("to").filter(|value| truthy(value))?;
    let mut to = id_text(value).unwrap_or_else(|| value.get().to_owned());
    to.truncate(to.floor_char_boundary(RECEIVER_BYTES_MAX));
    Some(to.into_boxed_str())
}

/// A signal as a socket is told it.
pub(super) struct Heard<'a> {
    pub(super) room: &'a RoomId,
    pub(super) kind: SignalKind,
    pub(super) from: &'a ParticipantId,
    pub(super) to: Option<&'a ParticipantId>,
    pub(super) payload: &'a Said,
}

impl Heard<'_> {
    /// Writes it under the names that are heard.
    pub(super) fn encode(&self, names: SignalNames, now: Wall) -> Vec<Outgoing> {
        let by_kind = || self.event(Event::of_signal(self.kind), false, now);
        let common = || self.event("webrtc-signaling", true, now);
        match names {
            SignalNames::ByKind => vec![by_kind()],
            SignalNames::Common => vec![common()],
            SignalNames::Both => vec![by_kind(), common()],
        }
    }

    fn event(&self, name: &str, is_common: bool, now: Wall) -> Outgoing {
        let now = now.unix_millis().to_string();
        let object = match self.payload.object().and_then(Object::parse) {
            Some(object) => self.passed_on(&object, is_common, &now),
            None => self.written_anew(&now),
        };
        Outgoing::new(name, &object, self.payload.attachments())
    }

    /// All members as their sender wrote them, but for who sent it and when.
    fn passed_on(&self, object: &Object<'_>, is_common: bool, now: &str) -> String {
        let from = quoted(self.from.as_str());
        let to = self.to.filter(|to| object.get("to").and_then(id_text).as_deref() != Some(to.as_str()));
        let to = to.map(|to| quoted(to.as_str()));
        // The newest hooks read these two.
        let word = quoted(type_word(self.kind));
        let mut ours = vec![("from", from.as_str()), ("timestamp", now)];
        ours.extend(to.as_deref().map(|to| ("to", to)));
        if is_common {
            ours.push(("type", &word));
            if object.get("data").is_none() {
                ours.push(("data", self.payload.json()));
            }
        }
        let mut writer = ObjectWriter::new();
        for (name, value) in object.iter() {
            let value = ours.iter().find(|(it, _)| *it == name).map_or(value.get(), |(_, value)| value);
            writer = writer.raw(name, value);
        }
        let (stamp, others): (Vec<_>, Vec<_>) = ours.into_iter().partition(|(name, _)| *name == "timestamp");
        for (name, value) in others.into_iter().chain(stamp).filter(|(name, _)| object.get(name).is_none()) {
            writer = writer.raw(name, value);
        }
        writer.end()
    }

    /// The members that clients of all three dialects write and read, for what came by another wire.
    fn written_anew(&self, now: &str) -> String {
        ObjectWriter::new()
            .text("type", type_word(self.kind))
            .text("sessionId", self.room.as_str())
            .text("from", self.from.as_str())
            .text_if("to", self.to.map(ParticipantId::as_str))
            .raw("data", self.payload.json())
            .raw("timestamp", now)
            .end()
    }
}
