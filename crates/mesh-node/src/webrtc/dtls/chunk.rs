//! The chunks of SCTP packets, as far as they ask for an answer or give one (RFC 9260 §3.3).

/// What a chunk asks for or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk<'a> {
    Init,
    InitAck,
    CookieEcho,
    CookieAck,
    /// A message that opens a channel or acknowledges that, with its number.
    Channel(u32),
    /// Any other message, or a part of it.
    Message(u32),
    /// What has come.
    Acknowledgement(Acknowledgement<'a>),
    Other,
}

/// All up to a number have come, and of those beyond it some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledgement<'a> {
    pub(super) up_to: u32,
    blocks: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Data Channel Establishment Protocol (RFC 8832 §8.1).
    const DCEP: u32 = 50;

    fn read(kind: u8, value: &'a [u8]) -> Self {
        match kind {
            0 => match (word(value, 0), word(value, 8)) {
                (Some(number), Some(Self::DCEP)) => Self::Channel(number),
                (Some(number), Some(_)) => Self::Message(number),
                _ => Self::Other,
            },
            1 => Self::Init,
            2 => Self::InitAck,
            3 => Acknowledgement::read(value).map_or(Self::Other, Self::Acknowledgement),
            10 => Self::CookieEcho,
            11 => Self::CookieAck,
            _ => Self::Other,
        }
    }

    pub(super) fn message(self) -> Option<u32> {
        if let Self::Message(number) = self { Some(number) } else { None }
    }
}

impl<'a> Acknowledgement<'a> {
    /// Bytes before the blocks, and of each.
    const HEAD_BYTES: usize = 12;
    const BLOCK_BYTES: usize = 4;

    /// Of a chunk that is cut short, what is there.
    fn read(value: &'a [u8]) -> Option<Self> {
        let up_to = word(value, 0)?;
        let told = value.get(8..10).map_or(0, |told| usize::from(u16::from_be_bytes([told[0], told[1]])));
        let rest = value.get(Self::HEAD_BYTES..).unwrap_or_default();
        Some(Self { up_to, blocks: &rest[..rest.len().min(told * Self::BLOCK_BYTES)] })
    }

    /// The runs of numbers beyond `up_to` that have come, by their first and last distance from it.
    pub(super) fn blocks(self) -> impl Iterator<Item = (u16, u16)> + use<'a> {
        let words = self.blocks.chunks_exact(Self::BLOCK_BYTES);
        words.map(|word| (u16::from_be_bytes([word[0], word[1]]), u16::from_be_bytes([word[2], word[3]])))
    }
}

/// Whether a number is none after `up_to` (serial numbers, RFC 1982).
pub(super) fn is_within(number: u32, up_to: u32) -> bool {
    up_to.wrapping_sub(number) < 1 << 31
}

/// The chunks of a packet; ends where it is malformed.
pub(super) fn chunks(packet: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    const HEAD_BYTES: usize = 12;
    let mut rest = packet.get(HEAD_BYTES..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let chunk = Chunk::read(rest[0], rest.get(4..length)?);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(chunk)
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}
