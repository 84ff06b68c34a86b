//! What carries a peer's packets between us and a TURN server: ChannelData, Send and Data (RFC 8656 §11, §12.4).
//!
//! Written and read by hand: this is every packet, and nothing here allocates once the buffer has grown.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// RFC 8489 §5: the header of a STUN message.
const STUN_HEADER: usize = 20;
/// RFC 8656 §12.4: the header of ChannelData.
pub(super) const CHANNEL_HEADER: usize = 4;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const SEND_INDICATION: u16 = 0x0016;
const DATA_INDICATION: u16 = 0x0017;
/// Longer payloads do not fit into the message beside what goes with them.
pub(super) const PAYLOAD_MAX: usize = 65_000;

/// Writes ChannelData. On a stream it is padded to four bytes (§12.5).
pub(super) fn write_channel_data(into: &mut Vec<u8>, channel: u16, payload: &[u8], is_stream: bool) {
    into.clear();
    into.extend(channel.to_be_bytes());
    into.extend(length(payload.len()));
    into.extend(payload);
    if is_stream {
        into.resize(into.len().next_multiple_of(4), 0);
    }
}

/// Writes a Send indication. `transaction` need not be unforeseeable: nobody answers it.
pub(super) fn write_send_indication(into: &mut Vec<u8>, transaction: [u8; 12], peer: SocketAddr, payload: &[u8]) {
    into.clear();
    into.extend(SEND_INDICATION.to_be_bytes());
    into.extend([0; 2]);
    into.extend(COOKIE);
    into.extend(transaction);
    into.extend(XOR_PEER_ADDRESS.to_be_bytes());
    let port = peer.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    match peer.ip() {
        IpAddr::V4(ip) => {
            into.extend([0, 8, 0, 1]);
            into.extend(port.to_be_bytes());
            into.extend(ip.octets().iter().zip(COOKIE).map(|(byte, mask)| byte ^ mask));
        }
        IpAddr::V6(ip) => {
            into.extend([0, 20, 0, 2]);
            into.extend(port.to_be_bytes());
            let mask = COOKIE.into_iter().chain(transaction);
            into.extend(ip.octets().iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        }
    }
    into.extend(DATA.to_be_bytes());
    into.extend(length(payload.len()));
    into.extend(payload);
    into.resize(into.len().next_multiple_of(4), 0);
    let body = length(into.len() - STUN_HEADER);
    into[2..4].copy_from_slice(&body);
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// The number and payload of ChannelData.
pub(super) fn read_channel_data(bytes: &[u8]) -> Option<(u16, Range<usize>)> {
    let header = bytes.first_chunk::<CHANNEL_HEADER>()?;
    let channel = u16::from_be_bytes([header[0], header[1]]);
    let end = CHANNEL_HEADER + usize::from(u16::from_be_bytes([header[2], header[3]]));
    ((0x4000..=0x4fff).contains(&channel) && end <= bytes.len()).then_some((channel, CHANNEL_HEADER..end))
}

/// Whether it is a Data indication, whatever is in it.
pub(super) fn is_data_indication(bytes: &[u8]) -> bool {
    bytes.len() >= STUN_HEADER && bytes[..2] == DATA_INDICATION.to_be_bytes() && bytes[4..8] == COOKIE
}

/// The peer and the payload of a Data indication.
pub(super) fn read_data_indication(bytes: &[u8]) -> Option<(SocketAddr, Range<usize>)> {
    let (mut peer, mut payload) = (None, None);
    let end = STUN_HEADER + usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
    if !is_data_indication(bytes) || end > bytes.len() {
        return None;
    }
    let mut at = STUN_HEADER;
    while at + 4 <= end {
        let kind = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let value = at + 4..at + 4 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if value.end > end {
            return None;
        }
        match kind {
            XOR_PEER_ADDRESS => peer = Some(read_address(&bytes[value.clone()], &bytes[4..STUN_HEADER])?),
            DATA => payload = Some(value.clone()),
            // RFC 8489 §6.3.2: an indication with what must be understood and is not is discarded.
            0..0x8000 => return None,
            _ => {}
        }
        at = value.end.next_multiple_of(4);
    }
    Some((peer?, payload?))
}

fn read_address(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let (header, ip) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([header[2] ^ mask[0], header[3] ^ mask[1]]);
    let ip: IpAddr = match (header[1], ip.len()) {
        (1, 4) => unmask::<4>(ip, mask).into(),
        (2, 16) => unmask::<16>(ip, mask).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn unmask<const N: usize>(ip: &[u8], mask: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, (ip, mask)) in bytes.iter_mut().zip(ip.iter().zip(mask)) {
        *byte = ip ^ mask;
    }
    bytes
}

/// The messages of a TCP or TLS connection, one after the other (§12.5, RFC 8489 §6.2.2).
#[derive(Debug, Default)]
pub(in super::super) struct Splitter {
    buffer: Vec<u8>,
    start: usize,
}

/// A stream whose next bytes begin no message.
#[derive(Debug)]
pub(in super::super) struct NotFramed;

impl Splitter {
    /// Adds what was read.
    pub(in super::super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend(bytes);
    }

    /// The next whole message.
    pub(in super::super) fn next(&mut self) -> Result<Option<&[u8]>, NotFramed> {
        let rest = &self.buffer[self.start..];
        let Some(header) = rest.first_chunk::<4>() else { return Ok(None) };
        let value = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let (message, whole) = match header[0] >> 6 {
            0b00 => (STUN_HEADER + value, STUN_HEADER + value),
            0b01 => (CHANNEL_HEADER + value, (CHANNEL_HEADER + value).next_multiple_of(4)),
            _ => return Err(NotFramed),
        };
        if rest.len() < whole {
            return Ok(None);
        }
        let start = self.start;
        self.start += whole;
        Ok(Some(&self.buffer[start..start + message]))
    }
}

#[cfg(test)]
mod tests {
    use stun_types::message::Message;
    use turn_types::attribute::{Data, XorPeerAddress};
    use turn_types::channel::ChannelData;

    use super::*;

    #[test]
    fn what_is_written_is_read_by_another_codec() {
        for peer in ["192.0.2.1:3000", "[2001:db8::7]:4000"] {
            let peer: SocketAddr = peer.parse().unwrap();
            for payload in [&b""[..], b"a", b"four", &[7; 1500]] {
                let mut bytes = vec![1; 9];
                write_send_indication(&mut bytes, *b"transaction!", peer, payload);
                let message = Message::from_bytes(&bytes).unwrap();
                assert_eq!(message.attribute::<XorPeerAddress>().unwrap().addr(message.transaction_id()), peer);
                assert_eq!(message.attribute::<Data<'_>>().unwrap().data(), payload);
                bytes[1] = 0x17;
                let (from, range) = read_data_indication(&bytes).unwrap();
                assert_eq!((from, &bytes[range]), (peer, payload));
                write_channel_data(&mut bytes, 0x4001, payload, true);
                let channel = ChannelData::parse(&bytes).unwrap();
                assert_eq!((channel.id(), channel.data()), (0x4001, payload));
                assert_eq!(read_channel_data(&bytes), Some((0x4001, 4..4 + payload.len())));
            }
        }
    }

    #[test]
    fn no_cut_or_changed_message_is_read_past_its_end() {
        let mut whole = vec![];
        write_send_indication(&mut whole, [3; 12], "[2001:db8::7]:4000".parse().unwrap(), b"payload");
        whole[1] = 0x17;
        for cut in 0..whole.len() {
            assert_eq!(read_data_indication(&whole[..cut]), None);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                if let Some((_, range)) = read_data_indication(&bytes) {
                    assert!(range.end <= bytes.len());
                }
            }
        }
        assert_eq!(read_channel_data(&[0x40, 1, 0, 5, 1]), None);
        assert_eq!(read_channel_data(&[0x50, 1, 0, 0]), None);
    }

    #[test]
    fn a_stream_is_cut_into_messages_wherever_it_was_torn() {
        let (mut channel, mut indication) = (vec![], vec![]);
        write_channel_data(&mut channel, 0x4000, b"12345", true);
        write_send_indication(&mut indication, [0; 12], "192.0.2.1:1".parse().unwrap(), b"abc");
        let stream = [&channel[..], &indication, &channel].concat();
        for torn in 1..stream.len() {
            let (mut splitter, mut messages) = (Splitter::default(), vec![]);
            for part in stream.chunks(torn) {
                splitter.push(part);
                while let Some(message) = splitter.next().unwrap() {
                    messages.push(message.to_vec());
                }
            }
            assert_eq!(messages, [&channel[..9], &indication, &channel[..9]]);
        }
        let mut splitter = Splitter::default();
        splitter.push(b"HTTP/1.1 400 Bad Request");
        assert!(splitter.next().is_ok_and(|message| message.is_none()) || splitter.next().is_err());
        let mut splitter = Splitter::default();
        splitter.push(&[0xff; 20]);
        assert!(splitter.next().is_err());
    }
}
