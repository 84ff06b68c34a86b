use crate::options::Options;
use crate::packet::Packet;
use sangam_types::{Frame, Text};

/// What carries the packets of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransportKind {
    /// HTTP long polling.
    Polling,
    /// WebSocket.
    WebSocket,
}

impl TransportKind {
    /// As the query parameter `transport` names it.
    #[must_use]
    pub fn from_query(name: &str) -> Option<Self> {
        match name {
            "polling" => Some(Self::Polling),
            "websocket" => Some(Self::WebSocket),
            _ => None,
        }
    }

    /// As the query parameter `transport` names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

/// The text of the open packet: what the client must know of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// Names the session. Of characters that need no escape in JSON and in a query.
    pub sid: &'a str,
    /// What carries the session now: only polling can be upgraded.
    pub transport: TransportKind,
    /// Intervals and limits.
    pub options: Options,
}

impl Handshake<'_> {
    /// The open packet.
    ///
    /// ```text
    /// 0{"sid":"…","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
    /// ```
    #[must_use]
    pub fn encode(&self) -> Frame {
        let Self { sid, transport, options } = self;
        let upgrades = match transport {
            TransportKind::Polling if options.allows_upgrades => r#""websocket""#,
            TransportKind::Polling | TransportKind::WebSocket => "",
        };
        let (interval, timeout) = (options.ping_interval.as_millis(), options.ping_timeout.as_millis());
        let text = format!(
            r#"{{"sid":"{sid}","upgrades":[{upgrades}],"pingInterval":{interval},"pingTimeout":{timeout},"maxPayload":{}}}"#,
            options.payload_bytes_max
        );
        Packet::Open(Text::from(text)).encode()
    }
}
