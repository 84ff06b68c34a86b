//! `[sync.websocket]`: WebSocket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::ByteSize;

/// WebSocket, at `/v1/ws`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocket {
    /// Open WebSockets; the next is refused.
    #[schemars(extend("x-reload" = "restart"))]
    pub connections_max: usize,
    /// The largest message of a client.
    #[schemars(extend("x-reload" = "restart"))]
    pub message_bytes_max: ByteSize,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self { connections_max: 1_000, message_bytes_max: ByteSize::from_kib(1_024) }
    }
}

impl WebSocket {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.within("connections_max", self.connections_max, 1, 1_000_000);
        let (least, most) = (ByteSize::from_kib(4), ByteSize::from_kib(64 << 10));
        check.within("message_bytes_max", self.message_bytes_max, least, most);
    }
}
