use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sangam_types::Mono;

use super::{MessageId, Options};

/// A message as it goes out, the same bytes for every link.
#[derive(Clone)]
pub(super) struct Encoded {
    /// One frame, or the chunks of one.
    pub(super) frames: Arc<[Bytes]>,
    /// Bytes of all of them.
    pub(super) bytes: usize,
    /// Bytes of the largest.
    pub(super) largest: usize,
}

impl Encoded {
    pub(super) fn new(frames: Vec<Bytes>) -> Self {
        let bytes = frames.iter().map(Bytes::len).sum();
        let largest = frames.iter().map(Bytes::len).max().unwrap_or(0);
        Self { frames: frames.into(), bytes, largest }
    }

    pub(super) fn is_one_frame(&self) -> bool {
        self.frames.len() == 1
    }
}

/// One message that is kept.
pub(super) struct Entry {
    pub(super) id: MessageId,
    pub(super) born: Mono,
    /// From when on those who were not sent it are told its id.
    pub(super) tell_from: Mono,
    pub(super) encoded: Encoded,
    known: Slots,
}

/// Which links have it already, by their slots.
#[derive(Default)]
struct Slots(Vec<u64>);

impl Slots {
    fn has(&self, slot: usize) -> bool {
        self.0.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    fn set(&mut self, slot: usize) {
        if self.0.len() <= slot / 64 {
            self.0.resize(slot / 64 + 1, 0);
        }
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    fn clear(&mut self, slot: usize) {
        if let Some(word) = self.0.get_mut(slot / 64) {
            *word &= !(1 << (slot % 64));
        }
    }
}

/// What an entry costs beside its frames: itself, its place in the index, the slots of 64 links, one buffer's head. Bytes.
const ENTRY_BYTES: usize = 224;

/// Messages kept for those who missed them, numbered in the order in which they came.
pub(super) struct Cache {
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    index: HashMap<MessageId, u64, FixedState>,
    bytes: usize,
    /// The number after the last entry that was to be told at once: those before it go with it.
    at_once: u64,
}

impl Cache {
    pub(super) fn new(hashing: FixedState) -> Self {
        Self { entries: VecDeque::new(), first: 0, index: HashMap::with_hasher(hashing), bytes: 0, at_once: 0 }
    }

    /// Keeps a message of which others are told `tell_from` then on; `None`: at once.
    pub(super) fn push(
        &mut self,
        options: &Options,
        id: MessageId,
        born: Mono,
        tell_from: Option<Mono>,
        encoded: Encoded,
    ) {
        self.bytes += encoded.bytes + ENTRY_BYTES;
        self.index.insert(id, self.end());
        if tell_from.is_none() {
            self.at_once = self.end() + 1;
        }
        let tell_from = tell_from.unwrap_or(Mono::ZERO);
        self.entries.push_back(Entry { id, born, tell_from, encoded, known: Slots::default() });
        // The newest stays, however large: it has not been sent yet.
        while self.bytes > options.cache_bytes_max && self.entries.len() > 1 {
            self.pop();
        }
    }

    pub(super) fn forget(&mut self, options: &Options, now: Mono) {
        while self.entries.front().is_some_and(|entry| entry.born + options.cache_time <= now) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.encoded.bytes + ENTRY_BYTES;
            self.index.remove(&entry.id);
            self.first += 1;
        }
    }

    pub(super) fn get(&self, id: &MessageId) -> Option<&Entry> {
        self.at(*self.index.get(id)?)
    }

    /// The entry of that number, if it is still there.
    pub(super) fn at(&self, number: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The number of the oldest entry.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the next entry.
    pub(super) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Until when the entry of that number is not told: ids go in the order of entries.
    pub(super) fn held_until(&self, number: u64, now: Mono) -> Option<Mono> {
        let entry = self.at(number).filter(|_| number >= self.at_once)?;
        Some(entry.tell_from).filter(|at| *at > now)
    }

    pub(super) fn is_known(entry: &Entry, slot: usize) -> bool {
        entry.known.has(slot)
    }

    /// That link has it, or it is on its way there.
    pub(super) fn set_known(&mut self, id: &MessageId, slot: usize) {
        let Some(number) = self.index.get(id) else { return };
        if let Some(entry) =
            number.checked_sub(self.first).and_then(|at| self.entries.get_mut(usize::try_from(at).ok()?))
        {
            entry.known.set(slot);
        }
    }

    /// The link of that slot is gone; the slot may have another.
    pub(super) fn clear_slot(&mut self, slot: usize) {
        for entry in &mut self.entries {
            entry.known.clear(slot);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn deadline(&self, options: &Options) -> Option<Mono> {
        self.entries.front().map(|entry| entry.born + options.cache_time)
    }
}
