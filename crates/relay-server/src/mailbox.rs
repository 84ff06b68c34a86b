use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::incarnation::Owner;

/// A bounded queue to a relay thread that outlives the thread: whoever sends does not notice that another has taken its
/// place.
///
/// Sending takes no lock. Collecting takes one, once for all that a wake finds, and nobody else wants it but the
/// supervisor when it changes the owner.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    sender: SyncSender<T>,
    collecting: Mutex<Collecting<T>>,
}

#[derive(Debug)]
struct Collecting<T> {
    owner: Option<Owner>,
    receiver: Receiver<T>,
}

impl<T> Mailbox<T> {
    /// A queue with room for `bound`, that belongs to nobody yet.
    pub(crate) fn new(bound: usize) -> Self {
        let (sender, receiver) = sync_channel(bound);
        Self { sender, collecting: Mutex::new(Collecting { owner: None, receiver }) }
    }

    /// Queues something; gives it back if there is no room.
    pub(crate) fn post(&self, item: T) -> Result<(), T> {
        // The receiving end lives as long as this one: only a full queue refuses.
        self.sender.try_send(item).map_err(|refused| match refused {
            std::sync::mpsc::TrySendError::Full(item) | std::sync::mpsc::TrySendError::Disconnected(item) => item,
        })
    }

    /// Whom the queue belongs to from now on.
    pub(crate) fn pass_to(&self, owner: Owner) {
        self.collecting.lock().unwrap_or_else(PoisonError::into_inner).owner = Some(owner);
    }

    /// Puts up to `max` into `into`, for `owner` alone; `false` if more may wait.
    pub(crate) fn collect(&self, owner: Owner, max: usize, into: &mut Vec<T>) -> bool {
        let collecting = self.collecting.lock().unwrap_or_else(PoisonError::into_inner);
        if collecting.owner != Some(owner) {
            return true;
        }
        let before = into.len();
        into.extend(collecting.receiver.try_iter().take(max));
        into.len() - before < max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_goes_to_the_owner_of_the_moment_and_to_nobody_before() {
        let mailbox = Mailbox::new(3);
        let [first, second] = [0, 1].map(|life| Owner { thread: 7, life });
        mailbox.pass_to(first);
        assert!((1..=3).all(|item| mailbox.post(item).is_ok()));
        assert_eq!(mailbox.post(4), Err(4));
        let mut taken = Vec::new();
        assert!(!mailbox.collect(first, 1, &mut taken));
        mailbox.pass_to(second);
        assert!(mailbox.collect(first, 9, &mut taken));
        assert_eq!(taken, [1]);
        assert!(mailbox.collect(second, 9, &mut taken));
        assert_eq!(taken, [1, 2, 3]);
    }
}
