use sangam_types::Wall;

/// What tells requests apart: `ts` and `id`. Copies of one request have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Seconds since 1970.
    pub timestamp_secs: u64,
    /// Among requests of the same second.
    pub id: u32,
}

/// Stamps for a sender: each later than all before, whatever its clock does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamps {
    last: Stamp,
}

impl Stamps {
    /// Goes on after that one.
    #[must_use]
    pub const fn after(last: Stamp) -> Self {
        Self { last }
    }

    /// The next one.
    #[must_use]
    pub fn next_stamp(&mut self, now: Wall) -> Stamp {
        let last = self.last;
        self.last = match (now.unix_secs() > last.timestamp_secs, last.id.checked_add(1)) {
            (true, _) => Stamp { timestamp_secs: now.unix_secs(), id: 1 },
            (false, Some(id)) => Stamp { id, ..last },
            (false, None) => Stamp { timestamp_secs: last.timestamp_secs.saturating_add(1), id: 1 },
        };
        self.last
    }
}

/// The CPE's end: takes each request once, and none that is older than the last.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageOrder {
    last: Stamp,
}

/// A copy of a request that was taken, or an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StaleMessage {
    /// The same again: its sender sends several copies.
    #[error("a copy of the last request")]
    Copy,
    /// From before it: late, or replayed.
    #[error("older than the last request")]
    Older,
}

impl MessageOrder {
    /// Takes the stamp of a request whose signature is right.
    ///
    /// # Errors
    ///
    /// The request is to be ignored.
    pub fn take(&mut self, stamp: Stamp) -> Result<(), StaleMessage> {
        match stamp.cmp(&self.last) {
            std::cmp::Ordering::Less => Err(StaleMessage::Older),
            std::cmp::Ordering::Equal => Err(StaleMessage::Copy),
            std::cmp::Ordering::Greater => {
                self.last = stamp;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_never_go_back_though_the_clock_does() {
        let mut stamps = Stamps::default();
        let made = [100, 100, 99, 101].map(|secs| stamps.next_stamp(Wall::from_unix_secs(secs)));
        assert!(made.is_sorted_by(|a, b| a < b), "{made:?}");
        assert_eq!(made[3], Stamp { timestamp_secs: 101, id: 1 });
        stamps.last.id = u32::MAX;
        assert_eq!(stamps.next_stamp(Wall::from_unix_secs(101)), Stamp { timestamp_secs: 102, id: 1 });
    }

    #[test]
    fn each_request_is_taken_once_and_none_that_is_older() {
        let mut order = MessageOrder::default();
        let stamp = |timestamp_secs, id| Stamp { timestamp_secs, id };
        assert_eq!(order.take(stamp(100, 2)), Ok(()));
        assert_eq!(order.take(stamp(100, 2)), Err(StaleMessage::Copy));
        assert_eq!(order.take(stamp(100, 1)), Err(StaleMessage::Older));
        assert_eq!(order.take(stamp(99, 9)), Err(StaleMessage::Older));
        assert_eq!(order.take(stamp(100, 3)), Ok(()));
    }
}
