use std::collections::HashMap;
use std::hash::Hash;

/// The last value of each key, of as many keys as there is room for. What was not noted for the longest time is forgotten first, half
/// of all at a time.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    max: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self { max: max.max(2), young: HashMap::new(), old: HashMap::new() }
    }

    pub(super) fn note(&mut self, key: K, value: V) {
        if self.young.len() >= self.max / 2 && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use sangam_device_proto::DeviceId;

    use super::*;

    #[test]
    fn the_last_value_of_a_key_counts_and_no_more_are_kept_than_may() {
        let mut origins = Recent::new(10);
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        origins.note(DeviceId(1), address(1));
        origins.note(DeviceId(1), address(2));
        assert_eq!(origins.get(&DeviceId(1)), Some(address(2)));
        for device in 2..100 {
            origins.note(DeviceId(device), address(3));
            assert!(origins.young.len() + origins.old.len() <= 10);
        }
        assert_eq!(origins.get(&DeviceId(1)), None, "it is forgotten");
        assert_eq!(origins.get(&DeviceId(99)), Some(address(3)));
    }
}
