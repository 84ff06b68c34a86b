use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use hashbrown::{Equivalent, HashTable};

/// Rows that were loaded, with changes on top that can be taken back to the last [`Self::keep`].
pub(super) struct Overlay<K, V> {
    rows: Vec<Row<K, V>>,
    index: HashTable<usize>,
    hasher: SeedableRandomState,
    undo: Vec<Undo<V>>,
    /// Rows that there were at the last [`Self::keep`].
    kept: usize,
}

#[derive(Clone, Debug)]
struct Row<K, V> {
    key: K,
    /// `None`: looked up and not there.
    value: Option<V>,
    changed: bool,
}

#[derive(Debug)]
struct Undo<V> {
    row: usize,
    value: Option<V>,
    changed: bool,
}

impl<K: Hash + Eq, V> Overlay<K, V> {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rows: Vec::new(),
            index: HashTable::new(),
            hasher: SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()),
            undo: Vec::new(),
            kept: 0,
        }
    }

    /// The row of a key, if it is known.
    pub(super) fn find<Q: Hash + Equivalent<K>>(&self, key: &Q) -> Option<usize> {
        let hash = self.hasher.hash_one(key);
        self.index.find(hash, |&row| self.rows.get(row).is_some_and(|row| key.equivalent(&row.key))).copied()
    }

    /// What is known of a key: nothing, or that it is not there.
    pub(super) fn get<Q: Hash + Equivalent<K>>(&self, key: &Q) -> Option<&V> {
        self.find(key).and_then(|row| self.value(row))
    }

    /// What a row holds.
    pub(super) fn value(&self, row: usize) -> Option<&V> {
        self.rows.get(row).and_then(|row| row.value.as_ref())
    }

    /// Takes what was loaded. What has been changed since is newer and stays.
    pub(super) fn load(&mut self, key: K, value: Option<V>) {
        match self.find(&key) {
            Some(row) => {
                if let Some(row) = self.rows.get_mut(row).filter(|row| !row.changed && row.value.is_none()) {
                    row.value = value;
                }
            }
            None => {
                self.insert(Row { key, value, changed: false });
                self.kept = self.rows.len();
            }
        }
    }

    /// Changes a row that [`Self::find`] found.
    pub(super) fn change(&mut self, row: usize, value: V) {
        if let Some(found) = self.rows.get_mut(row) {
            let value = found.value.replace(value);
            let changed = std::mem::replace(&mut found.changed, true);
            if row < self.kept {
                self.undo.push(Undo { row, value, changed });
            }
        }
    }

    /// Changes the row of a key, known or not.
    pub(super) fn set(&mut self, key: K, value: V) {
        match self.find(&key) {
            Some(row) => self.change(row, value),
            None => self.insert(Row { key, value: Some(value), changed: true }),
        }
    }

    /// What was changed can no longer be taken back.
    pub(super) fn keep(&mut self) {
        self.undo.clear();
        self.kept = self.rows.len();
    }

    /// Takes back what was changed since the last [`Self::keep`].
    pub(super) fn take_back(&mut self) {
        while self.rows.len() > self.kept {
            let last = self.rows.len() - 1;
            let Some(row) = self.rows.pop() else { break };
            let hash = self.hasher.hash_one(&row.key);
            if let Ok(entry) = self.index.find_entry(hash, |&row| row == last) {
                entry.remove();
            }
        }
        while let Some(undo) = self.undo.pop() {
            if let Some(row) = self.rows.get_mut(undo.row) {
                row.value = undo.value;
                row.changed = undo.changed;
            }
        }
    }

    /// What was changed, in the order in which it was first known.
    pub(super) fn into_changed(self) -> Vec<(K, V)> {
        self.rows
            .into_iter()
            .filter(|row| row.changed)
            .filter_map(|row| row.value.map(|value| (row.key, value)))
            .collect()
    }

    fn insert(&mut self, row: Row<K, V>) {
        let Self { rows, index, hasher, .. } = self;
        let hash = hasher.hash_one(&row.key);
        rows.push(row);
        index.insert_unique(hash, rows.len() - 1, |&row| rows.get(row).map_or(0, |row| hasher.hash_one(&row.key)));
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Overlay<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rows).finish()
    }
}
