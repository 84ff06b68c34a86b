//! What every adapter of the port `storage::devices` must do, and the simplest one that does.

mod listing;
mod memory;
mod memory_reads;
mod random;
mod reading;
pub mod sample;
mod sweeping;
mod writing;

pub use memory::MemoryDeviceStore;
pub use random::{Chance, Everything, Story, everything};

use std::sync::mpsc::channel;

use sangam_storage::devices::{Change, Outcome, Row, Snapshot, Store};

/// Opens the store: at first an empty one, later with all that was committed into the one before, which has been dropped.
pub type OpenStore<'a> = &'a dyn Fn() -> Store;

/// Runs the suite; panics where the adapter does not do what the port says. The store must be empty at first; each part works
/// with devices of its own.
pub fn device_store_conforms(open: OpenStore<'_>) {
    writing::conforms(open);
    reading::conforms(open);
    listing::conforms(open);
    sweeping::conforms(open);
}

/// Does the same random things to the adapter and to [`MemoryDeviceStore`], as `seed` says, and compares all that can be read
/// after each. The store must be empty at first.
pub fn device_store_is_like_the_model(open: OpenStore<'_>, seed: u64, steps: usize) {
    random::is_like_the_model(open, seed, steps);
}

/// Asks a snapshot of the store and waits for the answer.
pub fn ask<T: Send + 'static>(store: &Store, question: impl FnOnce(&mut dyn Snapshot) -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    let job = Box::new(move |snapshot: &mut dyn Snapshot| drop(sender.send(question(snapshot))));
    store.readers.read(job).expect("the queue of readers has room");
    receiver.recv().expect("the job is done and does not panic")
}

/// Commits rows as one change, and it is taken.
fn put(store: &mut Store, rows: Vec<Row>) {
    assert_eq!(try_put(store, rows), Outcome::Done);
}

/// Commits rows as one change.
fn try_put(store: &mut Store, rows: Vec<Row>) -> Outcome {
    let outcomes = store.writer.commit(&[Change { rows }]).expect("committed");
    assert_eq!(outcomes.len(), 1);
    outcomes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_conforms() {
        let model = MemoryDeviceStore::default();
        device_store_conforms(&|| model.open());
    }

    #[test]
    fn the_model_is_like_itself_when_it_is_opened_again_and_again() {
        for seed in 0..10 {
            let model = MemoryDeviceStore::default();
            device_store_is_like_the_model(&|| model.open(), seed, 60);
        }
    }
}
