use std::collections::BTreeMap;
use std::time::Duration;

use sangam_types::Mono;

use crate::DeviceId;

/// How often a device may have alarms written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloodRules {
    /// At once.
    pub burst: u32,
    /// Once these are used up, one in each of these times.
    pub one_each: Duration,
    /// Devices that are remembered. One that is forgotten begins with a whole burst.
    pub devices_max: usize,
}

impl Default for FloodRules {
    /// 20 at once, one each 6 seconds, 65,536 devices (4 MiB).
    fn default() -> Self {
        Self { burst: 20, one_each: Duration::from_secs(6), devices_max: 65_536 }
    }
}

/// Keeps a device that raises alarms without end from filling the store: what is too much is only counted.
#[derive(Clone, Debug, Default)]
pub struct Flood {
    by_device: BTreeMap<DeviceId, Bucket>,
    suppressed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// When the burst is whole again.
    full_at: Mono,
    suppressed: u64,
}

impl Flood {
    /// Whether an alarm of a device may be written: `Some` says how many were suppressed since the last one that was.
    pub fn admit(&mut self, device: DeviceId, now: Mono, rules: &FloodRules) -> Option<u64> {
        self.make_room(device, now, rules);
        let bucket = self.by_device.entry(device).or_insert(Bucket { full_at: now, suppressed: 0 });
        let full_at = bucket.full_at.max(now) + rules.one_each;
        if full_at.saturating_since(now) > rules.one_each.saturating_mul(rules.burst) {
            bucket.suppressed = bucket.suppressed.saturating_add(1);
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        bucket.full_at = full_at;
        Some(std::mem::take(&mut bucket.suppressed))
    }

    /// Alarms that were suppressed since the beginning.
    #[must_use]
    pub fn suppressed(&self) -> u64 {
        self.suppressed
    }

    /// Devices whose burst is whole are as good as forgotten; if there are none, the lowest number goes.
    fn make_room(&mut self, device: DeviceId, now: Mono, rules: &FloodRules) {
        if self.by_device.len() < rules.devices_max.max(1) || self.by_device.contains_key(&device) {
            return;
        }
        self.by_device.retain(|_, bucket| bucket.full_at > now || bucket.suppressed > 0);
        if self.by_device.len() >= rules.devices_max.max(1) {
            self.by_device.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: FloodRules = FloodRules { burst: 2, one_each: Duration::from_secs(10), devices_max: 2 };

    fn at(secs: u64) -> Mono {
        Mono::from_start(Duration::from_secs(secs))
    }

    #[test]
    fn a_burst_is_written_and_then_one_at_a_time_with_what_was_suppressed() {
        let mut flood = Flood::default();
        let mut admit = |secs| flood.admit(DeviceId(1), at(secs), &RULES);
        assert_eq!([admit(0), admit(0), admit(0), admit(9)], [Some(0), Some(0), None, None]);
        assert_eq!([admit(10), admit(10)], [Some(2), None]);
        assert_eq!([admit(100), admit(100), admit(100)], [Some(1), Some(0), None]);
        assert_eq!(flood.suppressed(), 4);
    }

    #[test]
    fn one_device_does_not_use_up_what_another_may() {
        let mut flood = Flood::default();
        for _ in 0..5 {
            flood.admit(DeviceId(1), at(0), &RULES);
        }
        assert_eq!(flood.admit(DeviceId(2), at(0), &RULES), Some(0));
    }

    #[test]
    fn no_more_devices_are_remembered_than_may_be() {
        let mut flood = Flood::default();
        for device in 0..100 {
            assert_eq!(flood.admit(DeviceId(device), at(0), &RULES), Some(0));
            assert!(flood.by_device.len() <= 2);
        }
    }
}
