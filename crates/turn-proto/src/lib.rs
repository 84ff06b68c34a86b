//! TURN server state machine with its own zero-copy STUN codec.
//!
//! The driver mutates, drains [`Output`] until [`Output::Wait`], mutates again. Relayed data does not pass through
//! [`Output`]: the fast calls of [`TurnServer`] say where a payload goes and the driver sends the bytes it holds.
//!
//! - [x] RFC 8489 STUN: Binding, long-term credentials with MESSAGE-INTEGRITY, FINGERPRINT
//! - [x] RFC 8489: MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHMS with bid-down protection
//! - [x] RFC 8489: ALTERNATE-SERVER, ALTERNATE-DOMAIN
//! - [x] RFC 8489: USERHASH
//! - [x] RFC 8656 TURN over UDP, TCP and TLS, relayed addresses of both families
//! - [x] RFC 8656: EVEN-PORT, RESERVATION-TOKEN, DONT-FRAGMENT
//! - [x] RFC 8656: ADDITIONAL-ADDRESS-FAMILY
//! - [ ] RFC 8656: ICMP
//! - [x] RFC 8016 mobility
//! - [ ] RFC 6062 TCP allocations, RFC 7635 third-party authorization, RFC 5780 discovery
//!
//! Clause by clause, with the test of each: `docs/protocols/turn.md`.

mod address;
mod allocation;
mod alternate;
mod api;
mod attribute;
mod bandwidth;
mod builder;
mod challenge_cap;
mod channel;
mod channel_data;
mod classic;
mod dual;
mod end_cause;
mod error_code;
mod five_tuple_key;
mod indication_ids;
mod inline_list;
mod integrity;
mod ip_range;
mod kept_binding;
mod key;
mod message;
mod mobility;
mod mobility_ticket;
mod nonce;
mod options;
mod peer_filter;
mod peer_policy;
mod pending;
mod permission;
mod rate;
mod recent_refreshes;
mod reservation;
mod send_indication;
mod server;
mod shared_counts;
mod slots;
mod stats;
mod stream_framing;
mod timers;
mod user_count;

pub use address::{AddressFamily, ClientAddr, FiveTuple, PeerAddr, RelayedAddr, Transport};
pub use alternate::{Alternate, Alternates, Redirect};
pub use api::{
    AllocationKey, Deadline, DropReason, Event, Forward, FoundUser, FromClient, FromPeer, Input, KeyRefusal, OpenError,
    Opened, Output, PeerHeader, PortWish, RequestId, Route,
};
pub use attribute::{Attribute, AttributeError, AttributeType, TypeList};
pub use builder::MessageBuilder;
pub use channel_data::ChannelData;
pub use end_cause::EndCause;
pub use error_code::ErrorCode;
pub use ip_range::{IpRange, IpRangeError};
pub use kept_binding::KeptBinding;
pub use key::{Key, Keys, PasswordAlgorithm};
pub use message::{Class, DecodeError, MAGIC_COOKIE, Message, Method, RawAttribute, TransactionId};
pub use mobility::MoveRefusal;
pub use options::{Lifetimes, Limits, NonceSecret, Options, RelayAddress};
pub use peer_policy::PeerPolicy;
pub use reservation::ReservationToken;
pub use server::{Session, TurnServer};
pub use shared_counts::SharedCounts;
pub use stats::{Limited, RequestKind, Stats, Traffic};
pub use stream_framing::{Frame, FramingError, next_frame};
pub use user_count::user_of;
