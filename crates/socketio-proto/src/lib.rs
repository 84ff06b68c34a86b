//! Socket.IO v5 (protocol revision 5), the server's side of it, without sockets, clock or threads.
//!
//! - [`Packet`]: what a packet says, whichever parser wrote it; its arguments stay JSON, with the binary ones beside it
//! - [`JsonDecoder`], [`encode_json`]: the default parser, text with binary attachments behind it
//! - [`decode_msgpack`], [`encode_msgpack`]: the MessagePack parser, one binary message for each packet
//! - [`Connection`]: the namespaces and acknowledgements of one client
//!
//! The driver mutates ([`Connection::handle_input`]), drains ([`Connection::poll_output`]) to
//! [`ConnectionOutput::Wait`], mutates again. What goes to many clients is encoded once ([`Parser::encode`]) and does not
//! pass through their connections.
//!
//! Left out: custom parsers; revivers and replacers; recovery of a connection's state, which needs the rooms.
//!
//! The protocol is described at <https://github.com/socketio/socket.io/tree/main/docs/socket.io-protocol>; where that text
//! is silent, what Node's socket.io-parser 4.2 and socket.io-msgpack-parser 3.0 do counts.

mod arguments;
mod connection;
mod json_parser;
mod msgpack;
mod msgpack_parser;
mod ordered;
mod packet;
mod places;

pub use arguments::{Arguments, ArgumentsError};
pub use connection::{
    AckId, Connection, ConnectionFault, ConnectionInput, ConnectionOptions, ConnectionOutput, Parser,
};
pub use json_parser::{JsonDecoder, encode_json};
pub use msgpack_parser::{decode_msgpack, encode_msgpack};
pub use packet::{Limits, Packet, PacketError, PacketKind};
