//! PROXY protocol version 2, the binary form: who a connection through a TCP proxy really is.
//!
//! Source: "The PROXY protocol", HAProxy Technologies, 2020/03/05, §2.2. Version 1 (text) is not read. Addresses
//! after the first (the destination) and TLVs are skipped; the checksum TLV is not verified, TCP has its own.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// What a PROXY v2 header says of the connection behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// The proxy speaks for itself (a health check), or does not know the client: the connection's own addresses
    /// count.
    Itself,
    /// The proxy relays this client.
    Client(SocketAddr),
}

/// Why bytes are no PROXY v2 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyHeaderError {
    /// The 12 bytes that every header begins with are others.
    #[error("the PROXY v2 signature is missing")]
    Signature,
    /// The version is not 2.
    #[error("PROXY protocol version {version}, expected 2")]
    Version {
        /// The upper four bits of byte 13.
        version: u8,
    },
    /// The command is neither LOCAL nor PROXY.
    #[error("unknown PROXY v2 command {command}")]
    Command {
        /// The lower four bits of byte 13.
        command: u8,
    },
    /// The transport is none that can carry a TCP listener's client.
    #[error("PROXY v2 family and transport {byte:#04x} cannot be a TCP client's")]
    Transport {
        /// Byte 14.
        byte: u8,
    },
    /// The header announces fewer bytes than its addresses take.
    #[error("PROXY v2 header of {actual} bytes is too short for its addresses, {expected} bytes")]
    Truncated {
        /// What the family needs.
        expected: usize,
        /// What the header announces.
        actual: usize,
    },
    /// The header announces more bytes than we read.
    #[error("PROXY v2 header of {actual} bytes exceeds {PAYLOAD_BYTES_MAX}")]
    TooLong {
        /// What the header announces.
        actual: usize,
    },
}

/// The fixed part: signature, version and command, family and transport, length.
///
/// ```text
///  0                        12  13  14      16
/// | 0D 0A 0D 0A 00 0D 0A ... |v c|f t| length | addresses, TLVs
/// ```
const FIXED_BYTES: usize = 16;
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The most bytes we take after the fixed part. §2.2 asks receivers for room for the addresses (216 bytes at most)
/// and some TLVs; client certificates' names and unique ids of real proxies fit well within 2 KiB.
const PAYLOAD_BYTES_MAX: usize = 2_048;
/// Source and destination address, source and destination port.
const TCP4_BYTES: usize = 4 + 4 + 2 + 2;
const TCP6_BYTES: usize = 16 + 16 + 2 + 2;

/// The fixed part, decoded: how much follows and how to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fixed {
    kind: Kind,
    payload_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Itself,
    Tcp4,
    Tcp6,
}

impl Fixed {
    fn decode(bytes: &[u8; FIXED_BYTES]) -> Result<Self, ProxyHeaderError> {
        if bytes[..12] != SIGNATURE {
            return Err(ProxyHeaderError::Signature);
        }
        let (version, command) = (bytes[12] >> 4, bytes[12] & 0x0f);
        if version != 2 {
            return Err(ProxyHeaderError::Version { version });
        }
        let kind = match (command, bytes[13]) {
            // LOCAL: the family is to be ignored.
            (0, _) => Kind::Itself,
            (1, 0x11) => Kind::Tcp4,
            (1, 0x21) => Kind::Tcp6,
            // Unspecified, or a client on the proxy's own Unix socket: no address that we could use.
            (1, 0x00 | 0x31) => Kind::Itself,
            (1, byte) => return Err(ProxyHeaderError::Transport { byte }),
            (command, _) => return Err(ProxyHeaderError::Command { command }),
        };
        let actual = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
        let expected = match kind {
            Kind::Itself => 0,
            Kind::Tcp4 => TCP4_BYTES,
            Kind::Tcp6 => TCP6_BYTES,
        };
        if actual < expected {
            return Err(ProxyHeaderError::Truncated { expected, actual });
        }
        if actual > PAYLOAD_BYTES_MAX {
            return Err(ProxyHeaderError::TooLong { actual });
        }
        Ok(Self { kind, payload_bytes: actual })
    }

    fn decode_payload(self, payload: &[u8]) -> Result<ProxyHeader, ProxyHeaderError> {
        let short = |expected| ProxyHeaderError::Truncated { expected, actual: payload.len() };
        match self.kind {
            Kind::Itself => Ok(ProxyHeader::Itself),
            Kind::Tcp4 => {
                let (ip, rest) = payload.split_first_chunk::<4>().ok_or(short(TCP4_BYTES))?;
                let port = source_port(rest, 4).ok_or(short(TCP4_BYTES))?;
                Ok(ProxyHeader::Client(SocketAddr::new(Ipv4Addr::from(*ip).into(), port)))
            }
            Kind::Tcp6 => {
                let (ip, rest) = payload.split_first_chunk::<16>().ok_or(short(TCP6_BYTES))?;
                let port = source_port(rest, 16).ok_or(short(TCP6_BYTES))?;
                Ok(ProxyHeader::Client(SocketAddr::new(Ipv6Addr::from(*ip).to_canonical(), port)))
            }
        }
    }
}

/// The source port stands behind the destination address.
fn source_port(rest: &[u8], destination_bytes: usize) -> Option<u16> {
    let port = rest.get(destination_bytes..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*port))
}

impl ProxyHeader {
    /// Decodes a header at the start of `bytes`; gives it and its length in bytes, `None` if `bytes` end too early.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as soon as the first 16 bytes show it.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProxyHeaderError> {
        let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED_BYTES>() else {
            let compared = bytes.len().min(SIGNATURE.len());
            if bytes[..compared] != SIGNATURE[..compared] {
                return Err(ProxyHeaderError::Signature);
            }
            return Ok(None);
        };
        let fixed = Fixed::decode(fixed)?;
        let Some(payload) = rest.get(..fixed.payload_bytes) else { return Ok(None) };
        Ok(Some((fixed.decode_payload(payload)?, FIXED_BYTES + fixed.payload_bytes)))
    }
}

/// Why no header could be read from a stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("reading the PROXY v2 header")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Malformed(#[from] ProxyHeaderError),
}

/// Reads one header and not a byte more: what follows belongs to TLS or to the protocol.
pub(crate) async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> Result<ProxyHeader, ReadError> {
    let mut fixed = [0; FIXED_BYTES];
    // The signature first: somebody who speaks HTTP or TLS is found out before 16 bytes are there.
    stream.read_exact(&mut fixed[..SIGNATURE.len()]).await?;
    if fixed[..SIGNATURE.len()] != SIGNATURE {
        return Err(ProxyHeaderError::Signature.into());
    }
    stream.read_exact(&mut fixed[SIGNATURE.len()..]).await?;
    let fixed = Fixed::decode(&fixed)?;
    let mut payload = vec![0; fixed.payload_bytes];
    stream.read_exact(&mut payload).await?;
    Ok(fixed.decode_payload(&payload)?)
}

#[cfg(test)]
mod tests;
