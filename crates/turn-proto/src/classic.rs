//! STUN as it was before its cookie (RFC 3489), as far as devices behind NAT speak it to keep a binding open and to learn where it
//! is (TR-069 Amendment 6 Annex G): a Binding request and its answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::attribute::AttributeType;
use crate::message::{HEADER_LEN, MAGIC_COOKIE, RawAttribute, padded, read_attribute};

/// RFC 3489 §11.1: Binding request.
const BINDING_REQUEST: u16 = 0x0001;
/// RFC 3489 §11.1: Binding response.
const BINDING_RESPONSE: u16 = 0x0101;
/// RFC 3489 §11.1: Binding error response.
const BINDING_ERROR: u16 = 0x0111;
/// RFC 3489 §11.2.1
const MAPPED_ADDRESS: u16 = 0x0001;
/// RFC 3489 §11.2.2
const RESPONSE_ADDRESS: u16 = 0x0002;
/// RFC 3489 §11.2.4
const CHANGE_REQUEST: u16 = 0x0003;
/// RFC 3489 §11.2.11
const REFLECTED_FROM: u16 = 0x000B;
/// Names of attributes that an error tells at most: an answer stays small.
const UNKNOWN_NAMED_MAX: usize = 8;

/// A Binding request without a cookie: its header and the bounds of its attributes have been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassicRequest<'a> {
    bytes: &'a [u8],
}

/// What is answered to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClassicAnswer {
    /// Where to: the client, or another port of its address that it named (RESPONSE-ADDRESS).
    pub(crate) to: SocketAddr,
    /// One whole message.
    pub(crate) bytes: Vec<u8>,
    /// Whether it says 420.
    pub(crate) is_error: bool,
}

impl<'a> ClassicRequest<'a> {
    /// `None`: these bytes are something else.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (header, body) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, ..] = *header;
        let is_classic = u32::from_be_bytes([c0, c1, c2, c3]) != MAGIC_COOKIE;
        let fits = usize::from(u16::from_be_bytes([l0, l1])) == body.len() && body.len().is_multiple_of(4);
        if u16::from_be_bytes([t0, t1]) != BINDING_REQUEST || !is_classic || !fits {
            return None;
        }
        let mut at = HEADER_LEN;
        while at < bytes.len() {
            at = padded(read_attribute(bytes, at)?.range().end);
        }
        Some(Self { bytes })
    }

    /// The value of the first attribute of this kind.
    pub(crate) fn find(&self, kind: AttributeType) -> Option<&'a [u8]> {
        self.attributes().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value)
    }

    fn attributes(&self) -> impl Iterator<Item = RawAttribute<'a>> + use<'a> {
        let bytes = self.bytes;
        let mut at = HEADER_LEN;
        std::iter::from_fn(move || {
            let attribute = read_attribute(bytes, at)?;
            at = padded(attribute.range().end);
            Some(attribute)
        })
    }

    /// The answer to `client`, which is where the request came from.
    ///
    /// Another port of its own address may be named, as a device does to find out how long its binding lives (Annex G.2.1.1); with
    /// another address anybody could have us send to anybody, so that is not understood. Neither is a wish to be answered from
    /// another address or port of ours.
    pub(crate) fn answer(&self, client: SocketAddr) -> ClassicAnswer {
        let mut to = client;
        let mut unknown = Vec::new();
        for attribute in self.attributes() {
            let is_understood = match attribute.kind.0 {
                RESPONSE_ADDRESS => match plain_address(attribute.value) {
                    Some(named) if named.ip() == client.ip() && named.port() != 0 => {
                        to = named;
                        true
                    }
                    _ => false,
                },
                CHANGE_REQUEST => attribute.value == [0; 4],
                // Nothing here is anybody's secret, so who it is and what proves that are passed over.
                kind => !AttributeType(kind).is_comprehension_required() || matches!(kind, 0x0001..=0x000B),
            };
            if !is_understood && !unknown.contains(&attribute.kind.0) && unknown.len() < UNKNOWN_NAMED_MAX {
                unknown.push(attribute.kind.0);
            }
        }
        if unknown.is_empty() { self.succeed(client, to) } else { self.refuse(client, unknown) }
    }

    fn succeed(&self, client: SocketAddr, to: SocketAddr) -> ClassicAnswer {
        let mut body = Vec::with_capacity(48);
        push(&mut body, MAPPED_ADDRESS, &plain_value(client));
        if to != client {
            push(&mut body, REFLECTED_FROM, &plain_value(client));
        }
        ClassicAnswer { to, bytes: self.message(BINDING_RESPONSE, &body), is_error: false }
    }

    /// RFC 3489 §8.1: 420 with UNKNOWN-ATTRIBUTES, whose length is a multiple of four, so that one is told twice if need be.
    fn refuse(&self, client: SocketAddr, mut unknown: Vec<u16>) -> ClassicAnswer {
        if unknown.len() % 2 == 1 {
            unknown.extend(unknown.last().copied());
        }
        let named: Vec<u8> = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        let mut body = Vec::with_capacity(40);
        push(&mut body, AttributeType::ERROR_CODE.0, b"\0\0\x04\x14");
        push(&mut body, AttributeType::UNKNOWN_ATTRIBUTES.0, &named);
        ClassicAnswer { to: client, bytes: self.message(BINDING_ERROR, &body), is_error: true }
    }

    fn message(&self, kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + body.len());
        bytes.extend_from_slice(&kind.to_be_bytes());
        // Six short attributes at most.
        bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
        // The transaction id has all sixteen bytes.
        bytes.extend_from_slice(self.bytes.get(4..HEADER_LEN).unwrap_or_default());
        bytes.extend_from_slice(body);
        bytes
    }
}

fn push(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend_from_slice(&kind.to_be_bytes());
    body.extend_from_slice(&(value.len() as u16).to_be_bytes());
    body.extend_from_slice(value);
}

/// RFC 3489 §11.2.1: an address as it is. Family 2 is of RFC 5389, which no client of the old kind is met by but over IPv6.
fn plain_value(address: SocketAddr) -> Vec<u8> {
    let mut value = vec![0, if address.is_ipv4() { 1 } else { 2 }];
    value.extend_from_slice(&address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => value.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => value.extend_from_slice(&ip.octets()),
    }
    value
}

fn plain_address(value: &[u8]) -> Option<SocketAddr> {
    let [_, family, high, low, address @ ..] = value else { return None };
    let ip: IpAddr = match family {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).into(),
        2 => Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([*high, *low])))
}
