//! An allocation and what is asked for it (RFC 8656). A probe ends before anything must be refreshed.

use std::net::SocketAddr;

use bytes::Bytes;
use stun_types::AddressFamily;
use stun_types::attribute::{AttributeWrite, Nonce, Realm, Software, Username, XorMappedAddress};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageIntegrityCredentials, MessageWrite as _,
    MessageWriteExt as _, MessageWriteVec, Method, StunWriteError, TransactionId,
};
use turn_types::attribute::{
    ChannelNumber, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress, XorRelayedAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};

use crate::bounds::Bounds;
use crate::credentials::Credentials;
use crate::fault::Fault;
use crate::link::Link;
use crate::request::{parse, success, transact};

/// A client of a TURN server.
pub(super) struct Session {
    pub(super) link: Link,
    challenge: Option<Challenge>,
}

/// What a server's 401 gives a client to sign with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    nonce: String,
}

/// What a granted allocation says.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) relayed: SocketAddr,
    pub(super) mapped: Option<SocketAddr>,
    pub(super) lifetime_secs: Option<u32>,
    pub(super) software: Option<String>,
}

/// RFC 8656 §18.6: the protocol number of UDP.
const UDP: u8 = 17;

/// Sendings of one request with a new nonce each: a stale one is normal once.
const NONCES_MAX: u32 = 3;

impl Session {
    pub(super) fn new(link: Link) -> Self {
        Self { link, challenge: None }
    }

