use bytes::Bytes;
use sangam_types::{Text, Wall};
use serde_json::value::RawValue;

use super::outgoing::Outgoing;
use crate::dialect::object::{Object, ObjectWriter, is_null};

/// The Socket.IO room of those who watch the parser.
pub const MONITOR_ROOM: &str = "parser-monitor";

/// What concerns no session: the driver does it itself, without the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    /// The socket joins [`MONITOR_ROOM`] and is told [`Local::subscribed`].
    Subscribe,
    /// The socket leaves [`MONITOR_ROOM`].
    Unsubscribe,
    /// This is for [`MONITOR_ROOM`]: an event of the parser, or the answer to a test message.
    Monitor(Outgoing),
}

impl Local {
    /// What a socket is told that joined [`MONITOR_ROOM`], in which there are `room_size` sockets now.
    #[must_use]
    pub fn subscribed(room_size: usize) -> Outgoing {
        let object = ObjectWriter::new()
            .text("message", "Successfully subscribed to parser monitoring")
            .raw("roomSize", &room_size.to_string());
        Outgoing::new("parser-monitor-subscribed", &object.end(), &[])
    }

    /// The answer to a test message; none if it is none, which was the end of the original.
    pub(super) fn tested(argument: Option<&RawValue>, attachments: &[Bytes], now: Wall) -> Option<Self> {
        let message = argument.filter(|message| !is_null(message))?;
        let object = Object::parse(message.get()).unwrap_or_default();
        let answer = ObjectWriter::new()
            .text("message", "Test response from socket server")
            .raw_if("originalMessage", object.get("message").map(|value| value.get()))
            .raw("timestamp", &now.unix_millis().to_string());
        Some(Self::Monitor(Outgoing::new("test-response", &answer.end(), attachments)))
    }

    /// An event of the parser, as it came but for the type and time that may be missing.
    pub(super) fn parser(name: &'static str, object: &Object<'_>, attachments: &[Bytes], now: Wall) -> Self {
        let kind = match name {
            "parser-status-update" => "parse_status",
            "parser-progress-update" => "progress",
            "parser-stats-update" => "stats",
            _ => "log",
        };
        let mut writer = ObjectWriter::new();
        if object.get("type").is_none() {
            writer = writer.text("type", kind);
        }
        writer = object.iter().fold(writer, |writer, (name, value)| writer.raw(name, value.get()));
        if object.get("timestamp").is_none() {
            writer = writer.raw("timestamp", &now.unix_millis().to_string());
        }
        let object: Text = writer.end().into();
        Self::Monitor(Outgoing::new(name, object.as_str(), attachments))
    }
}
