use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

use crate::message::{MAGIC_COOKIE, TransactionId};
use crate::reservation::ReservationToken;

/// The number of an attribute (RFC 8489 §18.3, RFC 8656 §18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u16);

impl AttributeType {
    /// USERNAME
    pub const USERNAME: Self = Self(0x0006);
    /// MESSAGE-INTEGRITY
    pub const MESSAGE_INTEGRITY: Self = Self(0x0008);
    /// ERROR-CODE
    pub const ERROR_CODE: Self = Self(0x0009);
    /// UNKNOWN-ATTRIBUTES
    pub const UNKNOWN_ATTRIBUTES: Self = Self(0x000A);
    /// CHANNEL-NUMBER
    pub const CHANNEL_NUMBER: Self = Self(0x000C);
    /// LIFETIME
    pub const LIFETIME: Self = Self(0x000D);
    /// XOR-PEER-ADDRESS
    pub const XOR_PEER_ADDRESS: Self = Self(0x0012);
    /// DATA
    pub const DATA: Self = Self(0x0013);
    /// REALM
    pub const REALM: Self = Self(0x0014);
    /// NONCE
    pub const NONCE: Self = Self(0x0015);
    /// XOR-RELAYED-ADDRESS
    pub const XOR_RELAYED_ADDRESS: Self = Self(0x0016);
    /// REQUESTED-ADDRESS-FAMILY
    pub const REQUESTED_ADDRESS_FAMILY: Self = Self(0x0017);
    /// EVEN-PORT
    pub const EVEN_PORT: Self = Self(0x0018);
    /// REQUESTED-TRANSPORT
    pub const REQUESTED_TRANSPORT: Self = Self(0x0019);
    /// DONT-FRAGMENT
    pub const DONT_FRAGMENT: Self = Self(0x001A);
    /// MESSAGE-INTEGRITY-SHA256
    pub const MESSAGE_INTEGRITY_SHA256: Self = Self(0x001C);
    /// PASSWORD-ALGORITHM
    pub const PASSWORD_ALGORITHM: Self = Self(0x001D);
    /// USERHASH
    pub const USERHASH: Self = Self(0x001E);
    /// ADDITIONAL-ADDRESS-FAMILY
    pub const ADDITIONAL_ADDRESS_FAMILY: Self = Self(0x8000);
    /// The number that ADDITIONAL-ADDRESS-FAMILY had in drafts of RFC 8656: coturn's client of Debian 12 asks by it.
    pub const ADDITIONAL_ADDRESS_FAMILY_DRAFT: Self = Self(0x8032);
    /// ADDRESS-ERROR-CODE
    pub const ADDRESS_ERROR_CODE: Self = Self(0x8001);
    /// PASSWORD-ALGORITHMS
    pub const PASSWORD_ALGORITHMS: Self = Self(0x8002);
    /// XOR-MAPPED-ADDRESS
    pub const XOR_MAPPED_ADDRESS: Self = Self(0x0020);
    /// RESERVATION-TOKEN
    pub const RESERVATION_TOKEN: Self = Self(0x0022);
    /// ALTERNATE-DOMAIN
    pub const ALTERNATE_DOMAIN: Self = Self(0x8003);
    /// ALTERNATE-SERVER
    pub const ALTERNATE_SERVER: Self = Self(0x8023);
    /// MOBILITY-TICKET (RFC 8016 §3.3)
    pub const MOBILITY_TICKET: Self = Self(0x8030);
    /// SOFTWARE
    pub const SOFTWARE: Self = Self(0x8022);
    /// FINGERPRINT
    pub const FINGERPRINT: Self = Self(0x8028);

    /// Whether this codec knows it.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(
            self,
            Self::USERNAME
                | Self::MESSAGE_INTEGRITY
                | Self::MESSAGE_INTEGRITY_SHA256
                | Self::PASSWORD_ALGORITHM
                | Self::USERHASH
                | Self::ADDITIONAL_ADDRESS_FAMILY
                | Self::ADDRESS_ERROR_CODE
                | Self::PASSWORD_ALGORITHMS
                | Self::ERROR_CODE
                | Self::UNKNOWN_ATTRIBUTES
                | Self::CHANNEL_NUMBER
                | Self::LIFETIME
                | Self::XOR_PEER_ADDRESS
                | Self::DATA
                | Self::REALM
                | Self::NONCE
                | Self::XOR_RELAYED_ADDRESS
                | Self::REQUESTED_ADDRESS_FAMILY
                | Self::EVEN_PORT
                | Self::REQUESTED_TRANSPORT
                | Self::DONT_FRAGMENT
                | Self::XOR_MAPPED_ADDRESS
                | Self::RESERVATION_TOKEN
                | Self::ALTERNATE_DOMAIN
                | Self::ALTERNATE_SERVER
                | Self::MOBILITY_TICKET
                | Self::SOFTWARE
                | Self::FINGERPRINT
        )
    }

    /// Whether a receiver that does not know it must refuse the message (RFC 8489 §14).
    #[must_use]
    pub const fn is_comprehension_required(self) -> bool {
        self.0 < 0x8000
    }
}