    /// Asks without credentials. A server that asks for some answers 401 with realm and nonce.
    pub(super) async fn challenge(&mut self, bounds: Bounds<'_>) -> Result<Option<Challenge>, Fault> {
        let mut request = Message::builder_request(ALLOCATE, MessageWriteVec::new());
        request.add_attribute(&RequestedTransport::new(UDP)).map_err(unwritable)?;
        let transaction = request.transaction_id();
        let answered = transact(&mut self.link, &request.finish(), transaction, bounds).await?;
        match success(parse(&answered.bytes)?) {
            Ok(_) => Ok(None),
            Err(Fault::Error { code: 401, .. }) => {
                let challenge = Challenge::of(&parse(&answered.bytes)?)?;
                self.challenge = Some(challenge.clone());
                Ok(Some(challenge))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Takes an allocation, of a family if one is named.
    pub(super) async fn allocate(
        &mut self,
        credentials: &Credentials,
        family: Option<AddressFamily>,
        bounds: Bounds<'_>,
    ) -> Result<Granted, Fault> {
        let (transport, family) = (RequestedTransport::new(UDP), family.map(RequestedAddressFamily::new));
        let mut attributes: Vec<&dyn AttributeWrite> = vec![&transport];
        attributes.extend(family.as_ref().map(|family| family as &dyn AttributeWrite));
        let bytes = self.signed(ALLOCATE, credentials, None, &attributes, bounds).await?;
        let message = parse(&bytes)?;
        let relayed = message.attribute::<XorRelayedAddress>();
        let relayed = relayed.map_err(|error| Fault::Malformed { said: format!("no XOR-RELAYED-ADDRESS: {error}") })?;
        let transaction = message.transaction_id();
        Ok(Granted {
            relayed: relayed.addr(transaction),
            mapped: message.attribute::<XorMappedAddress>().ok().map(|mapped| mapped.addr(transaction)),
            lifetime_secs: message.attribute::<Lifetime>().ok().map(|lifetime| lifetime.seconds()),
            software: message.attribute::<Software>().ok().map(|software| software.software().to_owned()),
        })
    }

    /// Asks that `peer` may send to the relayed address, and be sent to.
    pub(super) async fn permit(
        &mut self,
        credentials: &Credentials,
        peer: SocketAddr,
        bounds: Bounds<'_>,
    ) -> Result<(), Fault> {
        self.signed(CREATE_PERMISSION, credentials, Some(peer), &[], bounds).await.map(drop)
    }

    /// Asks that a channel stand for `peer`.
    pub(super) async fn bind(
        &mut self,
        credentials: &Credentials,
        channel: u16,
        peer: SocketAddr,
        bounds: Bounds<'_>,
    ) -> Result<(), Fault> {
        self.signed(CHANNEL_BIND, credentials, Some(peer), &[&ChannelNumber::new(channel)], bounds).await.map(drop)
    }

    /// Gives the allocation back. Whether it could does not matter to a probe: it ends by itself.
    pub(super) async fn free(mut self, credentials: &Credentials, bounds: Bounds<'_>) {
        drop(self.signed(REFRESH, credentials, None, &[&Lifetime::new(0)], bounds).await);
    }

    /// Sends a signed request and returns its signed success response; takes a new nonce when the old one is stale.
    async fn signed(
        &mut self,
        method: Method,
        credentials: &Credentials,
        peer: Option<SocketAddr>,
        attributes: &[&dyn AttributeWrite],
        bounds: Bounds<'_>,
    ) -> Result<Bytes, Fault> {
        let mut left = NONCES_MAX;
        loop {
            let challenge = match self.challenge.clone() {
                Some(challenge) => challenge,
                None => self.challenge(bounds).await?.ok_or_else(Challenge::missing)?,
            };
            let request = Request { method, peer, attributes };
            let key = challenge.key(credentials);
            let (bytes, transaction) = request.encode(&challenge, &key, credentials).map_err(unwritable)?;
            let answered = transact(&mut self.link, &bytes, transaction, bounds).await?;
            let message = parse(&answered.bytes)?;
            left -= 1;
            match success(parse(&answered.bytes)?) {
                // RFC 8489 §9.2.5: an unsigned success is to be discarded.
                Ok(_) if message.validate_integrity(&key).is_err() => return Err(Fault::Unsigned),
                Ok(_) => return Ok(answered.bytes),
                Err(Fault::Error { code: 438, .. }) if left > 0 => self.challenge = Some(Challenge::of(&message)?),
                Err(fault) => return Err(fault),
            }
        }
    }
}

/// A request that has not been written yet.
struct Request<'a> {
    method: Method,
    peer: Option<SocketAddr>,
    attributes: &'a [&'a dyn AttributeWrite],
}

impl Request<'_> {
    fn encode(
        &self,
        challenge: &Challenge,
        key: &MessageIntegrityCredentials,
        credentials: &Credentials,
    ) -> Result<(Vec<u8>, TransactionId), StunWriteError> {
        let mut message = Message::builder_request(self.method, MessageWriteVec::new());
        let transaction = message.transaction_id();
        for attribute in self.attributes {
            message.add_attribute(*attribute)?;
        }
        if let Some(peer) = self.peer {
            message.add_attribute(&XorPeerAddress::new(peer, transaction))?;
        }
        message.add_attribute(&Username::new(&credentials.username)?)?;
        message.add_attribute(&Realm::new(&challenge.realm)?)?;
        message.add_attribute(&Nonce::new(&challenge.nonce)?)?;
        message.add_message_integrity(key, IntegrityAlgorithm::Sha1)?;
        Ok((message.finish(), transaction))
    }
}

impl Challenge {
    fn of(message: &Message<'_>) -> Result<Self, Fault> {
        let (Ok(realm), Ok(nonce)) = (message.attribute::<Realm>(), message.attribute::<Nonce>()) else {
            return Err(Fault::Malformed { said: "a challenge without REALM and NONCE".to_owned() });
        };
        Ok(Self { realm: realm.realm().to_owned(), nonce: nonce.nonce().to_owned() })
    }

    fn missing() -> Fault {
        Fault::Malformed { said: "an unsigned Allocate was granted, so there is no realm to sign with".to_owned() }
    }

    fn key(&self, credentials: &Credentials) -> MessageIntegrityCredentials {
        let (username, password) = (credentials.username.clone(), credentials.password().to_owned());
        LongTermKeyCredentials::new(username, password, self.realm.clone()).into()
    }
}

/// The server's realm or nonce, or the user's name, is longer than its attribute may be.
fn unwritable(error: StunWriteError) -> Fault {
    Fault::Malformed { said: format!("the request cannot be written: {error}") }
}
