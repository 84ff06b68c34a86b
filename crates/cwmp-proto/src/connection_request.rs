//! How an ACS asks a CPE for a session (TR-069 Amendment 6 §3.2.2, Annexes G and K), as pure code: what is to be sent, and what
//! the answer means. Whoever asks still waits for the Inform with `6 CONNECTION REQUEST`: only that says the CPE came.
//!
//! - [`http`]: a GET of the CPE's ConnectionRequestURL, authenticated by Digest.
//! - [`udp`]: a signed datagram to a CPE behind NAT (Annex G), both ends.
//! - [`xmpp`]: an iq through an XMPP server, as one of its components (Annex K, XEP-0114).

pub mod http;
pub mod udp;
pub mod xmpp;

mod host;
mod verdict;

pub use host::Host;
pub use verdict::Verdict;
