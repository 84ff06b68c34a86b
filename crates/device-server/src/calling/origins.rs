use std::collections::HashMap;
use std::net::IpAddr;

use sangam_device_proto::DeviceId;

/// Where the last session of each device came from, of as many devices as there is room for. What was not noted for the longest
/// time is forgotten first, half of all at a time.
#[derive(Debug)]
pub(super) struct Origins {
    max: usize,
    young: HashMap<DeviceId, IpAddr>,
    old: HashMap<DeviceId, IpAddr>,
}

impl Origins {
    pub(super) fn new(max: usize) -> Self {
        Self { max: max.max(2), young: HashMap::new(), old: HashMap::new() }
    }

    pub(super) fn note(&mut self, device: DeviceId, from: IpAddr) {
        if self.young.len() >= self.max / 2 && !self.young.contains_key(&device) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&device);
        self.young.insert(device, from);
    }

    pub(super) fn get(&self, device: DeviceId) -> Option<IpAddr> {
        self.young.get(&device).or_else(|| self.old.get(&device)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_of_a_device_counts_and_no_more_are_kept_than_may() {
        let mut origins = Origins::new(10);
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        origins.note(DeviceId(1), address(1));
        origins.note(DeviceId(1), address(2));
        assert_eq!(origins.get(DeviceId(1)), Some(address(2)));
        for device in 2..100 {
            origins.note(DeviceId(device), address(3));
            assert!(origins.young.len() + origins.old.len() <= 10);
        }
        assert_eq!(origins.get(DeviceId(1)), None, "it is forgotten");
        assert_eq!(origins.get(DeviceId(99)), Some(address(3)));
    }
}
