use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, PoisonError};

use sangam_device_proto::device::{Device, State};
use sangam_device_proto::identity::DeviceKey;

use crate::changes::{Changes, Moment};

/// Devices that came last, as they are stored: one that comes again is not read again, unless something of it was written.
///
/// Two generations: when the young one is full it becomes the old one, which goes.
#[derive(Debug)]
pub(crate) struct Heads {
    each_max: usize,
    kept: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<DeviceKey, Head>,
    old: HashMap<DeviceKey, Head>,
}

/// A device as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) device: Device,
    /// Whether it had no task that was not over.
    pub(crate) is_idle: bool,
    /// Since when that holds, if it does.
    pub(crate) at: Moment,
}

impl Heads {
    /// At most so many.
    pub(crate) fn new(max: usize) -> Self {
        Self { each_max: max / 2, kept: Mutex::default() }
    }

    /// The device, if what is kept of it still holds.
    pub(crate) fn get(&self, key: &DeviceKey, changes: &Changes) -> Option<Head> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(head) = kept.young.get(key) {
            return changes.holds(head.device.id, head.at).then(|| head.clone());
        }
        let (key, head) = kept.old.remove_entry(key)?;
        if !changes.holds(head.device.id, head.at) {
            return None;
        }
        let found = head.clone();
        kept.keep(key, head, self.each_max);
        Some(found)
    }

    /// Keeps it. One that is not enrolled is not worth it: anybody can make those.
    pub(crate) fn keep(&self, head: Head) {
        if head.device.state == State::Enrolled && self.each_max > 0 {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.keep(head.device.key.clone(), head, self.each_max);
        }
    }
}

impl Generations {
    fn keep(&mut self, key: DeviceKey, head: Head, each_max: usize) {
        if self.young.len() >= each_max && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, head);
    }
}

#[cfg(test)]
mod tests {
    use sangam_storage::devices::DeviceId;

    use super::*;

    fn key(number: u64) -> DeviceKey {
        DeviceKey::new("00D09E", "Box", &number.to_string()).unwrap()
    }

    fn head(number: u64, state: State, changes: &Changes) -> Head {
        Head { device: Device::new(DeviceId(number), key(number), state, 0), is_idle: true, at: changes.now() }
    }

    #[test]
    fn a_device_is_found_until_something_of_it_is_written() {
        let (heads, changes) = (Heads::new(10), Changes::default());
        heads.keep(head(1, State::Enrolled, &changes));
        heads.keep(head(2, State::Pending, &changes));
        assert!(heads.get(&key(1), &changes).is_some() && heads.get(&key(2), &changes).is_none());
        changes.note(DeviceId(1));
        assert!(heads.get(&key(1), &changes).is_none());
    }

    #[test]
    fn those_that_come_stay_and_there_are_never_more_than_may() {
        let (heads, changes) = (Heads::new(20), Changes::default());
        for number in 1..100 {
            heads.keep(head(number, State::Enrolled, &changes));
            assert!(heads.get(&key(1), &changes).is_some(), "it comes all the time");
        }
        let kept = heads.kept.lock().unwrap();
        assert!(kept.young.len() <= 10 && kept.old.len() <= 10);
        drop(kept);
        heads.keep(head(1, State::Enrolled, &changes));
        assert!(Heads::new(0).get(&key(1), &changes).is_none());
    }
}
