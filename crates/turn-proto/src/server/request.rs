use std::net::SocketAddr;

use super::respond::{Refusal, ReplyTo};
use crate::attribute::{Attribute, AttributeType};
use crate::error_code::ErrorCode;
use crate::key::Key;
use crate::message::Message;
use crate::reservation::ReservationToken;

/// A request whose sender has proved to hold the key of `username`.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) message: Message<'a>,
    pub(super) username: &'a str,
    pub(super) key: Key,
    pub(super) reply_to: ReplyTo,
}

impl<'a> Request<'a> {
    /// Seconds.
    pub(super) fn lifetime(&self) -> Result<Option<u32>, Refusal> {
        match self.attribute(AttributeType::LIFETIME)? {
            Some(Attribute::Lifetime(secs)) => Ok(Some(secs)),
            _ => Ok(None),
        }
    }

    pub(super) fn requested_transport(&self) -> Result<u8, Refusal> {
        match self.attribute(AttributeType::REQUESTED_TRANSPORT)? {
            Some(Attribute::RequestedTransport(protocol)) => Ok(protocol),
            _ => Err(Refusal::new(ErrorCode::BadRequest, "no REQUESTED-TRANSPORT")),
        }
    }

    pub(super) fn requested_family(&self) -> Result<Option<u8>, Refusal> {
        match self.attribute(AttributeType::REQUESTED_ADDRESS_FAMILY)? {
            Some(Attribute::RequestedAddressFamily(family)) => Ok(Some(family)),
            _ => Ok(None),
        }
    }

    pub(super) fn additional_family(&self) -> Result<Option<u8>, Refusal> {
        let kind = AttributeType::ADDITIONAL_ADDRESS_FAMILY;
        let by_draft = || self.message.find(AttributeType::ADDITIONAL_ADDRESS_FAMILY_DRAFT);
        match self.message.find(kind).or_else(by_draft).map(|value| self.decode(kind, value)).transpose()? {
            Some(Attribute::AdditionalAddressFamily(family)) => Ok(Some(family)),
            _ => Ok(None),
        }
    }

    /// Whether EVEN-PORT is there and, if so, whether it asks to reserve the next port.
    pub(super) fn even_port(&self) -> Result<Option<bool>, Refusal> {
        match self.attribute(AttributeType::EVEN_PORT)? {
            Some(Attribute::EvenPort { reserve }) => Ok(Some(reserve)),
            _ => Ok(None),
        }
    }

    pub(super) fn reservation_token(&self) -> Result<Option<ReservationToken>, Refusal> {
        match self.attribute(AttributeType::RESERVATION_TOKEN)? {
            Some(Attribute::ReservationToken(token)) => Ok(Some(token)),
            _ => Ok(None),
        }
    }

    pub(super) fn mobility_ticket(&self) -> Option<&'a [u8]> {
        self.message.find(AttributeType::MOBILITY_TICKET)
    }

    pub(super) fn channel_number(&self) -> Result<u16, Refusal> {
        match self.attribute(AttributeType::CHANNEL_NUMBER)? {
            Some(Attribute::ChannelNumber(number)) => Ok(number),
            _ => Err(Refusal::new(ErrorCode::BadRequest, "no CHANNEL-NUMBER")),
        }
    }

    /// At least one.
    pub(super) fn peers(&self) -> Result<Vec<SocketAddr>, Refusal> {
        let mut peers = Vec::new();
        for raw in self.message.attributes().filter(|raw| raw.kind == AttributeType::XOR_PEER_ADDRESS) {
            if let Attribute::XorPeerAddress(peer) = self.decode(raw.kind, raw.value)? {
                peers.push(peer);
            }
        }
        if peers.is_empty() {
            return Err(Refusal::new(ErrorCode::BadRequest, "no XOR-PEER-ADDRESS"));
        }
        Ok(peers)
    }

    fn attribute(&self, kind: AttributeType) -> Result<Option<Attribute<'a>>, Refusal> {
        self.message.find(kind).map(|value| self.decode(kind, value)).transpose()
    }

    fn decode(&self, kind: AttributeType, value: &'a [u8]) -> Result<Attribute<'a>, Refusal> {
        Attribute::decode(kind, value, self.message.transaction())
            .map_err(|_| Refusal::new(ErrorCode::BadRequest, "an attribute that cannot be understood"))
    }
}