/// One attribute, understood. Strings and bytes are borrowed from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// At most 509 bytes (RFC 8489 §14.3).
    Username(&'a str),
    /// 300 to 699, and a phrase of at most 763 bytes (RFC 8489 §14.8).
    ErrorCode {
        /// Hundreds and rest put together.
        code: u16,
        /// For people.
        phrase: &'a str,
    },
    /// The SHA-256 of `user:realm`, instead of USERNAME (RFC 8489 §14.4).
    Userhash(&'a [u8; 32]),
    /// RFC 8489 §14.13
    UnknownAttributes(TypeList<'a>),
    /// RFC 8656 §18.1
    ChannelNumber(u16),
    /// Seconds (RFC 8656 §18.2).
    Lifetime(u32),
    /// RFC 8656 §18.3
    XorPeerAddress(SocketAddr),
    /// The payload (RFC 8656 §18.4).
    Data(&'a [u8]),
    /// At most 763 bytes (RFC 8489 §14.9).
    Realm(&'a str),
    /// At most 763 bytes (RFC 8489 §14.10).
    Nonce(&'a str),
    /// RFC 8656 §18.5
    XorRelayedAddress(SocketAddr),
    /// 0x01 for IPv4, 0x02 for IPv6, others not in use (RFC 8656 §18.6).
    RequestedAddressFamily(u8),
    /// The relayed port is to be even; `reserve` asks to keep the next one too (RFC 8656 §18.7).
    EvenPort {
        /// The R bit.
        reserve: bool,
    },
    /// A protocol number of IP: 17 for UDP (RFC 8656 §18.8).
    RequestedTransport(u8),
    /// Has no value (RFC 8656 §18.9).
    DontFragment,
    /// 0x02: an IPv6 relayed address besides the IPv4 one (RFC 8656 §18.11).
    AdditionalAddressFamily(u8),
    /// Why there is no relayed address of that family besides the one there is (RFC 8656 §18.12).
    AddressErrorCode {
        /// 0x01 for IPv4, 0x02 for IPv6.
        family: u8,
        /// 300 to 699.
        code: u16,
        /// For people; at most 763 bytes.
        phrase: &'a str,
    },
    /// RFC 8489 §14.2
    XorMappedAddress(SocketAddr),
    /// RFC 8656 §18.10
    ReservationToken(ReservationToken),
    /// At most 255 bytes (RFC 8489 §14.16).
    AlternateDomain(&'a str),
    /// In plain bytes, not XORed (RFC 8489 §14.15).
    AlternateServer(SocketAddr),
    /// Opaque to clients; empty to ask for one (RFC 8016 §3.3).
    MobilityTicket(&'a [u8]),
    /// At most 763 bytes (RFC 8489 §14.14).
    Software(&'a str),
    /// One that this codec does not know, or whose value it leaves as it is.
    Other(AttributeType, &'a [u8]),
}

/// Attribute numbers one after the other, two bytes each, as UNKNOWN-ATTRIBUTES holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeList<'a>(&'a [u8]);

impl<'a> TypeList<'a> {
    /// Of an even number of bytes; an odd one at the end is left out.
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        Self(&bytes[..bytes.len() & !1])
    }

    /// The numbers.
    pub fn iter(&self) -> impl Iterator<Item = AttributeType> + 'a {
        self.0.chunks_exact(2).map(|pair| AttributeType(u16::from_be_bytes([pair[0], pair[1]])))
    }
}

/// Why the value of an attribute cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AttributeError {
    /// Too short or too long for its kind.
    #[error("attribute {kind:?} has {actual} bytes")]
    Length {
        /// Which.
        kind: AttributeType,
        /// Bytes of its value.
        actual: usize,
    },
    /// A text that is not UTF-8.
    #[error("attribute {kind:?} is not UTF-8")]
    NotUtf8 {
        /// Which.
        kind: AttributeType,
    },
    /// An address of neither family.
    #[error("attribute {kind:?} has address family {family:#04x}")]
    Family {
        /// Which.
        kind: AttributeType,
        /// As sent.
        family: u8,
    },
    /// An error code out of 300 to 699.
    #[error("error class {class} and number {number} are out of range")]
    Code {
        /// The hundreds.
        class: u8,
        /// The rest.
        number: u8,
    },
}

/// RFC 8489 §14.3: a USERNAME is shorter than 509 bytes once encoded; 509 itself is let pass.
const USERNAME_MAX: usize = 509;
/// RFC 8489 §14.9, §14.10, §14.14: fewer than 128 characters, at most 763 bytes.
const TEXT_MAX: usize = 763;
/// RFC 8489 §14.16: a domain name has at most 255 bytes.
const DOMAIN_MAX: usize = 255;

impl<'a> Attribute<'a> {
    /// Understands the value of an attribute of a message with this transaction id.
    ///
    /// # Errors
    /// [`AttributeError`] if the value does not fit its kind.
    pub fn decode(kind: AttributeType, value: &'a [u8], transaction: TransactionId) -> Result<Self, AttributeError> {
        Ok(match kind {
            AttributeType::USERNAME => Self::Username(decode_text(kind, value, USERNAME_MAX)?),
            AttributeType::ERROR_CODE => {
                let (_, code, phrase) = decode_error_code(kind, value)?;
                Self::ErrorCode { code, phrase }
            }
            AttributeType::ADDRESS_ERROR_CODE => {
                let (family, code, phrase) = decode_error_code(kind, value)?;
                Self::AddressErrorCode { family, code, phrase }
            }
            AttributeType::USERHASH => {
                let length = AttributeError::Length { kind, actual: value.len() };
                Self::Userhash(value.try_into().map_err(|_| length)?)
            }
            AttributeType::ADDITIONAL_ADDRESS_FAMILY => {
                Self::AdditionalAddressFamily(decode_fixed::<4>(kind, value)?[0])
            }
            AttributeType::UNKNOWN_ATTRIBUTES if value.len().is_multiple_of(2) => {
                Self::UnknownAttributes(TypeList(value))
            }
            AttributeType::UNKNOWN_ATTRIBUTES => return Err(AttributeError::Length { kind, actual: value.len() }),
            AttributeType::CHANNEL_NUMBER => {
                let [high, low, _, _] = decode_fixed(kind, value)?;
                Self::ChannelNumber(u16::from_be_bytes([high, low]))
            }
            AttributeType::LIFETIME => Self::Lifetime(u32::from_be_bytes(decode_fixed(kind, value)?)),
            AttributeType::XOR_PEER_ADDRESS => Self::XorPeerAddress(decode_masked(kind, value, mask(transaction))?),
            AttributeType::DATA => Self::Data(value),
            AttributeType::REALM => Self::Realm(decode_text(kind, value, TEXT_MAX)?),
            AttributeType::NONCE => Self::Nonce(decode_text(kind, value, TEXT_MAX)?),
            AttributeType::XOR_RELAYED_ADDRESS => {
                Self::XorRelayedAddress(decode_masked(kind, value, mask(transaction))?)
            }
            AttributeType::REQUESTED_ADDRESS_FAMILY => Self::RequestedAddressFamily(decode_fixed::<4>(kind, value)?[0]),
            AttributeType::EVEN_PORT => {
                Self::EvenPort { reserve: decode_fixed::<1>(kind, value)?[0] & EVEN_PORT_RESERVE != 0 }
            }
            AttributeType::REQUESTED_TRANSPORT => Self::RequestedTransport(decode_fixed::<4>(kind, value)?[0]),
            AttributeType::DONT_FRAGMENT => {
                let [] = decode_fixed(kind, value)?;
                Self::DontFragment
            }
            AttributeType::XOR_MAPPED_ADDRESS => Self::XorMappedAddress(decode_masked(kind, value, mask(transaction))?),
            AttributeType::RESERVATION_TOKEN => Self::ReservationToken(ReservationToken(decode_fixed(kind, value)?)),
            AttributeType::ALTERNATE_DOMAIN => Self::AlternateDomain(decode_text(kind, value, DOMAIN_MAX)?),
            AttributeType::ALTERNATE_SERVER => Self::AlternateServer(decode_masked(kind, value, NO_MASK)?),
            AttributeType::MOBILITY_TICKET => Self::MobilityTicket(value),
            AttributeType::SOFTWARE => Self::Software(decode_text(kind, value, TEXT_MAX)?),
            AttributeType(_) => Self::Other(kind, value),
        })
    }

    /// Its number.
    #[must_use]
    pub const fn kind(&self) -> AttributeType {
        match self {
            Self::Username(_) => AttributeType::USERNAME,
            Self::Userhash(_) => AttributeType::USERHASH,
            Self::AdditionalAddressFamily(_) => AttributeType::ADDITIONAL_ADDRESS_FAMILY,
            Self::AddressErrorCode { .. } => AttributeType::ADDRESS_ERROR_CODE,
            Self::ErrorCode { .. } => AttributeType::ERROR_CODE,
            Self::UnknownAttributes(_) => AttributeType::UNKNOWN_ATTRIBUTES,
            Self::ChannelNumber(_) => AttributeType::CHANNEL_NUMBER,
            Self::Lifetime(_) => AttributeType::LIFETIME,
            Self::XorPeerAddress(_) => AttributeType::XOR_PEER_ADDRESS,
            Self::Data(_) => AttributeType::DATA,
            Self::Realm(_) => AttributeType::REALM,
            Self::Nonce(_) => AttributeType::NONCE,
            Self::XorRelayedAddress(_) => AttributeType::XOR_RELAYED_ADDRESS,
            Self::RequestedAddressFamily(_) => AttributeType::REQUESTED_ADDRESS_FAMILY,
            Self::EvenPort { .. } => AttributeType::EVEN_PORT,
            Self::RequestedTransport(_) => AttributeType::REQUESTED_TRANSPORT,
            Self::DontFragment => AttributeType::DONT_FRAGMENT,
            Self::XorMappedAddress(_) => AttributeType::XOR_MAPPED_ADDRESS,
            Self::ReservationToken(_) => AttributeType::RESERVATION_TOKEN,
            Self::AlternateDomain(_) => AttributeType::ALTERNATE_DOMAIN,
            Self::AlternateServer(_) => AttributeType::ALTERNATE_SERVER,
            Self::MobilityTicket(_) => AttributeType::MOBILITY_TICKET,
            Self::Software(_) => AttributeType::SOFTWARE,
            Self::Other(kind, _) => *kind,
        }
    }

    /// Appends the value alone: without header and padding.
    pub(crate) fn encode_value(&self, transaction: TransactionId, out: &mut Vec<u8>) {
        match *self {
            Self::Username(text)
            | Self::Realm(text)
            | Self::Nonce(text)
            | Self::AlternateDomain(text)
            | Self::Software(text) => {
                out.extend_from_slice(text.as_bytes());
            }
            Self::ErrorCode { code, phrase } => encode_error_code(0, code, phrase, out),
            Self::AddressErrorCode { family, code, phrase } => encode_error_code(family, code, phrase, out),
            Self::Userhash(hash) => out.extend_from_slice(hash),
            Self::UnknownAttributes(list) => out.extend_from_slice(list.0),
            Self::ChannelNumber(number) => {
                let [high, low] = number.to_be_bytes();
                out.extend_from_slice(&[high, low, 0, 0]);
            }
            Self::Lifetime(secs) => out.extend_from_slice(&secs.to_be_bytes()),
            Self::XorPeerAddress(address) | Self::XorRelayedAddress(address) | Self::XorMappedAddress(address) => {
                let (bytes, len) = encode_address(address, transaction);
                out.extend_from_slice(&bytes[..len]);
            }
            Self::AlternateServer(address) => {
                let (bytes, len) = encode_masked(address, NO_MASK);
                out.extend_from_slice(&bytes[..len]);
            }
            Self::RequestedAddressFamily(byte)
            | Self::AdditionalAddressFamily(byte)
            | Self::RequestedTransport(byte) => {
                out.extend_from_slice(&[byte, 0, 0, 0]);
            }
            Self::EvenPort { reserve } => out.push(if reserve { EVEN_PORT_RESERVE } else { 0 }),
            Self::ReservationToken(ReservationToken(bytes)) => out.extend_from_slice(&bytes),
            Self::DontFragment => {}
            Self::Data(bytes) | Self::MobilityTicket(bytes) | Self::Other(_, bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// RFC 8656 §18.7: the R bit is the first; the other seven are ignored.
const EVEN_PORT_RESERVE: u8 = 0x80;

/// The longest value of an XOR address: family, port and an IPv6 address.
pub(crate) const ADDRESS_MAX: usize = 20;

/// ```text
///  0        1        2                 4
/// +--------+--------+-----------------+----------------------------+
/// | 0      | family | port ^ cookie   | address ^ cookie (^ trans- |
/// |        | 1 or 2 | (upper 16 bits) | action id for IPv6)        |
/// +--------+--------+-----------------+----------------------------+
/// ```
pub(crate) fn encode_address(address: SocketAddr, transaction: TransactionId) -> ([u8; ADDRESS_MAX], usize) {
    encode_masked(address, mask(transaction))
}

fn encode_masked(address: SocketAddr, mask: u128) -> ([u8; ADDRESS_MAX], usize) {
    let mut bytes = [0; ADDRESS_MAX];
    bytes[2..4].copy_from_slice(&(address.port() ^ (mask >> 112) as u16).to_be_bytes());
    match address.ip() {
        IpAddr::V4(v4) => {
            bytes[1] = 0x01;
            bytes[4..8].copy_from_slice(&(v4.to_bits() ^ (mask >> 96) as u32).to_be_bytes());
            (bytes, 8)
        }
        IpAddr::V6(v6) => {
            bytes[1] = 0x02;
            bytes[4..].copy_from_slice(&(v6.to_bits() ^ mask).to_be_bytes());
            (bytes, ADDRESS_MAX)
        }
    }
}

fn decode_masked(kind: AttributeType, value: &[u8], mask: u128) -> Result<SocketAddr, AttributeError> {
    let wrong_length = AttributeError::Length { kind, actual: value.len() };
    let [_, family, port_high, port_low, address @ ..] = value else {
        return Err(wrong_length);
    };
    let port = u16::from_be_bytes([*port_high, *port_low]) ^ (mask >> 112) as u16;
    let ip = match *family {
        0x01 => {
            let bits = u32::from_be_bytes(address.try_into().map_err(|_| wrong_length)?);
            IpAddr::V4(Ipv4Addr::from_bits(bits ^ (mask >> 96) as u32))
        }
        0x02 => {
            let bits = u128::from_be_bytes(address.try_into().map_err(|_| wrong_length)?);
            IpAddr::V6(Ipv6Addr::from_bits(bits ^ mask))
        }
        family => return Err(AttributeError::Family { kind, family }),
    };
    Ok(SocketAddr::new(ip, port))
}

/// RFC 8489 §14.2: what an IPv6 address is XORed with; an IPv4 address with its first four bytes, a port with its first
/// two.
fn mask(transaction: TransactionId) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&transaction.0);
    u128::from_be_bytes(mask)
}

/// RFC 8489 §14.1, §14.15: an address as it is.
const NO_MASK: u128 = 0;

/// ERROR-CODE begins with a byte that is not used, ADDRESS-ERROR-CODE with the family (RFC 8656 §18.12).
fn encode_error_code(family: u8, code: u16, phrase: &str, out: &mut Vec<u8>) {
    // Below 8 and below 100, so that both fit a byte.
    out.extend_from_slice(&[family, 0, ((code / 100) & 0x7) as u8, (code % 100) as u8]);
    out.extend_from_slice(phrase.as_bytes());
}

fn decode_error_code(kind: AttributeType, value: &[u8]) -> Result<(u8, u16, &str), AttributeError> {
    let [family, _, class, number, phrase @ ..] = value else {
        return Err(AttributeError::Length { kind, actual: value.len() });
    };
    let class = class & 0x7;
    if !(3..=6).contains(&class) || *number > 99 {
        return Err(AttributeError::Code { class, number: *number });
    }
    let code = u16::from(class) * 100 + u16::from(*number);
    Ok((*family, code, decode_text(kind, phrase, TEXT_MAX)?))
}

fn decode_text(kind: AttributeType, value: &[u8], max: usize) -> Result<&str, AttributeError> {
    if value.len() > max {
        return Err(AttributeError::Length { kind, actual: value.len() });
    }
    std::str::from_utf8(value).map_err(|_| AttributeError::NotUtf8 { kind })
}

fn decode_fixed<const N: usize>(kind: AttributeType, value: &[u8]) -> Result<[u8; N], AttributeError> {
    value.try_into().map_err(|_| AttributeError::Length { kind, actual: value.len() })
}
