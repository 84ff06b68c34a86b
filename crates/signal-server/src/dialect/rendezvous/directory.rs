use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sangam_signal_proto::Owner;
use sangam_types::Mono;

/// How many URLs are remembered, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryOptions {
    /// For how long a URL is handed out after it was registered last: 60 s, as with the original.
    pub lasts: Duration,
    /// URLs at once, over all rooms.
    pub urls_max: usize,
    /// URLs at once from one owner.
    pub urls_per_owner_max: usize,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self { lasts: Duration::from_secs(60), urls_max: 16_384, urls_per_owner_max: 256 }
    }
}

/// Why a URL is not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryFull;

/// Where nodes say they can be reached, by room.
#[derive(Debug, Default)]
pub struct Directory {
    options: DirectoryOptions,
    rooms: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Entry>>,
    by_age: BTreeSet<(Mono, Arc<str>, Arc<str>)>,
    by_owner: BTreeMap<Owner, usize>,
}

#[derive(Debug)]
struct Entry {
    registered: Mono,
    owner: Owner,
}

impl Directory {
    /// An empty one.
    #[must_use]
    pub fn new(options: DirectoryOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Remembers a URL anew. Whoever registered it last counts as its owner: the original asks for no proof, and a node's
    /// own registration each few seconds takes it back.
    ///
    /// # Errors
    /// If there are too many.
    pub fn register(&mut self, now: Mono, room: &str, url: &str, owner: Owner) -> Result<(), DirectoryFull> {
        self.sweep(now);
        let known = self.rooms.get(room).and_then(|urls| urls.get_key_value(url));
        let room: Arc<str> = self.rooms.get_key_value(room).map_or_else(|| room.into(), |(room, _)| Arc::clone(room));
        let url: Arc<str> = known.map_or_else(|| url.into(), |(url, _)| Arc::clone(url));
        let owned = self.by_owner.get(&owner).copied().unwrap_or_default();
        let is_own = known.is_some_and(|(_, entry)| entry.owner == owner);
        let is_known = known.is_some();
        if (!is_own && owned >= self.options.urls_per_owner_max)
            || (!is_known && self.by_age.len() >= self.options.urls_max)
        {
            return Err(DirectoryFull);
        }
        self.forget(&room, &url);
        *self.by_owner.entry(owner.clone()).or_default() += 1;
        self.by_age.insert((now, Arc::clone(&room), Arc::clone(&url)));
        self.rooms.entry(room).or_default().insert(url, Entry { registered: now, owner });
        Ok(())
    }

    /// Up to `limit` URLs of a room, the asker's own among them. `pick(n)` gives a number below `n`, each as likely as
    /// the others.
    pub fn sample(
        &mut self,
        now: Mono,
        room: &str,
        limit: usize,
        mut pick: impl FnMut(usize) -> usize,
    ) -> Vec<Arc<str>> {
        self.sweep(now);
        let mut urls: Vec<Arc<str>> = self.rooms.get(room).into_iter().flat_map(|it| it.keys()).cloned().collect();
        let wanted = limit.min(urls.len());
        // The first steps of a shuffle (Fisher and Yates).
        for at in 0..wanted {
            let other = at + pick(urls.len() - at).min(urls.len() - at - 1);
            urls.swap(at, other);
        }
        urls.truncate(wanted);
        urls
    }

    /// URLs that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    fn sweep(&mut self, now: Mono) {
        while let Some((registered, room, url)) = self.by_age.first() {
            if now.saturating_since(*registered) < self.options.lasts {
                return;
            }
            let (room, url) = (Arc::clone(room), Arc::clone(url));
            self.forget(&room, &url);
        }
    }

    fn forget(&mut self, room: &Arc<str>, url: &Arc<str>) {
        let Some(urls) = self.rooms.get_mut(room) else { return };
        let Some(entry) = urls.remove(url) else { return };
        if urls.is_empty() {
            self.rooms.remove(room);
        }
        self.by_age.remove(&(entry.registered, Arc::clone(room), Arc::clone(url)));
        if let Some(count) = self.by_owner.get_mut(&entry.owner) {
            *count -= 1;
            if *count == 0 {
                self.by_owner.remove(&entry.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(secs: u64) -> Mono {
        Mono::from_start(Duration::from_secs(secs))
    }

    fn owner(name: &str) -> Owner {
        Owner::Subject(name.into())
    }

    fn all(directory: &mut Directory, now: Mono, room: &str) -> Vec<String> {
        let mut urls: Vec<String> =
            directory.sample(now, room, usize::MAX, |_| 0).iter().map(ToString::to_string).collect();
        urls.sort();
        urls
    }

    #[test]
    fn a_url_is_handed_out_for_a_minute_after_it_was_registered_last() {
        let mut directory = Directory::default();
        directory.register(at(0), "main", "http://a", owner("a")).unwrap();
        directory.register(at(30), "main", "http://b", owner("b")).unwrap();
        directory.register(at(50), "main", "http://a", owner("a")).unwrap();
        assert_eq!(all(&mut directory, at(89), "main"), ["http://a", "http://b"]);
        assert_eq!(all(&mut directory, at(90), "main"), ["http://a"]);
        assert_eq!(all(&mut directory, at(110), "main"), [""; 0]);
        assert!(directory.is_empty());
    }

    #[test]
    fn rooms_do_not_see_each_other() {
        let mut directory = Directory::default();
        directory.register(at(0), "one", "http://a", owner("a")).unwrap();
        assert_eq!(all(&mut directory, at(0), "two"), [""; 0]);
    }

    #[test]
    fn one_owner_cannot_fill_it_for_the_others() {
        let options = DirectoryOptions { urls_per_owner_max: 2, urls_max: 3, ..DirectoryOptions::default() };
        let mut directory = Directory::new(options);
        for url in ["http://1", "http://2", "http://1"] {
            directory.register(at(0), "main", url, owner("greedy")).unwrap();
        }
        assert_eq!(directory.register(at(0), "main", "http://3", owner("greedy")), Err(DirectoryFull));
        directory.register(at(0), "main", "http://3", owner("other")).unwrap();
        assert_eq!(directory.register(at(0), "main", "http://4", owner("third")), Err(DirectoryFull));
        assert_eq!(directory.len(), 3);
    }

    proptest! {
        #[test]
        fn a_sample_has_no_url_twice_and_no_more_than_asked(count in 0_usize..20, limit in 0_usize..25, seed: usize) {
            let mut directory = Directory::default();
            for number in 0..count {
                directory.register(at(0), "main", &format!("http://{number}"), owner("a")).unwrap();
            }
            let mut state = seed;
            let urls = directory.sample(at(1), "main", limit, |below| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % below
            });
            let distinct: BTreeSet<_> = urls.iter().collect();
            prop_assert_eq!(distinct.len(), urls.len());
            prop_assert_eq!(urls.len(), limit.min(count));
        }
    }
}
