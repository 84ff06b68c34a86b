/// A list whose first `N` items lie in place: most allocations have few permissions and channels, and a packet should
/// find them without following a pointer.
#[derive(Debug)]
pub(crate) struct InlineList<T, const N: usize> {
    inline: [Option<T>; N],
    overflow: Vec<T>,
}

impl<T, const N: usize> InlineList<T, N> {
    pub(crate) fn new() -> Self {
        Self { inline: std::array::from_fn(|_| None), overflow: Vec::new() }
    }

    /// In the place of the first item that `is_same` says yes to, else as a new one.
    pub(crate) fn put(&mut self, item: T, is_same: impl Fn(&T) -> bool) {
        if let Some(held) = self.iter_mut().find(|held| is_same(held)) {
            *held = item;
            return;
        }
        match self.inline.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(item),
            None => self.overflow.push(item),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.inline.iter().flatten().chain(&self.overflow)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.inline.iter_mut().flatten().chain(&mut self.overflow)
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }

    /// Keeps what `keep` says yes to, and moves items from the overflow into places that became free.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.overflow.retain(&mut keep);
        for place in &mut self.inline {
            if place.as_ref().is_some_and(|item| !keep(item)) {
                *place = None;
            }
            if place.is_none() {
                *place = self.overflow.pop();
            }
        }
        if self.overflow.is_empty() {
            self.overflow = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_takes_the_place_of_its_like_wherever_that_lies() {
        let mut list = InlineList::<(u32, char), 1>::new();
        for item in [(1, 'a'), (2, 'a'), (1, 'b'), (2, 'b')] {
            list.put(item, |held| held.0 == item.0);
        }
        assert_eq!(list.iter().copied().collect::<Vec<_>>(), [(1, 'b'), (2, 'b')]);
    }

    #[test]
    fn items_beyond_the_places_overflow_and_move_in_again() {
        let mut list = InlineList::<u32, 2>::new();
        for item in 0..5 {
            list.put(item, |_| false);
        }
        list.retain(|item| item % 2 == 0);
        assert_eq!(list.len(), 3);
        assert!([0, 2, 4].iter().all(|item| list.iter().any(|held| held == item)));
        list.retain(|&item| item == 4);
        assert!(list.overflow.is_empty());
        assert_eq!(list.iter().copied().collect::<Vec<_>>(), [4]);
    }
}
