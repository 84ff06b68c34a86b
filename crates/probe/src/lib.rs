//! Tests a server from outside, as a client of it would find it: STUN (RFC 8489), TURN (RFC 8656) over UDP, TCP and TLS,
//! JSON signaling over WebSocket, Socket.IO (revision 5, on Engine.IO 4), offline-first sync, TR-069 (CWMP), USP controllers, and HTTP health; multicast DNS (RFC 6762) on this machine's own networks; and the NAT it is behind (RFC 5780). The server may be ours or
//! anybody's: the codec of STUN and TURN is `stun-types` and `turn-types`, written by others, and that of Socket.IO is this
//! crate's own, so that a probe is a second opinion on our own server too.
//!
//! Each probe gives a [`Report`]: findings in the order in which they were made, what was measured, one verdict. A server
//! that is down or refuses is a report whose answer is no. A [`ProbeError`] says that nothing could be asked.
//!
//! Every wait is bounded by [`Bounds::timeout`]. Left out: DTLS, RFC 6062 (TCP to peers), the lifetime of mappings (RFC 5780 §4.6).

mod api;
mod bounds;
mod credentials;
mod cwmp;
mod dial;
mod error;
mod fault;
mod finding;
mod framing;
mod health;
mod http;
mod ice_servers;
mod link;
mod mapped;
mod mdns;
mod nat;
mod report;
mod request;
mod run;
mod signal;
mod socketio;
mod spread;
mod stun;
mod sync;
mod trust;
mod turn;
mod uri;
mod usp;

pub use api::{ApiAnswer, ApiRequest, api};
pub use bounds::Bounds;
pub use credentials::Credentials;
pub use cwmp::{CwmpAsked, CwmpMeasured, cwmp};
pub use error::ProbeError;
pub use fault::Fault;
pub use finding::{Finding, Mark};
pub use health::{HealthMeasured, health};
pub use ice_servers::{IceServer, fetch_ice_servers};
pub use mapped::mapped_address;
pub use mdns::{MdnsMeasured, MdnsService, mdns};
pub use nat::{Dependence, FamilyMeasured, NatKind, NatMeasured, SeenBy, Way, nat};
pub use report::{Measured, Report};
pub use run::Step;
pub use signal::{SignalMeasured, signal};
pub use socketio::{Cors, Exchange, Handshake, Refused, SocketIo, SocketIoMeasured, socketio};
pub use spread::Spread;
pub use stun::{StunMeasured, stun};
pub use sync::{SyncAsked, SyncMeasured, sync};
pub use trust::Trust;
pub use turn::{EchoMeasured, Load, Relay, TurnMeasured, turn};
pub use uri::{ServerUri, Service, Transport, UriError};
pub use usp::{UspAsked, UspMeasured, usp};
