use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sangam_storage::devices::{DeviceId, Row, Seen};

use crate::changes::{Changed, Changes};

/// When devices were seen last, as long as that is not written: one row of a device, however often it came.
#[derive(Debug, Default)]
pub(crate) struct SeenBoard {
    /// Whether what was read of a device still holds.
    pub(crate) changes: Changes,
    waiting: Mutex<HashMap<DeviceId, Seen>>,
}

impl SeenBoard {
    /// It is written soon.
    pub(crate) fn note(&self, device: DeviceId, seen: Seen) -> Changed {
        self.lock().insert(device, seen);
        self.changes.note(device)
    }

    /// What is known and may not be written yet.
    pub(crate) fn get(&self, device: DeviceId) -> Option<Seen> {
        self.lock().get(&device).copied()
    }

    /// At most so many, to be written now. What cannot be written is to be put [`Self::back`].
    pub(crate) fn take(&self, max: usize) -> Vec<(DeviceId, Seen)> {
        let mut waiting = self.lock();
        let ids: Vec<DeviceId> = waiting.keys().take(max).copied().collect();
        ids.into_iter().filter_map(|id| waiting.remove_entry(&id)).collect()
    }

    /// These were not written; what came since counts more.
    pub(crate) fn back(&self, seen: Vec<(DeviceId, Seen)>) {
        let mut waiting = self.lock();
        for (device, seen) in seen {
            waiting.entry(device).or_insert(seen);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, Seen>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As it is written.
pub(crate) fn row((device, seen): &(DeviceId, Seen)) -> Row {
    Row::Seen(*device, *seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last_ms: u64) -> Seen {
        Seen { last_ms, ..Seen::default() }
    }

    #[test]
    fn a_device_that_came_twice_is_one_row_with_the_later_time() {
        let board = SeenBoard::default();
        board.note(DeviceId(1), at(5));
        board.note(DeviceId(1), at(6));
        assert_eq!((board.len(), board.take(10)), (1, vec![(DeviceId(1), at(6))]));
        assert_eq!(board.take(10), []);
    }

    #[test]
    fn what_could_not_be_written_does_not_overwrite_what_came_since() {
        let board = SeenBoard::default();
        board.note(DeviceId(1), at(5));
        board.note(DeviceId(2), at(5));
        let taken = board.take(10);
        board.note(DeviceId(1), at(7));
        board.back(taken);
        assert_eq!(board.get(DeviceId(1)), Some(at(7)));
        assert_eq!(board.get(DeviceId(2)), Some(at(5)));
    }
}
