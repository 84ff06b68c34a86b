//! The connection request over UDP (TR-069 Amendment 6 Annex G): one datagram that looks like the first line of an HTTP request,
//! signed with the ConnectionRequestPassword, through a NAT binding that the CPE keeps open by STUN (RFC 3489).
//!
//! ```text
//! GET http://198.51.100.7:8080?ts=1120673700&id=1234&un=CPE57689&cn=XTGRWIPC6D3IPXS3&sig=<40 hex digits> HTTP/1.1
//! ```
//!
//! `sig` is HMAC-SHA1 over `ts`, `id`, `un` and `cn`, one after the other, as they are before they are escaped. Nothing comes back:
//! datagrams get lost, so an ACS sends several copies of the same.

mod address;
mod datagram;
mod order;

pub use address::{AddressOffence, UdpAddress};
pub use datagram::{BYTES_MAX, UdpOffence, UdpRequest};
pub use order::{MessageOrder, StaleMessage, Stamp, Stamps};

/// Annex G.2.1.1: how many copies an ACS sends.
pub const COPIES: usize = 3;

/// The STUN attribute by which a CPE marks the binding that it wants requests on (Annex G.2.1.3).
pub const CONNECTION_REQUEST_BINDING: u16 = 0xc001;

/// The value of [`CONNECTION_REQUEST_BINDING`], always this.
pub const CONNECTION_REQUEST_BINDING_VALUE: [u8; 20] = *b"dslforum.org/TR-111 ";

/// The STUN attribute, without a value, by which a CPE says that its binding has changed (Annex G.2.1.3).
pub const BINDING_CHANGE: u16 = 0xc002;
