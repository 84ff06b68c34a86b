//! How many allocations each user has, and how many there are, on all threads together.
//!
//! Whoever opens a relay socket [takes](Quotas::take) a [`Hold`] first and keeps it as long as the socket: its end, however
//! it comes about, gives the quota back, be it that the socket could not be opened, that it was closed, or that the thread
//! it belonged to is gone. A socket that moves to another thread takes its hold along.
//!
//! The counts stand in a table behind locks, of which a user has one of sixteen. It is asked once for each allocation, never
//! for a packet, and a core that knows by itself that its user has too many does not ask. Leases of quota, handed from
//! thread to thread, would do without a lock, but a limit of four that is spread over eight threads is exact only if every
//! lease can be called back before anybody is refused: a round through all threads for each refusal. A lock held for one
//! look-up costs less than the system call that opens the socket.
//!
//! Memory: one entry for each user who has an allocation, so never more than [`Limits::allocations`].

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use sangam_turn_proto::{AllocationKey, Limits, OpenError, user_of};

/// The counts of one server.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    users: [Mutex<Users>; SHARDS],
    hasher: RandomState,
    total: AtomicUsize,
}

type Users = HashMap<Arc<str>, usize, foldhash::fast::RandomState>;

const SHARDS: usize = 16;

impl Quotas {
    /// Counts `more` allocations of the user behind this name, or none of them.
    ///
    /// # Errors
    ///
    /// The limit that they would exceed.
    pub(crate) fn take(self: &Arc<Self>, username: &str, more: usize, limits: &Limits) -> Result<Hold, OpenError> {
        let user = user_of(username);
        let mut users = self.shard(user);
        let (name, held) = match users.get_key_value(user) {
            Some((name, &held)) => (Arc::clone(name), held),
            None => (Arc::from(user), 0),
        };
        if held + more > limits.allocations_per_user {
            return Err(OpenError::UserQuota);
        }
        // Under the user's lock, so that what the user may not have is never counted, not even for a moment.
        self.take_of_all(more, limits)?;
        users.insert(Arc::clone(&name), held + more);
        Ok(Hold { quotas: Arc::clone(self), user: name, count: more })
    }

    fn take_of_all(&self, more: usize, limits: &Limits) -> Result<(), OpenError> {
        let refusal = |total: usize| {
            if total + more > limits.allocations {
                return Some(OpenError::ServerQuota);
            }
            (total + more > allocations_by_bandwidth(limits)).then_some(OpenError::BandwidthQuota)
        };
        let take = |total| refusal(total).is_none().then_some(total + more);
        let taken = self.total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(drop).map_err(|total| refusal(total).unwrap_or(OpenError::ServerQuota))
    }

    fn give_back(&self, user: &str, count: usize) {
        let mut users = self.shard(user);
        match users.get_mut(user) {
            Some(held) if *held > count => *held -= count,
            Some(_) | None => {
                users.remove(user);
            }
        }
        self.total.fetch_sub(count, Ordering::Relaxed);
    }

    fn shard(&self, user: &str) -> MutexGuard<'_, Users> {
        let shard = self.hasher.hash_one(user) as usize % SHARDS;
        // Nothing between lock and unlock panics; a count is whole at every moment.
        self.users[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn of(&self, username: &str) -> usize {
        let user = user_of(username);
        self.shard(user).get(user).copied().unwrap_or(0)
    }

    #[cfg(test)]
    pub(crate) fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }
}

/// As coturn has it: while the rates of the allocations there are do not use up the rate of all, one more is let in.
fn allocations_by_bandwidth(limits: &Limits) -> usize {
    match (limits.bytes_per_second, limits.allocation_bytes_per_second) {
        (Some(of_all), Some(each)) => usize::try_from(of_all.get().div_ceil(each.get())).unwrap_or(usize::MAX),
        (Some(_), None) | (None, Some(_) | None) => usize::MAX,
    }
}

/// Allocations counted towards their user and the server, until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    quotas: Arc<Quotas>,
    user: Arc<str>,
    count: usize,
}

impl Hold {
    /// Parts one of several off.
    fn split_one(&mut self) -> Self {
        self.count -= 1;
        Self { quotas: Arc::clone(&self.quotas), user: Arc::clone(&self.user), count: 1 }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.quotas.give_back(&self.user, self.count);
    }
}

/// The holds of one life of a thread: one for each allocation and each port in reserve. They end with it. Only its thread
/// keeps and takes them; the lock is for the supervisor, which gives back those of a thread that hangs.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<HashMap<AllocationKey, Hold, foldhash::fast::RandomState>>);

impl Holds {
    /// Keeps a hold for as long as this allocation, or port in reserve, has its socket.
    pub(crate) fn keep(&self, allocation: AllocationKey, hold: Hold) {
        self.held().insert(allocation, hold);
    }

    /// Keeps a hold of two for an allocation and the port beside it.
    pub(crate) fn keep_both(&self, allocation: AllocationKey, next: AllocationKey, mut hold: Hold) {
        let mut held = self.held();
        held.insert(next, hold.split_one());
        held.insert(allocation, hold);
    }

    /// Takes a hold out: it goes where the socket goes, or ends.
    pub(crate) fn take(&self, allocation: AllocationKey) -> Option<Hold> {
        self.held().remove(&allocation)
    }

    /// Gives all back. A thread that hangs just here keeps its own until it ends.
    pub(crate) fn give_back(&self) {
        if let Ok(mut held) = self.0.try_lock() {
            held.clear();
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<AllocationKey, Hold, foldhash::fast::RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
