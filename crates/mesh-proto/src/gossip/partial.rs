use std::collections::BTreeSet;

use bytes::BytesMut;
use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sangam_types::Mono;

use super::{Frame, Options, RefuseReason};
use crate::LinkId;
use crate::channel::Chunk;

/// Messages that are still coming in, in chunks.
pub(super) struct Partials {
    transfers: HashMap<(LinkId, u32), Partial, FixedState>,
    /// What each link has of them.
    of_link: HashMap<LinkId, Share, FixedState>,
    /// Until when the next chunk of each is waited for.
    deadlines: BTreeSet<(Mono, LinkId, u32)>,
    /// What all of them will be when they are whole.
    bytes: usize,
}

/// What one link has: how many, and their bytes when they are whole.
#[derive(Clone, Copy, Default)]
struct Share {
    count: usize,
    bytes: usize,
}

struct Partial {
    text: bool,
    total: usize,
    bytes: BytesMut,
    until: Mono,
}

/// Transfers of one link at a time.
const OF_LINK_MAX: usize = 64;

/// What a message has around its payload at most, and a text message around its JSON: bytes.
pub(super) const AROUND_BYTES_MAX: usize = 2_048;

impl Partials {
    pub(super) fn new(hashing: FixedState) -> Self {
        Self {
            transfers: HashMap::with_hasher(hashing.clone()),
            of_link: HashMap::with_hasher(hashing),
            deadlines: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Takes a chunk; gives the whole message with its last. `Err(None)`: it belongs to a transfer that was refused.
    pub(super) fn add(
        &mut self,
        options: &Options,
        now: Mono,
        link: LinkId,
        chunk: &Chunk,
    ) -> Result<Option<Frame>, Option<RefuseReason>> {
        let key = (link, chunk.transfer);
        if chunk.offset == 0 {
            self.begin(options, now, key, chunk).map_err(Some)?;
        }
        let Some(partial) = self.transfers.get_mut(&key) else { return Err(None) };
        let fits = partial.bytes.len() == chunk.offset as usize
            && partial.total == chunk.total as usize
            && partial.text == chunk.text
            && partial.bytes.len() + chunk.bytes.len() <= partial.total;
        if !fits {
            self.end(key);
            return Err(Some(RefuseReason::Malformed));
        }
        partial.bytes.extend_from_slice(&chunk.bytes);
        self.deadlines.remove(&(partial.until, key.0, key.1));
        partial.until = now + options.partial_time;
        self.deadlines.insert((partial.until, key.0, key.1));
        if partial.bytes.len() < partial.total {
            return Ok(None);
        }
        Ok(self.end(key).map(|whole| Frame { binary: !whole.text, bytes: whole.bytes.freeze() }))
    }

    fn begin(&mut self, options: &Options, now: Mono, key: (LinkId, u32), chunk: &Chunk) -> Result<(), RefuseReason> {
        let total = chunk.total as usize;
        if self.transfers.contains_key(&key) {
            self.end(key);
            return Err(RefuseReason::Malformed);
        }
        if total > options.message_bytes_max + AROUND_BYTES_MAX {
            return Err(RefuseReason::TooLarge);
        }
        let share = self.of_link.get(&key.0).copied().unwrap_or_default();
        // Who sends slowly without end shuts out nobody else. One message may come in whatever the bounds are.
        let of_link_max = (options.partial_bytes_max / 2).max(options.message_bytes_max + AROUND_BYTES_MAX);
        let is_full = self.bytes + total > options.partial_bytes_max || share.bytes + total > of_link_max;
        if is_full || share.count >= OF_LINK_MAX {
            return Err(RefuseReason::TooManyPartial);
        }
        self.bytes += total;
        self.of_link.insert(key.0, Share { count: share.count + 1, bytes: share.bytes + total });
        let until = now + options.partial_time;
        self.deadlines.insert((until, key.0, key.1));
        // Grows with what comes, not with what is promised.
        self.transfers.insert(key, Partial { text: chunk.text, total, bytes: BytesMut::new(), until });
        Ok(())
    }

    fn end(&mut self, key: (LinkId, u32)) -> Option<Partial> {
        let ended = self.transfers.remove(&key)?;
        self.bytes -= ended.total;
        self.deadlines.remove(&(ended.until, key.0, key.1));
        if let Some(share) = self.of_link.get_mut(&key.0) {
            share.count -= 1;
            share.bytes -= ended.total;
            if share.count == 0 {
                self.of_link.remove(&key.0);
            }
        }
        Some(ended)
    }

    pub(super) fn forget_link(&mut self, link: LinkId) {
        if self.of_link.contains_key(&link) {
            let keys: Vec<_> = self.transfers.keys().filter(|key| key.0 == link).copied().collect();
            for key in keys {
                self.end(key);
            }
        }
    }

    /// Gives up those whose next chunk does not come.
    pub(super) fn forget(&mut self, now: Mono) {
        while let Some((_, link, transfer)) = self.deadlines.first().filter(|(until, ..)| *until <= now).copied() {
            self.end((link, transfer));
        }
    }

    /// Whether something is coming in on that link.
    pub(super) fn has(&self, link: LinkId) -> bool {
        self.of_link.contains_key(&link)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.deadlines.first().map(|(until, ..)| *until)
    }
}
