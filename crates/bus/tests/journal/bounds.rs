use std::fs;
use std::time::Duration;

use bytes::Bytes;
use sangam_bus::{Journal as _, JournalOptions, MemoryJournal};
use sangam_testkit::journal::HandClock;
use sangam_testkit::{WAIT_MAX, wait_until};

use crate::ground::{held, open, value};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_too_much_is_dropped_and_counted() {
    let (parent, clock) = (tempfile::tempdir().unwrap(), HandClock::default());
    let options = JournalOptions { bytes_max: 3 * 200, value_bytes_max: 50, ..JournalOptions::default() };
    let file = open(parent.path(), &clock, options.clone());
    let memory = MemoryJournal::new(clock.as_wall_clock(), options);
    let expires = clock.now() + MINUTE;
    for journal in [&*file as &dyn sangam_bus::Journal, &memory] {
        journal.put("a", "large", Bytes::from(vec![0; 51]), expires);
        journal.put("a", &"k".repeat(5_000), Bytes::new(), expires);
        for key in ["1", "2", "3", "4", "5"] {
            journal.put("a", key, Bytes::from(vec![b'x'; 50]), expires);
        }
        journal.put("a", "1", value("new"), expires);
    }
    for stats in [file.stats(), memory.stats()] {
        assert_eq!((stats.dropped_too_large, stats.dropped_full, stats.puts, stats.records), (2, 2, 4, 3));
    }
    clock.pass(MINUTE);
    file.put("a", "after", value("room again"), clock.now() + MINUTE);
    assert_eq!(held(&file).await, ["after=room again"]);
    assert_eq!(file.stats().expired, 3);
}

#[tokio::test]
async fn what_finds_the_queue_full_is_dropped_and_counted_and_is_not_there() {
    let (parent, clock) = (tempfile::tempdir().unwrap(), HandClock::default());
    let options = JournalOptions { queue_bytes_max: 100, ..JournalOptions::default() };
    let journal = open(parent.path(), &clock, options);
    journal.put("a", "k", Bytes::from(vec![0; 200]), clock.now() + MINUTE);
    assert_eq!((journal.stats().dropped_queue_full, held(&journal).await.len()), (1, 0));
    journal.put("a", "k", value("small"), clock.now() + MINUTE);
    journal.flush().await.unwrap();
    assert_eq!(held(&journal).await, ["k=small"]);
}

#[tokio::test]
async fn a_file_that_is_mostly_of_the_past_is_replaced_by_what_lives() {
    let (parent, clock) = (tempfile::tempdir().unwrap(), HandClock::default());
    let options = JournalOptions {
        compact_bytes_min: 4_096,
        sync_interval: Duration::from_millis(1),
        ..JournalOptions::default()
    };
    let journal = open(parent.path(), &clock, options.clone());
    let expires = clock.now() + MINUTE;
    journal.put("a", "stays", value("here"), expires);
    wait_until("the file is compacted", WAIT_MAX, || {
        for _ in 0..64 {
            journal.put("a", "changes", value("again and again"), expires);
        }
        Ok((journal.stats().compactions > 2).then_some(()))
    })
    .unwrap();
    journal.put("a", "changes", value("for the last time"), expires);
    journal.flush().await.unwrap();
    assert!(!parent.path().join("journal.new").exists());
    drop(journal);
    let journal = open(parent.path(), &clock, options);
    assert_eq!(held(&journal).await, ["changes=for the last time", "stays=here"]);
}

#[tokio::test]
async fn a_write_that_failed_is_made_good_from_memory() {
    let (parent, clock) = (tempfile::tempdir().unwrap(), HandClock::default());
    let options = JournalOptions { compact_bytes_min: 0, sync_interval: Duration::ZERO, ..JournalOptions::default() };
    let journal = open(parent.path(), &clock, options.clone());
    // A directory where the successor should be: no compaction can succeed.
    fs::create_dir(parent.path().join("journal.new")).unwrap();
    for key in ["past", "k"] {
        journal.put("a", key, value("v"), clock.now() + MINUTE);
        journal.remove("a", "past");
        assert!(journal.flush().await.is_err());
    }
    assert!(journal.stats().write_errors > 0);
    fs::remove_dir(parent.path().join("journal.new")).unwrap();
    journal.flush().await.unwrap();
    drop(journal);
    assert_eq!(held(&open(parent.path(), &clock, options)).await, ["k=v"]);
}
