use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use sangam_bus::{FileJournal, Journal as _, JournalOptions};
use sangam_testkit::journal::HandClock;

pub(crate) fn open(directory: &Path, clock: &HandClock, options: JournalOptions) -> Arc<FileJournal> {
    Arc::new(FileJournal::open(directory, clock.as_wall_clock(), options).unwrap())
}

/// `key=value` of each record of the area `a`.
pub(crate) async fn held(journal: &FileJournal) -> Vec<String> {
    let records = journal.load("a").await.unwrap();
    records.iter().map(|record| format!("{}={}", record.key, String::from_utf8_lossy(&record.value))).collect()
}

pub(crate) fn value(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
