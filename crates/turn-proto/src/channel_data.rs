use std::ops::Range;

/// The header of relayed data on a channel (RFC 8656 §12.4).
///
/// ```text
///  0                 2                 4
/// +-----------------+-----------------+---------+
/// | channel number  | payload bytes   | payload |
/// +-----------------+-----------------+---------+
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelData {
    /// The channel: 0x4000 or above, whether anybody may bind it or not.
    pub number: u16,
    /// Where the payload lies in the message.
    pub payload: Range<usize>,
}

impl ChannelData {
    /// Bytes before the payload.
    pub const HEADER_LEN: usize = 4;

    /// Reads the header. Bytes beyond the payload are padding and do not count. `None` if the first two bits are not 01
    /// or the message is cut short.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let [n0, n1, l0, l1] = *bytes.first_chunk()?;
        let payload = Self::HEADER_LEN..Self::HEADER_LEN + usize::from(u16::from_be_bytes([l0, l1]));
        if n0 & 0xC0 != 0x40 || payload.end > bytes.len() {
            return None;
        }
        Some(Self { number: u16::from_be_bytes([n0, n1]), payload })
    }

    /// The header of a payload of this length.
    #[must_use]
    pub fn encode_header(number: u16, payload_len: u16) -> [u8; Self::HEADER_LEN] {
        let [n0, n1] = number.to_be_bytes();
        let [l0, l1] = payload_len.to_be_bytes();
        [n0, n1, l0, l1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_written() {
        let bytes = [0x40, 0x01, 0x00, 0x02, 0xAA, 0xBB];
        assert_eq!(ChannelData::encode_header(0x4001, 2), bytes[..4]);
        assert_eq!(ChannelData::decode(&bytes), Some(ChannelData { number: 0x4001, payload: 4..6 }));
    }

    #[test]
    fn padding_is_no_payload_and_a_short_message_is_none_at_all() {
        let bytes = [0x40, 0x01, 0x00, 0x01, 0xAA, 0, 0, 0];
        assert_eq!(ChannelData::decode(&bytes).unwrap().payload, 4..5);
        assert_eq!(ChannelData::decode(&bytes[..4]), None);
        assert_eq!(ChannelData::decode(&bytes[..3]), None);
        assert_eq!(ChannelData::decode(&[0x40, 0x01, 0x00, 0x00]).unwrap().payload, 4..4);
        assert_eq!(ChannelData::decode(&[0x80, 0x01, 0x00, 0x00]), None);
    }
}
