use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use sangam_bus::{Journal, JournalOptions, MemoryJournal};
use sangam_testkit::journal::{HandClock, JournalGround, journal_conforms};
use sangam_types::Wall;

/// In a directory, or in memory.
struct Ground {
    clock: HandClock,
    directory: Option<PathBuf>,
}

impl JournalGround for Ground {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Journal>> {
        let journal: Arc<dyn Journal> = match &self.directory {
            Some(directory) => crate::ground::open(directory, &self.clock, JournalOptions::default()),
            None => Arc::new(MemoryJournal::new(self.clock.as_wall_clock(), JournalOptions::default())),
        };
        ready(journal).boxed()
    }

    fn now(&self) -> Wall {
        self.clock.now()
    }

    fn pass(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.clock.pass(time);
        ready(()).boxed()
    }

    fn is_lasting(&self) -> bool {
        self.directory.is_some()
    }
}

#[tokio::test]
async fn the_journal_in_memory_does_what_every_journal_does() {
    journal_conforms(&Ground { clock: HandClock::default(), directory: None }).await;
}

#[tokio::test]
async fn the_journal_in_a_file_does_what_every_journal_does() {
    let parent = tempfile::tempdir().unwrap();
    let directory = Some(parent.path().join("data/live"));
    journal_conforms(&Ground { clock: HandClock::default(), directory }).await;
}
