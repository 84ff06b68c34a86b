//! The file as a crash leaves it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use sangam_bus::{FileJournal, Journal as _, JournalOptions};
use sangam_testkit::journal::HandClock;
use sangam_testkit::{WAIT_MAX, wait_until};

use crate::ground::{held, open, value};

const HOUR: Duration = Duration::from_secs(3_600);

async fn written(directory: &Path, clock: &HandClock, keys: &[&str]) {
    let journal = open(directory, clock, JournalOptions::default());
    for key in keys {
        journal.put("a", key, value("v"), clock.now() + HOUR);
    }
    journal.flush().await.unwrap();
}

#[tokio::test]
async fn a_damaged_middle_costs_what_stood_there_and_is_mended() {
    let (parent, clock) = (tempfile::tempdir().unwrap(), HandClock::default());
    written(parent.path(), &clock, &["1", "2", "3"]).await;
    let path = parent.path().join("journal");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    fs::write(&path, bytes).unwrap();
    let journal = open(parent.path(), &clock, JournalOptions::default());
    assert_eq!(held(&journal).await, ["1=v", "3=v"]);
    assert!(journal.stats().unreadable_bytes > 0);
    journal.flush().await.unwrap();
    drop(journal);
    let journal = open(parent.path(), &clock, JournalOptions::default());
    assert_eq!((held(&journal).await.len(), journal.stats().unreadable_bytes), (2, 0));
}

#[tokio::test]
async fn a_file_that_is_no_journal_is_set_aside_and_nothing_prevents_the_start() {
    for content in [&b"something else altogether, and longer than any header"[..], &[0; 4_096], b"san", b""] {
        let (parent, clock) = (tempfile::tempdir().unwrap(), HandClock::default());
        fs::write(parent.path().join("journal"), content).unwrap();
        fs::write(parent.path().join("journal.new"), content).unwrap();
        written(parent.path(), &clock, &["1"]).await;
        assert_eq!(held(&open(parent.path(), &clock, JournalOptions::default())).await, ["1=v"]);
        assert_eq!(parent.path().join("journal.damaged").exists(), content.len() > 20);
    }
}

#[tokio::test]
async fn what_was_put_reaches_the_file_without_a_flush() {
    let (parent, clock) = (tempfile::tempdir().unwrap(), HandClock::default());
    let options = JournalOptions { sync_interval: HOUR, ..JournalOptions::default() };
    let journal = open(parent.path(), &clock, options);
    journal.put("a", "k", value("v"), clock.now() + HOUR);
    // The file as the death of the process would leave it.
    let copy = parent.path().join("copy");
    fs::create_dir(&copy).unwrap();
    wait_until("the record is in the file", WAIT_MAX, || {
        fs::copy(parent.path().join("journal"), copy.join("journal"))?;
        let journal = FileJournal::open(&copy, clock.as_wall_clock(), JournalOptions::default())?;
        Ok((journal.stats().records == 1).then_some(()))
    })
    .unwrap();
}

#[tokio::test]
async fn at_any_moment_the_file_holds_what_it_held_before_while_it_is_replaced_over_and_over() {
    let (parent, clock) = (tempfile::tempdir().unwrap(), HandClock::default());
    let options = JournalOptions {
        compact_bytes_min: 2_048,
        sync_interval: Duration::from_millis(1),
        ..JournalOptions::default()
    };
    let journal = open(parent.path(), &clock, options);
    journal.put("a", "stays", value("here"), clock.now() + HOUR);
    journal.flush().await.unwrap();
    let (writer, expires) = (std::sync::Arc::clone(&journal), clock.now() + HOUR);
    let puts = std::thread::spawn(move || {
        let mut number = 0_u32;
        while writer.stats().compactions < 5 {
            number += 1;
            writer.put("a", "number", value(&format!("{number:08}")), expires);
        }
    });
    let copy = parent.path().join("copy");
    fs::create_dir(&copy).unwrap();
    let mut newest = String::new();
    while !puts.is_finished() {
        fs::copy(parent.path().join("journal"), copy.join("journal")).unwrap();
        let mut held = held(&open(&copy, &clock, JournalOptions::default())).await;
        assert_eq!(held.pop().as_deref(), Some("stays=here"));
        let number = held.pop().unwrap_or_default();
        assert!(number >= newest, "{number} after {newest}");
        newest = number;
    }
    puts.join().unwrap();
    assert!(journal.stats().compactions >= 5);
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Remove(u8),
    /// The process ends and the file is cut: at this part of 255 of what was written since the start.
    Crash(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u8, any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        2 => (0..4_u8).prop_map(Step::Remove),
        1 => any::<u8>().prop_map(Step::Crash),
    ];
    proptest::collection::vec(step, 1..40)
}

type State = BTreeMap<String, String>;

fn lines(state: &State) -> Vec<String> {
    state.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// Runs the steps; after each crash the journal must be as it was after one of the steps since the last start.
async fn run(steps: Vec<Step>) {
    let (parent, clock) = (tempfile::tempdir().unwrap(), HandClock::default());
    let path = parent.path().join("journal");
    let mut journal = open(parent.path(), &clock, JournalOptions::default());
    let mut history = vec![State::new()];
    let mut began = fs::metadata(&path).unwrap().len();
    for step in steps.into_iter().chain([Step::Crash(255)]) {
        let mut state = history.last().unwrap().clone();
        match step {
            Step::Put(key, text) => {
                state.insert(key.to_string(), text.to_string());
                journal.put("a", &key.to_string(), value(&text.to_string()), clock.now() + HOUR);
                history.push(state);
            }
            Step::Remove(key) => {
                state.remove(&key.to_string());
                journal.remove("a", &key.to_string());
                history.push(state);
            }
            Step::Crash(part) => {
                drop(journal);
                let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                let grown = file.metadata().unwrap().len() - began;
                file.set_len(began + grown * u64::from(part) / 255).unwrap();
                journal = open(parent.path(), &clock, JournalOptions::default());
                let now = held(&journal).await;
                let at = history.iter().rposition(|state| lines(state) == now);
                let at = at.unwrap_or_else(|| panic!("{now:?} is none of {history:?}"));
                assert!(part < 255 || at + 1 == history.len(), "a whole file lost something");
                history = vec![history.swap_remove(at)];
                began = fs::metadata(&path).unwrap().len();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_put_and_removed_a_cut_file_is_the_journal_as_it_once_was(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(steps));
    }
}
