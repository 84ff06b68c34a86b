use std::ops::Range;

use crate::api::AllocationKey;

/// A table whose keys are `generation << 32 | index`: found by index alone, and never mistaken for one that had the
/// place before. Generations begin at 1 and end below 2^31, so no key is below 2^32 and none has its top bit set.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// A place reused this often is never used again.
const GENERATION_MAX: u32 = i32::MAX as u32;

impl<T> Slots<T> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// Takes a place whose value comes later.
    pub(crate) fn reserve(&mut self) -> AllocationKey {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 1, value: None });
            u32::try_from(self.slots.len() - 1).expect("limits keep the table far below 2^32")
        });
        AllocationKey(u64::from(self.slots[index as usize].generation) << 32 | u64::from(index))
    }

    /// Fills a reserved place.
    pub(crate) fn fill(&mut self, key: AllocationKey, value: T) {
        if let Some(slot) = self.slot_mut(key) {
            slot.value = Some(value);
        }
    }

    /// Gives a place back; its key is never given out again.
    pub(crate) fn release(&mut self, key: AllocationKey) -> Option<T> {
        let slot = self.slot_mut(key)?;
        let value = slot.value.take();
        slot.generation += 1;
        if slot.generation < GENERATION_MAX {
            self.free.push(key.0 as u32);
        }
        value
    }

    pub(crate) fn get(&self, key: AllocationKey) -> Option<&T> {
        let slot = self.slots.get(key.0 as u32 as usize)?;
        if u64::from(slot.generation) == key.0 >> 32 { slot.value.as_ref() } else { None }
    }

    /// The key of what lies at this index.
    pub(crate) fn key_at(&self, index: u32) -> Option<AllocationKey> {
        let slot = self.slots.get(index as usize).filter(|slot| slot.value.is_some())?;
        Some(AllocationKey(u64::from(slot.generation) << 32 | u64::from(index)))
    }

    pub(crate) fn get_mut(&mut self, key: AllocationKey) -> Option<&mut T> {
        self.slot_mut(key)?.value.as_mut()
    }

    /// Places that were ever taken; it never shrinks.
    pub(crate) fn places(&self) -> usize {
        self.slots.len()
    }

    /// What is in these places, in their order.
    pub(crate) fn iter(&self, places: Range<usize>) -> impl Iterator<Item = (AllocationKey, &T)> {
        let end = places.end.min(self.slots.len());
        let start = places.start.min(end);
        self.slots[start..end].iter().zip(start..).filter_map(|(slot, index)| {
            let value = slot.value.as_ref()?;
            Some((AllocationKey(u64::from(slot.generation) << 32 | index as u64), value))
        })
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| slot.value.as_mut())
    }

    fn slot_mut(&mut self, key: AllocationKey) -> Option<&mut Slot<T>> {
        let slot = self.slots.get_mut(key.0 as u32 as usize)?;
        if u64::from(slot.generation) == key.0 >> 32 { Some(slot) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_key_finds_nothing_though_its_place_is_taken_again() {
        let mut slots = Slots::new();
        let first = slots.reserve();
        slots.fill(first, "first");
        assert_eq!(slots.release(first), Some("first"));
        let second = slots.reserve();
        slots.fill(second, "second");
        assert_eq!(first.0 as u32, second.0 as u32, "the place is reused");
        assert_eq!((slots.key_at(0), slots.key_at(1)), (Some(second), None));
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.release(first), None);
        assert_eq!(slots.get(second), Some(&"second"));
    }

    #[test]
    fn slices_of_places_show_each_value_once_under_its_key() {
        let mut slots = Slots::new();
        let keys: Vec<AllocationKey> = (0..5).map(|_| slots.reserve()).collect();
        for &key in &keys {
            slots.fill(key, key);
        }
        slots.release(keys[1]);
        let places = slots.places();
        let found: Vec<AllocationKey> =
            (0..4).flat_map(|slice| slots.iter(slice * 2..slice * 2 + 2)).map(|(key, _)| key).collect();
        assert_eq!((places, found), (5, vec![keys[0], keys[2], keys[3], keys[4]]));
        assert!(slots.iter(7..9).next().is_none());
    }

    #[test]
    fn a_place_whose_generations_are_used_up_is_retired() {
        let mut slots = Slots::<()>::new();
        let key = slots.reserve();
        slots.slots[0].generation = GENERATION_MAX - 1;
        let last = AllocationKey(u64::from(GENERATION_MAX - 1) << 32 | key.0 & 0xFFFF_FFFF);
        slots.release(last);
        assert_eq!(slots.reserve().0 as u32, 1, "another place");
    }

    #[test]
    fn keys_stay_between_two_to_the_32_and_two_to_the_63() {
        let mut slots = Slots::<()>::new();
        let key = slots.reserve();
        assert!(key.0 >= 1 << 32 && key.0 < 1 << 63);
    }
}
