use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sangam_types::Wall;

/// The messages of one source that were taken lately, so that none is taken twice.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplayWindow {
    ids: BTreeSet<String>,
    by_time: BTreeSet<(Wall, String)>,
    /// What is not newer may have been forgotten: it is refused.
    floor: Option<Wall>,
    /// When it was last used.
    pub(super) used: Wall,
}

impl ReplayWindow {
    /// Whether a message may be taken.
    pub(super) fn allows(&self, id: &str, at: Wall) -> bool {
        self.floor.is_none_or(|floor| at > floor) && !self.ids.contains(id)
    }

    /// Remembers a message that was taken.
    pub(super) fn add(&mut self, id: &str, at: Wall, ids_max: usize, window: Duration, now: Wall) {
        self.used = now;
        self.ids.insert(id.to_owned());
        self.by_time.insert((at, id.to_owned()));
        // What is too old is refused for its age.
        let oldest = now.unix_millis().saturating_sub(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        while let Some((at, _)) = self.by_time.first()
            && at.unix_millis() < oldest
        {
            self.forget_first();
        }
        while self.by_time.len() > ids_max.max(1) {
            self.floor = self.floor.max(self.forget_first());
        }
    }

    fn forget_first(&mut self) -> Option<Wall> {
        let (at, id) = self.by_time.pop_first()?;
        self.ids.remove(&id);
        Some(at)
    }
}

/// Windows of every source and key.
pub(super) type Windows<K> = BTreeMap<K, ReplayWindow>;
