//! Socket.IO v5 (protocol revision 5), the server's side of it, without sockets, clock or threads.
//!
//! - [`Packet`]: what a packet says, whichever parser wrote it; its arguments stay JSON, with the binary ones beside it
//! - [`JsonDecoder`], [`encode_json`]: the default parser, text with binary attachments behind it
//! - [`decode_msgpack`], [`encode_msgpack`]: the MessagePack parser, one binary message for each packet
//!
//! Left out: custom parsers; revivers and replacers.
//!
//! The protocol is described at <https://github.com/socketio/socket.io/tree/main/docs/socket.io-protocol>; where that text
//! is silent, what Node's socket.io-parser 4.2 and socket.io-msgpack-parser 3.0 do counts.

mod arguments;
mod json_parser;
mod msgpack;
mod msgpack_parser;
mod packet;

pub use arguments::{Arguments, ArgumentsError};
pub use json_parser::{JsonDecoder, encode_json};
pub use msgpack_parser::{decode_msgpack, encode_msgpack};
pub use packet::{Limits, Packet, PacketError, PacketKind};
