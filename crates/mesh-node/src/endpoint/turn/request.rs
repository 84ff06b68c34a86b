use std::net::{IpAddr, SocketAddr};

use stun_types::AddressFamily;
use stun_types::message::{
    Message, MessageWrite as _, MessageWriteExt as _, MessageWriteVec, StunWriteError, TransactionId,
};
use turn_types::attribute::{
    AdditionalAddressFamily, ChannelNumber, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};

use super::LIFETIME_SECONDS;
use super::credential::Credential;
use crate::endpoint::retransmission::Retransmission;

/// Which relayed addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Families {
    /// RFC 8656 §7.1: IPv4, and IPv6 where the server has it.
    Both,
    /// What the server gives without being asked for a family: IPv4.
    First,
    /// IPv6 alone.
    V6,
}

impl Families {
    /// What to ask for after this was refused.
    pub(super) fn next(self) -> Option<Self> {
        match self {
            Self::Both => Some(Self::First),
            Self::First => Some(Self::V6),
            Self::V6 => None,
        }
    }
}

/// What is asked of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Allocate(Families),
    Refresh { seconds: u32 },
    Permit(Vec<IpAddr>),
    Bind(SocketAddr, u16),
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    pub(super) request: Request,
    pub(super) bytes: Vec<u8>,
    pub(super) retransmission: Retransmission,
    /// How often it was sent with another nonce.
    pub(super) nonces: u32,
    pub(super) is_signed: bool,
}

/// RFC 8656 §18.6: the protocol number of UDP.
const UDP: u8 = 17;

impl Request {
    pub(super) fn encode(&self, credential: &Credential) -> Result<(TransactionId, Vec<u8>), StunWriteError> {
        let method = match self {
            Self::Allocate(_) => ALLOCATE,
            Self::Refresh { .. } => REFRESH,
            Self::Permit(_) => CREATE_PERMISSION,
            Self::Bind(..) => CHANNEL_BIND,
        };
        let mut message = Message::builder_request(method, MessageWriteVec::new());
        let id = message.transaction_id();
        match self {
            Self::Allocate(families) => {
                message.add_attribute(&RequestedTransport::new(UDP))?;
                message.add_attribute(&Lifetime::new(LIFETIME_SECONDS))?;
                match families {
                    Families::Both => message.add_attribute(&AdditionalAddressFamily::new(AddressFamily::IPV6))?,
                    Families::First => {}
                    Families::V6 => message.add_attribute(&RequestedAddressFamily::new(AddressFamily::IPV6))?,
                }
            }
            Self::Refresh { seconds } => message.add_attribute(&Lifetime::new(*seconds))?,
            Self::Permit(ips) => {
                for ip in ips {
                    message.add_attribute(&XorPeerAddress::new(SocketAddr::new(*ip, 0), id))?;
                }
            }
            Self::Bind(peer, channel) => {
                message.add_attribute(&ChannelNumber::new(*channel))?;
                message.add_attribute(&XorPeerAddress::new(*peer, id))?;
            }
        }
        credential.sign(&mut message)?;
        Ok((id, message.finish()))
    }
}
