use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use sangam_types::Wall;

use crate::{JournalOptions, Record};

type Keys = BTreeMap<Arc<str>, Entry>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    value: Bytes,
    expires: Wall,
}

/// The records that live, and what they weigh.
#[derive(Debug, Default)]
pub(crate) struct Table {
    areas: BTreeMap<Arc<str>, Keys>,
    ends: BTreeSet<(Wall, Arc<str>, Arc<str>)>,
    bytes: usize,
}

/// A place in the table: the record after which to go on.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    area: Arc<str>,
    key: Arc<str>,
}

/// What one record weighs.
fn weight(area: &str, key: &str, value: &[u8]) -> usize {
    area.len() + key.len() + value.len() + JournalOptions::RECORD_OVERHEAD
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the table would weigh with this record in it.
    pub(crate) fn bytes_with(&self, area: &str, key: &str, value: &[u8]) -> usize {
        let before = self.entry(area, key).map_or(0, |entry| weight(area, key, &entry.value));
        self.bytes - before + weight(area, key, value)
    }

    pub(crate) fn contains(&self, area: &str, key: &str) -> bool {
        self.entry(area, key).is_some()
    }

    fn entry(&self, area: &str, key: &str) -> Option<&Entry> {
        self.areas.get(area)?.get(key)
    }

    pub(crate) fn put(&mut self, area: &str, key: &str, value: Bytes, expires: Wall) {
        self.remove(area, key);
        let area: Arc<str> = self.areas.get_key_value(area).map_or_else(|| area.into(), |(area, _)| Arc::clone(area));
        let key: Arc<str> = key.into();
        self.bytes += weight(&area, &key, &value);
        self.ends.insert((expires, Arc::clone(&area), Arc::clone(&key)));
        self.areas.entry(area).or_default().insert(key, Entry { value, expires });
    }

    /// `false` if there was none.
    pub(crate) fn remove(&mut self, area: &str, key: &str) -> bool {
        let Some(keys) = self.areas.get_mut(area) else { return false };
        let Some((key, entry)) = keys.remove_entry(key) else { return false };
        self.bytes -= weight(area, &key, &entry.value);
        let emptied = keys.is_empty();
        self.ends.remove(&(entry.expires, Arc::from(area), key));
        if emptied {
            self.areas.remove(area);
        }
        true
    }

    /// Forgets what has expired, and says how many records that were.
    pub(crate) fn expire(&mut self, now: Wall) -> u64 {
        let mut count = 0;
        while let Some((expires, area, key)) = self.ends.first().cloned()
            && expires <= now
        {
            self.remove(&area, &key);
            count += 1;
        }
        count
    }

    /// The records of an area, by key.
    pub(crate) fn load(&self, area: &str) -> Vec<Record> {
        let record = |(key, entry): (&Arc<str>, &Entry)| Record {
            key: key.as_ref().to_owned(),
            value: entry.value.clone(),
            expires: entry.expires,
        };
        self.areas.get(area).into_iter().flatten().map(record).collect()
    }

    /// Shows `each` the records behind a place until it says `false`; returns where to go on, if there is more.
    pub(crate) fn walk(
        &self,
        from: Option<&Place>,
        mut each: impl FnMut(&str, &str, &[u8], Wall) -> bool,
    ) -> Option<Place> {
        let first = from.map_or(Bound::Unbounded, |place| Bound::Included(&*place.area));
        for (area, keys) in self.areas.range::<str, _>((first, Bound::Unbounded)) {
            let behind = from.filter(|place| place.area == *area);
            let behind = behind.map_or(Bound::Unbounded, |place| Bound::Excluded(&*place.key));
            for (key, entry) in keys.range::<str, _>((behind, Bound::Unbounded)) {
                if !each(area, key, &entry.value, entry.expires) {
                    return Some(Place { area: Arc::clone(area), key: Arc::clone(key) });
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Wall {
        Wall::from_unix_secs(secs)
    }

    #[test]
    fn what_is_taken_out_weighs_nothing_any_more() {
        let mut table = Table::default();
        table.put("a", "k", Bytes::from_static(b"long value"), secs(5));
        assert_eq!(table.bytes_with("a", "k", b"v"), weight("a", "k", b"v"));
        table.put("a", "k", Bytes::from_static(b"v"), secs(9));
        assert_eq!((table.bytes(), table.len()), (weight("a", "k", b"v"), 1));
        table.put("b", "k", Bytes::new(), secs(5));
        assert_eq!((table.expire(secs(4)), table.expire(secs(5)), table.len()), (0, 1, 1));
        assert!(table.remove("a", "k") && !table.remove("a", "k"));
        assert_eq!((table.bytes(), table.len()), (0, 0));
    }

    #[test]
    fn a_walk_in_steps_sees_every_record_once() {
        let mut table = Table::default();
        for (area, key) in [("a", "1"), ("a", "2"), ("b", "1"), ("c", "0"), ("c", "9")] {
            table.put(area, key, Bytes::new(), secs(9));
        }
        let (mut seen, mut place) = (Vec::new(), None);
        loop {
            place = table.walk(place.as_ref(), |area, key, _, _| {
                seen.push(format!("{area}{key}"));
                false
            });
            if place.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a1", "a2", "b1", "c0", "c9"]);
    }
}
