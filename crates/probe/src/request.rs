//! One STUN transaction: a request, again if need be, and its response.

use std::time::Duration;

use bytes::Bytes;
use stun_types::attribute::ErrorCode;
use stun_types::message::{Message, MessageClass, TransactionId};
use tokio::time::{Instant, timeout_at};

use crate::bounds::Bounds;
use crate::fault::Fault;
use crate::link::Link;
use crate::uri::Transport;

/// A response and how long it took from the last sending.
pub(crate) struct Answered {
    pub(crate) bytes: Bytes,
    pub(crate) took: Duration,
    /// How many times the request was sent.
    pub(crate) sendings: u32,
}

/// RFC 8489 §6.2.1: the first retransmission after 500 ms, each next after twice as long.
const RTO: Duration = Duration::from_millis(500);

/// Sends a request and waits for its response; everything else that comes meanwhile is dropped.
pub(crate) async fn transact(
    link: &mut Link,
    request: &[u8],
    transaction: TransactionId,
    bounds: Bounds<'_>,
) -> Result<Answered, Fault> {
    let end = Instant::now() + bounds.timeout;
    let mut pause = if link.transport == Transport::Udp { RTO } else { bounds.timeout };
    let mut sendings = 0;
    while Instant::now() < end {
        link.send(request, bounds).await?;
        sendings += 1;
        let sent = Instant::now();
        let until = end.min(sent + pause);
        while let Ok(received) = timeout_at(until, link.receive()).await {
            let bytes = received?;
            if answers(&bytes, transaction)? {
                return Ok(Answered { bytes, took: sent.elapsed(), sendings });
            }
        }
        pause *= 2;
    }
    Err(Fault::Silent)
}

/// Whether these bytes are the response. What is no STUN at all is a fault: a connected socket hears only the server.
fn answers(bytes: &[u8], transaction: TransactionId) -> Result<bool, Fault> {
    if matches!(bytes.first(), Some(0x40..=0x4f)) {
        return Ok(false);
    }
    if !matches!(bytes.first(), Some(0x00..=0x3f)) || bytes.get(4..8) != Some(&[0x21, 0x12, 0xa4, 0x42]) {
        return Err(Fault::OtherProtocol);
    }
    let message = Message::from_bytes(bytes).map_err(|error| Fault::Malformed { said: error.to_string() })?;
    Ok(message.is_response() && message.transaction_id() == transaction)
}

/// Reads a response that [`transact`] let pass.
pub(crate) fn parse(bytes: &[u8]) -> Result<Message<'_>, Fault> {
    Message::from_bytes(bytes).map_err(|error| Fault::Malformed { said: error.to_string() })
}

/// The response if it is a success, else the error it holds.
pub(crate) fn success<'a>(message: Message<'a>) -> Result<Message<'a>, Fault> {
    if message.class() == MessageClass::Success {
        return Ok(message);
    }
    let error = message.attribute::<ErrorCode>();
    let error =
        error.map_err(|error| Fault::Malformed { said: format!("an error response without a code: {error}") })?;
    Err(Fault::Error { code: error.code(), reason: error.reason().to_owned() })
}
