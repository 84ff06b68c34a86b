/// The head of a DTLS 1.2 record (RFC 6347 §4.1): what tells sessions apart that share a pair of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Whether it is protected: sent after the handshake's keys were made.
    pub(super) protected: bool,
    /// Whether it carries application data.
    pub(super) data: bool,
    /// Epoch and sequence number: each record's is one more than that of the record before.
    pub(super) number: u64,
}

impl Record {
    const HEAD_BYTES: usize = 13;
    const APPLICATION_DATA: u8 = 23;

    /// Of the first record of a datagram.
    pub(super) fn first(datagram: &[u8]) -> Option<Self> {
        let head = datagram.get(..Self::HEAD_BYTES)?;
        if !(20..64).contains(&head[0]) {
            return None;
        }
        let number = head[3..11].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Some(Self { protected: number >> 48 > 0, data: head[0] == Self::APPLICATION_DATA, number })
    }
}
