//! Engine.IO v4 (protocol revision 4), the server's side of it, without sockets, clock or threads.
//!
//! - packets as WebSocket frames ([`Packet`]) and as bodies of HTTP long polling ([`decode_payload`],
//!   [`encode_payload`]); binary ones as text for clients that ask for it ([`encode_as_text`])
//! - the handshake ([`Handshake`]) and the answers to requests that begin or continue no session ([`Refusal`])
//! - one session ([`Session`]): heartbeat, polling, upgrade from polling to WebSocket, its end with a reason
//!
//! The driver mutates ([`Session::handle_input`]), drains ([`Session::poll_output`]) to [`Output::Wait`], mutates
//! again. It keeps the table of sessions by their id, and the HTTP requests that wait.
//!
//! Left out: revision 3 (`EIO=3`), JSONP, compression, WebTransport.
//!
//! The protocol is described at <https://github.com/socketio/socket.io/tree/main/docs/engine.io-protocol>; where that
//! text is silent, what Node's engine.io 6.6 does counts.

mod handshake;
mod options;
mod packet;
mod payload;
mod refusal;
mod session;

pub use handshake::{Handshake, TransportKind};
pub use options::Options;
pub use packet::{Packet, PacketError};
pub use payload::{decode_payload, encode_as_text, encode_payload};
pub use refusal::Refusal;
pub use session::{CloseReason, Input, Output, Session};
