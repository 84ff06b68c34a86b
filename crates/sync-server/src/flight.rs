use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sangam_storage::StoreError;
use tokio::sync::oneshot;

/// Reads that are under way: whoever wants the same waits for the same. A read goes on when those who wait for it go away.
#[derive(Debug)]
pub(crate) struct Flights<K, V> {
    waiting: Mutex<HashMap<K, Vec<oneshot::Sender<Landed<V>>>>>,
}

type Landed<V> = Result<V, Arc<StoreError>>;

/// The duty to end a read. Dropped without [`Self::land`], whoever waits is told that there are too many reads.
#[derive(Debug)]
pub(crate) struct Landing<K: Eq + Hash, V> {
    flights: Arc<Flights<K, V>>,
    key: K,
    landed: bool,
}

/// A read that somebody waits for.
#[derive(Debug)]
pub(crate) struct Awaited<V>(oneshot::Receiver<Landed<V>>);

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { waiting: Mutex::default() }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Flights<K, V> {
    /// Waits for the read of `key`; with a landing, it is not under way yet and the caller must start it.
    pub(crate) fn join(self: &Arc<Self>, key: K) -> (Awaited<V>, Option<Landing<K, V>>) {
        let (sender, receiver) = oneshot::channel();
        let started = match self.lock().entry(key.clone()) {
            Entry::Occupied(mut under_way) => {
                under_way.get_mut().push(sender);
                false
            }
            Entry::Vacant(vacant) => {
                vacant.insert(vec![sender]);
                true
            }
        };
        (Awaited(receiver), started.then(|| Landing { flights: Arc::clone(self), key, landed: false }))
    }

    /// Begins a read that nobody waits for yet; `None`: it is under way.
    pub(crate) fn begin(self: &Arc<Self>, key: K) -> Option<Landing<K, V>> {
        match self.lock().entry(key.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert(Vec::new());
                Some(Landing { flights: Arc::clone(self), key, landed: false })
            }
        }
    }
}

impl<K: Eq + Hash, V> Flights<K, V> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Vec<oneshot::Sender<Landed<V>>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V: Clone> Landing<K, V> {
    pub(crate) fn land(mut self, result: Result<V, StoreError>) {
        self.landed = true;
        let waiting = self.flights.lock().remove(&self.key).unwrap_or_default();
        let result = result.map_err(Arc::new);
        for sender in waiting {
            // Whoever has gone away needs no answer.
            let _: Result<(), Landed<V>> = sender.send(result.clone());
        }
    }
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        if !self.landed {
            self.flights.lock().remove(&self.key);
        }
    }
}

impl<V> Awaited<V> {
    pub(crate) async fn landed(self) -> Result<V, StoreError> {
        match self.0.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Arc::try_unwrap(error).unwrap_or_else(|shared| told_again(&shared))),
            Err(_) => Err(StoreError::Busy),
        }
    }
}

/// The same failure for one more who waited for it.
pub(crate) fn told_again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Busy => StoreError::Busy,
        StoreError::Full { at } => StoreError::Full { at: at.clone() },
        StoreError::Uncertain { at, source } => {
            StoreError::Uncertain { at: at.clone(), source: source.to_string().into() }
        }
        StoreError::Damaged { at, what } => StoreError::Damaged { at: at.clone(), what: what.clone() },
        StoreError::Unusable { at, source } => {
            StoreError::Unusable { at: at.clone(), source: source.to_string().into() }
        }
        other => StoreError::Unusable { at: "the store of sync".to_owned(), source: other.to_string().into() },
    }
}
