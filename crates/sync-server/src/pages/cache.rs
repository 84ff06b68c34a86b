use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sangam_sync_proto::rows::Epoch;

use super::{Page, PageRequest};

/// What an entry takes besides its body, about: keys, both tables.
const ENTRY_BYTES: usize = 512;

/// Which page, of which life of its database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PageKey {
    pub(super) epoch: Epoch,
    pub(super) request: PageRequest,
}

/// Full pages, encoded: they stay what they are until a sweep drops rows. Bounded by bytes; the one that was not asked for the
/// longest goes first.
#[derive(Debug)]
pub(super) struct Cache {
    entries: HashMap<Arc<PageKey>, Entry>,
    by_age: BTreeMap<u64, Arc<PageKey>>,
    bytes: usize,
    bytes_max: usize,
    clock: u64,
    /// Counts how often pages were dropped because they may no longer be true.
    generation: u64,
}

#[derive(Debug)]
struct Entry {
    page: Page,
    used: u64,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { entries: HashMap::new(), by_age: BTreeMap::new(), bytes: 0, bytes_max, clock: 0, generation: 0 }
    }

    pub(super) fn get(&mut self, key: &PageKey) -> Option<Page> {
        let entry = self.entries.get_mut(key)?;
        self.clock += 1;
        let shared = self.by_age.remove(&entry.used)?;
        entry.used = self.clock;
        self.by_age.insert(self.clock, shared);
        Some(entry.page.clone())
    }

    pub(super) fn contains(&self, key: &PageKey) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Keeps a page that was read since `generation`.
    pub(super) fn keep(&mut self, key: PageKey, page: Page, generation: u64) {
        let bytes = cost(&page);
        if generation != self.generation || bytes > self.bytes_max || self.contains(&key) {
            return;
        }
        while self.bytes + bytes > self.bytes_max {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.drop_entry(&oldest);
        }
        self.clock += 1;
        let key = Arc::new(key);
        self.by_age.insert(self.clock, Arc::clone(&key));
        self.entries.insert(key, Entry { page, used: self.clock });
        self.bytes += bytes;
    }

    /// Rows of a database were dropped: a page of before may show what a later page no longer takes back.
    pub(super) fn forget(&mut self, db: &str) {
        self.generation += 1;
        let gone: Vec<Arc<PageKey>> = self.entries.keys().filter(|key| &*key.request.db == db).cloned().collect();
        for key in gone {
            if let Some(entry) = self.entries.get(&key) {
                self.by_age.remove(&entry.used);
            }
            self.drop_entry(&key);
        }
    }

    pub(super) fn forget_all(&mut self) {
        self.generation += 1;
        self.entries.clear();
        self.by_age.clear();
        self.bytes = 0;
    }

    fn drop_entry(&mut self, key: &PageKey) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= cost(&entry.page);
        }
    }
}

fn cost(page: &Page) -> usize {
    page.body.len() + ENTRY_BYTES
}
