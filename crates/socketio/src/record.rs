use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sangam_socketio_proto::Arguments;
use sangam_types::Text;
use serde::{Deserialize, Serialize};

use crate::log::Target;
use crate::namespace::Marks;

/// Where a journal keeps sessions: their key is the pid.
pub(crate) const SESSIONS: &str = "socketio.session";
/// Where a journal keeps events: their key is the number, in hexadecimal of one length.
pub(crate) const EVENTS: &str = "socketio.event";

/// A session as a journal keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    pub(crate) sid: String,
    pub(crate) namespace: String,
    pub(crate) rooms: Vec<String>,
    begun: u64,
    last: u64,
    seen: u64,
}

impl SessionRecord {
    pub(crate) fn new(namespace: &Text, sid: &str, rooms: &[Arc<str>], marks: Marks) -> Self {
        Self {
            sid: sid.to_owned(),
            namespace: namespace.as_str().to_owned(),
            rooms: texts(rooms),
            begun: marks.begun,
            last: marks.last,
            seen: marks.seen,
        }
    }

    pub(crate) fn marks(&self) -> Marks {
        Marks { begun: self.begun, last: self.last, seen: self.seen }
    }

    pub(crate) fn encode(&self) -> Bytes {
        encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// An event as a journal keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventRecord {
    pub(crate) seq: u64,
    pub(crate) namespace: String,
    /// The newest event that was dropped from the log when this one was added.
    pub(crate) floor: u64,
    rooms: Vec<String>,
    except: Vec<String>,
    json: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<String>,
}

impl EventRecord {
    pub(crate) fn new(seq: u64, floor: u64, namespace: &Text, target: &Target, arguments: &Arguments) -> Self {
        Self {
            seq,
            namespace: namespace.as_str().to_owned(),
            floor,
            rooms: texts(&target.rooms),
            except: texts(&target.except),
            json: arguments.json().to_owned(),
            attachments: arguments.attachments().iter().map(|bytes| STANDARD.encode(bytes)).collect(),
        }
    }

    pub(crate) fn target(&self) -> Target {
        Target { rooms: names(&self.rooms), except: names(&self.except) }
    }

    pub(crate) fn arguments(&self) -> Option<Arguments> {
        let attachments = self.attachments.iter().map(|text| STANDARD.decode(text).map(Bytes::from));
        let attachments = attachments.collect::<Result<_, _>>().ok()?;
        Arguments::with_attachments(Text::from(self.json.as_str()), attachments).ok()
    }

    pub(crate) fn encode(&self) -> Bytes {
        encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// The key of an event.
pub(crate) fn event_key(seq: u64) -> String {
    format!("{seq:016x}")
}

/// Names of rooms, shared.
pub(crate) fn names(rooms: &[String]) -> Vec<Arc<str>> {
    rooms.iter().map(|room| Arc::from(room.as_str())).collect()
}

fn texts(rooms: &[Arc<str>]) -> Vec<String> {
    rooms.iter().map(|room| room.to_string()).collect()
}

/// Texts and numbers become JSON without fail.
fn encode(record: &impl Serialize) -> Bytes {
    serde_json::to_vec(record).unwrap_or_default().into()
}
