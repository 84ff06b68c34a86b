use std::net::SocketAddr;
use std::ops::Range;

use crate::attribute::Attribute;
use crate::message::{Class, Message, Method};

/// Data for a peer, with the peer's address in full (RFC 8656 §11.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendIndication {
    pub(crate) peer: SocketAddr,
    /// Where the payload lies in the message.
    pub(crate) payload: Range<usize>,
    pub(crate) dont_fragment: bool,
}

impl SendIndication {
    /// `None` if it is not well formed, lacks address or data, or has an attribute that must be understood and is not
    /// (RFC 8489 §6.3.2).
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let message = Message::decode(bytes).ok()?;
        if (message.class(), message.method()) != (Class::Indication, Method::SEND) {
            return None;
        }
        let (mut peer, mut payload, mut dont_fragment) = (None, None, false);
        for raw in message.attributes() {
            match Attribute::decode(raw.kind, raw.value, message.transaction()).ok()? {
                Attribute::XorPeerAddress(address) => peer = peer.or(Some(address)),
                Attribute::Data(_) => payload = payload.or(Some(raw.range())),
                Attribute::DontFragment => dont_fragment = true,
                Attribute::Other(kind, _) if kind.is_comprehension_required() => return None,
                _ => {}
            }
        }
        let peer = peer.filter(|peer: &SocketAddr| peer.port() != 0)?;
        Some(Self { peer, payload: payload?, dont_fragment })
    }
}
