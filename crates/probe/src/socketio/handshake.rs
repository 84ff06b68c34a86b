use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::Finding;

/// The open packet of a session, as the server wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct Handshake {
    /// Names the session.
    pub sid: String,
    /// Between two pings, in milliseconds.
    #[serde(rename(deserialize = "pingInterval", serialize = "ping_interval_ms"))]
    pub ping_interval_ms: u64,
    /// How long a pong may take, in milliseconds.
    #[serde(rename(deserialize = "pingTimeout", serialize = "ping_timeout_ms"))]
    pub ping_timeout_ms: u64,
    /// Bytes in one body of long polling or one WebSocket message; servers before Engine.IO 6 do not say it.
    #[serde(rename(deserialize = "maxPayload", serialize = "max_payload_bytes"))]
    pub max_payload_bytes: Option<u64>,
    /// Transports that the session may change to.
    #[serde(default)]
    pub upgrades: Vec<String>,
}

impl Handshake {
    /// From the open packet's text.
    pub(super) fn of(open: Value, subject: &str) -> Result<Self, Finding> {
        serde_json::from_value(open).map_err(|error| {
            Finding::failed(subject, format!("a broken handshake: {error}")).because(
                "the open packet has no sid, pingInterval or pingTimeout",
                "clients cannot open a session by it: replace the server, or see what rewrites its answers",
            )
        })
    }

    /// Reads the body of the first poll.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, Finding> {
        let text = String::from_utf8_lossy(body);
        if let Some(open) = text.strip_prefix("0{") {
            let open = open.split('\u{1e}').next().unwrap_or(open);
            return Self::of(serde_json::from_str(&format!("{{{open}")).unwrap_or_default(), "polling");
        }
        // Revision 3 writes the length of each packet before it: `96:0{"sid":…`.
        let is_revision_3 = text.split_once(":0{").is_some_and(|(length, _)| length.parse::<u32>().is_ok());
        let said = "the answer is no handshake of Engine.IO 4";
        Err(if is_revision_3 {
            Finding::failed("polling", said).because(
                "the server speaks revision 3 of the protocol: it is Socket.IO 2",
                "upgrade the server, or use a client of version 2",
            )
        } else {
            Finding::failed("polling", said).because(
                "another service answers at this address and path",
                "give the server's own URL, with its path if that is not /socket.io/",
            )
        })
    }

    pub(super) fn ping_interval(&self) -> Duration {
        Duration::from_millis(self.ping_interval_ms)
    }

    pub(super) fn ping_timeout(&self) -> Duration {
        Duration::from_millis(self.ping_timeout_ms)
    }

    /// What it says, for a finding.
    pub(super) fn words(&self) -> String {
        let payload = self.max_payload_bytes.map_or("untold".to_owned(), |bytes| format!("{bytes} bytes"));
        let upgrades = if self.upgrades.is_empty() { "none".to_owned() } else { self.upgrades.join(", ") };
        format!(
            "a ping each {} ms, {} ms for its pong, payload at most {payload}, upgrades: {upgrades}",
            self.ping_interval_ms, self.ping_timeout_ms
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_of_the_protocol_page_is_read() {
        let body = br#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        let handshake = Handshake::of_body(body).unwrap();
        assert_eq!(handshake.ping_interval(), Duration::from_secs(25));
        assert_eq!(handshake.max_payload_bytes, Some(1_000_000));
        assert!(handshake.words().ends_with("upgrades: websocket"));
    }

    #[test]
    fn what_is_none_is_told_apart() {
        let cause = |body: &str| Handshake::of_body(body.as_bytes()).unwrap_err().cause.unwrap();
        assert!(cause(r#"96:0{"sid":"a","upgrades":[]}2:40"#).contains("revision 3"));
        assert!(cause("<html>").contains("another service"));
        assert!(cause("0{}").contains("no sid"));
        assert!(cause("0{").contains("no sid"));
    }
}
