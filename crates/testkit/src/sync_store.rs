//! What every adapter of the port `storage::sync` must do, and the simplest one that does.

mod draft;
mod memory;
mod memory_reads;
mod paging;
mod random;
mod reading;
mod sweeping;
mod writing;

pub use draft::{Edit, draft};
pub use memory::{Failing, MemorySyncStore};

use std::sync::mpsc::channel;
use std::thread;

use sangam_storage::sync::{Snapshot, Store};

/// Opens the store: at first an empty one, later with all that was committed into the one before, which has been dropped.
pub type OpenStore<'a> = &'a dyn Fn() -> Store;

/// Runs the suite; panics where the adapter does not do what the port says. Each part has databases of its own in the one store.
pub fn sync_store_conforms(open: OpenStore<'_>) {
    reading::conforms(open);
    writing::conforms(open);
    paging::conforms(open);
    sweeping::conforms(open);
}

/// Does the same random things to the adapter and to [`MemorySyncStore`], as `seed` says, and compares all that can be read after
/// each. The store must be empty at first.
pub fn sync_store_is_like_the_model(open: OpenStore<'_>, seed: u64, steps: usize) {
    random::is_like_the_model(open, seed, steps);
}

/// Asks a snapshot of the store and waits for the answer.
pub fn ask<T: Send + 'static>(store: &Store, question: impl FnOnce(&mut dyn Snapshot) -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    let job = Box::new(move |snapshot: &mut dyn Snapshot| drop(sender.send(question(snapshot))));
    store.readers.read(job).expect("the queue of readers has room");
    receiver.recv().expect("the job is done and does not panic")
}

/// Asks a snapshot in two parts: what `between` does happens while the job is at work.
fn ask_around<A: Send + 'static, B: Send + 'static>(
    store: &mut Store,
    first: impl FnOnce(&mut dyn Snapshot) -> A + Send + 'static,
    between: impl FnOnce(&mut Store),
    second: impl FnOnce(&mut dyn Snapshot) -> B + Send + 'static,
) -> (A, B) {
    let (first_done, wait_for_first) = channel();
    let (go_on, wait_to_go_on) = channel::<()>();
    let (second_done, wait_for_second) = channel();
    let readers = store.readers.clone();
    // A thread of its own, as an adapter may do a job where it is handed in.
    let asking = thread::spawn(move || {
        let job = Box::new(move |snapshot: &mut dyn Snapshot| {
            drop(first_done.send(first(snapshot)));
            // The end of the sender is the sign as well.
            wait_to_go_on.recv().unwrap_or_default();
            drop(second_done.send(second(snapshot)));
        });
        readers.read(job).expect("the queue of readers has room");
    });
    let a = wait_for_first.recv().expect("the first part is done");
    between(store);
    drop(go_on);
    let b = wait_for_second.recv().expect("the second part is done");
    asking.join().expect("the job was handed in");
    (a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_conforms() {
        let model = MemorySyncStore::default();
        sync_store_conforms(&|| model.open());
    }

    #[test]
    fn the_model_is_like_itself_when_it_is_opened_again_and_again() {
        for seed in 0..10 {
            let model = MemorySyncStore::default();
            sync_store_is_like_the_model(&|| model.open(), seed, 60);
        }
    }
}
