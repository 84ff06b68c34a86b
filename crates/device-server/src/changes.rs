use std::sync::atomic::{AtomicU64, Ordering};

use sangam_storage::devices::DeviceId;

/// When something of each device was last written: whoever has read a device knows whether that still holds.
///
/// Devices share a bounded number of places. Two in one place are read once more than they need be, and nothing worse.
#[derive(Debug)]
pub(crate) struct Changes {
    clock: AtomicU64,
    last: Box<[AtomicU64]>,
}

/// A moment by that clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

/// A device has changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changed {
    /// When.
    pub(crate) at: Moment,
    /// When it had before.
    pub(crate) before: Moment,
}

/// Places: 128 KiB.
const PLACES: usize = 1 << 14;

impl Default for Changes {
    fn default() -> Self {
        // What is read at the beginning was not changed since.
        Self { clock: AtomicU64::new(1), last: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Changes {
    /// To be asked before a device is read.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.clock.load(Ordering::SeqCst))
    }

    /// Something of it is another from now on, and can be read.
    pub(crate) fn note(&self, device: DeviceId) -> Changed {
        let at = self.clock.fetch_add(1, Ordering::SeqCst) + 1;
        let before = self.place(device).fetch_max(at, Ordering::SeqCst);
        Changed { at: Moment(at), before: Moment(before) }
    }

    /// Nobody knows what is another.
    pub(crate) fn note_all(&self) {
        let at = self.clock.fetch_add(1, Ordering::SeqCst) + 1;
        for place in &self.last {
            place.fetch_max(at, Ordering::SeqCst);
        }
    }

    /// Whether what was read then still holds.
    pub(crate) fn holds(&self, device: DeviceId, since: Moment) -> bool {
        self.place(device).load(Ordering::SeqCst) <= since.0
    }

    fn place(&self, device: DeviceId) -> &AtomicU64 {
        // Numbers are given in order: neighbours have places of their own.
        &self.last[device.0 as usize % PLACES]
    }
}

impl Changed {
    /// When what was read of it at `since` and noted with this holds from. `None`: somebody else has changed it too.
    pub(crate) fn by_us_alone(self, since: Moment) -> Option<Moment> {
        (self.before <= since).then_some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_holds_until_something_is_written() {
        let changes = Changes::default();
        let read = changes.now();
        assert!(changes.holds(DeviceId(7), read));
        let ours = changes.note(DeviceId(7));
        assert!(!changes.holds(DeviceId(7), read) && changes.holds(DeviceId(8), read));
        let read = ours.by_us_alone(read).unwrap();
        assert!(changes.holds(DeviceId(7), read));
        changes.note(DeviceId(7));
        assert_eq!(changes.note(DeviceId(7)).by_us_alone(read), None, "somebody else was there between");
        let read = changes.now();
        changes.note_all();
        assert!(!changes.holds(DeviceId(8), read));
    }
}
