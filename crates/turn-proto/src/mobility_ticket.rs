use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::api::AllocationKey;
use crate::options::NonceSecret;

/// What a ticket says, once unsealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The [`Options::server_index`](crate::Options::server_index) of the server that keeps the allocation.
    pub(crate) server_index: u16,
    /// Where the allocation stands in that server's table.
    pub(crate) slot: u32,
    /// Tells it from all others that had the place, and this ticket from the others of its allocation.
    mark: [u8; MARK_LEN],
}

/// A ticket as clients hold it: nothing in it can be read or changed without the secret (RFC 8016 §6). It is text of 32
/// characters, since coturn's client takes no longer ones and no zero bytes.
///
/// ```text
/// 0              12                                     24, then in Base64
/// +--------------+----------------------------------------+
/// | code over    | server index (2), slot (4), mark (6),  |
/// | the contents | encrypted                              |
/// +--------------+----------------------------------------+
/// ```
pub(crate) type SealedTicket = [u8; SEALED_LEN];

/// Seals and opens tickets, and remembers none. The code over the contents is also what their key stream is made from
/// (a synthetic initialization vector, as in RFC 5297): equal contents alone have equal tickets.
#[derive(Debug)]
pub(crate) struct Tickets {
    code: Hmac<Sha256>,
    stream: Hmac<Sha256>,
    mark: Hmac<Sha256>,
    server_index: u16,
    run: u64,
}

const CODE_LEN: usize = 12;
const MARK_LEN: usize = 6;
const CONTENTS_LEN: usize = 12;
const SEALED_LEN: usize = (CODE_LEN + CONTENTS_LEN) / 3 * 4;

impl Tickets {
    /// The secret may serve other purposes too: the keys made from it are for tickets alone. Keys of allocations begin
    /// anew with each run of a server, which a random number tells apart.
    pub(crate) fn new(secret: NonceSecret, server_index: u16, run: u64) -> Self {
        let derived = |purpose: &[u8]| keyed(&keyed(&secret.0).chain_update(purpose).finalize().into_bytes());
        Self {
            code: derived(b"mobility ticket: code over the contents"),
            stream: derived(b"mobility ticket: key stream"),
            mark: derived(b"mobility ticket: mark of the allocation"),
            server_index,
            run,
        }
    }

    /// The ticket of this number of an allocation.
    pub(crate) fn seal(&self, allocation: AllocationKey, number: u32) -> SealedTicket {
        let mut contents = [0; CONTENTS_LEN];
        contents[..2].copy_from_slice(&self.server_index.to_be_bytes());
        contents[2..6].copy_from_slice(&(allocation.0 as u32).to_be_bytes());
        contents[6..].copy_from_slice(&self.mark_of(allocation, number));
        let mut bytes = [0; CODE_LEN + CONTENTS_LEN];
        let (code, encrypted) = bytes.split_at_mut(CODE_LEN);
        code.copy_from_slice(&self.code.clone().chain_update(contents).finalize().into_bytes()[..CODE_LEN]);
        encrypted.copy_from_slice(&self.encrypt(contents, code));
        let mut sealed = [0; SEALED_LEN];
        URL_SAFE_NO_PAD.encode_slice(bytes, &mut sealed).expect("three bytes take up four characters");
        sealed
    }

    /// `None` unless it was sealed with the same secret and is as it was then; found out in constant time.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Ticket> {
        let mut bytes = [0; CODE_LEN + CONTENTS_LEN];
        let sealed: &SealedTicket = sealed.try_into().ok()?;
        URL_SAFE_NO_PAD.decode_slice(sealed, &mut bytes).ok()?;
        let (code, encrypted) = bytes.split_first_chunk::<CODE_LEN>()?;
        let contents = self.encrypt(encrypted.try_into().ok()?, code);
        self.code.clone().chain_update(contents).verify_truncated_left(code).ok()?;
        Some(Ticket {
            server_index: u16::from_be_bytes(*contents.first_chunk()?),
            slot: u32::from_be_bytes(contents[2..6].try_into().ok()?),
            mark: *contents.last_chunk()?,
        })
    }

    pub(crate) fn is_of_this_server(&self, ticket: Ticket) -> bool {
        ticket.server_index == self.server_index
    }

    /// Whether it is the one of this number of this allocation, in this run of this server.
    pub(crate) fn is_of(&self, ticket: Ticket, allocation: AllocationKey, number: u32) -> bool {
        ticket.mark == self.mark_of(allocation, number)
    }

    fn mark_of(&self, allocation: AllocationKey, number: u32) -> [u8; MARK_LEN] {
        let mac = self.mark.clone().chain_update(self.run.to_be_bytes());
        let mac = mac.chain_update(allocation.0.to_be_bytes()).chain_update(number.to_be_bytes());
        let mut mark = [0; MARK_LEN];
        mark.copy_from_slice(&mac.finalize().into_bytes()[..MARK_LEN]);
        mark
    }

    /// Encrypts plain contents and decrypts encrypted ones.
    fn encrypt(&self, mut contents: [u8; CONTENTS_LEN], code: &[u8]) -> [u8; CONTENTS_LEN] {
        let stream = self.stream.clone().chain_update(code).finalize().into_bytes();
        contents.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
        contents
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: AllocationKey = AllocationKey(9 << 32 | 5);

    fn tickets(secret: u8, server_index: u16, run: u64) -> Tickets {
        Tickets::new(NonceSecret([secret; 32]), server_index, run)
    }

    #[test]
    fn a_ticket_is_opened_by_each_holder_of_the_secret_and_says_what_was_sealed() {
        let giver = tickets(1, 7, 99);
        let sealed = giver.seal(KEY, 3);
        let elsewhere = tickets(1, 8, 100);
        let ticket = elsewhere.open(&sealed).unwrap();
        assert_eq!((ticket.server_index, ticket.slot), (7, 5));
        assert!(giver.is_of_this_server(ticket) && !elsewhere.is_of_this_server(ticket));
        assert!(giver.is_of(ticket, KEY, 3));
        assert!(!giver.is_of(ticket, KEY, 4), "another ticket");
        assert!(!giver.is_of(ticket, AllocationKey(10 << 32 | 5), 3), "another allocation at that place");
        assert!(!tickets(1, 7, 98).is_of(ticket, KEY, 3), "of a run before");
        assert_eq!(tickets(2, 7, 99).open(&sealed), None, "another secret");
    }

    #[test]
    fn a_changed_or_cut_or_lengthened_ticket_is_not_opened() {
        let tickets = tickets(1, 0, 0);
        let sealed = tickets.seal(KEY, 0);
        for at in 0..SEALED_LEN {
            for other in (0..=255).filter(|other| *other != sealed[at]) {
                let mut changed = sealed;
                changed[at] = other;
                assert_eq!(tickets.open(&changed), None, "byte {at}");
            }
            assert_eq!(tickets.open(&sealed[..at]), None, "length {at}");
        }
        assert_eq!(tickets.open(&[&sealed[..], b"A"].concat()), None);
    }

    #[test]
    fn tickets_of_one_allocation_have_nothing_to_see_in_common() {
        let tickets = tickets(1, 0, 0);
        let sealed = |number| tickets.seal(KEY, number);
        assert_eq!(sealed(0), sealed(0), "an answer given again is the same");
        let same = sealed(0).iter().zip(sealed(1)).filter(|(a, b)| **a == *b).count();
        assert!(same < 6, "{same} of {SEALED_LEN} characters");
        assert!(sealed(0).iter().all(u8::is_ascii_graphic));
    }
}
