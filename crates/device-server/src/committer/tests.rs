use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use sangam_storage::devices::{DeviceId, EventId, EventRow, LastIds, Row, Seen, Sweep, Swept};

use super::*;

/// A store that does as it is told, and remembers what it was given.
#[derive(Clone, Debug, Default)]
struct Script {
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    /// What the next commits say; then they are fine.
    commits: VecDeque<StoreError>,
    /// What the next attempts to open it anew say; then they are fine.
    reopenings: VecDeque<StoreError>,
    written: Vec<Vec<Change>>,
    reopened: usize,
    /// A commit that failed so is not to be followed by another before it is opened anew.
    closed: bool,
}

impl Writer for Script {
    fn last_ids(&mut self) -> Result<LastIds, StoreError> {
        Ok(LastIds::default())
    }

    fn commit(&mut self, changes: &[Change]) -> Result<Vec<Outcome>, StoreError> {
        let mut told = self.told.lock().unwrap();
        assert!(!told.closed, "a store that nobody knows the state of is written to");
        if let Some(error) = told.commits.pop_front() {
            told.closed = error.must_reopen();
            return Err(error);
        }
        told.written.push(changes.to_vec());
        Ok(vec![Outcome::Done; changes.len()])
    }

    fn sweep(&mut self, _: &Sweep) -> Result<Swept, StoreError> {
        Ok(Swept::default())
    }

    fn checkpoint(&mut self) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let mut told = self.told.lock().unwrap();
        told.reopened += 1;
        match told.reopenings.pop_front() {
            Some(error) => Err(error),
            None => {
                told.closed = false;
                Ok(())
            }
        }
    }
}

struct Rig {
    script: Script,
    seen: Arc<SeenBoard>,
    committer: Committer,
}

impl Rig {
    fn start(commits: Vec<StoreError>, reopenings: Vec<StoreError>) -> Self {
        let script = Script::default();
        {
            let mut told = script.told.lock().unwrap();
            told.commits = commits.into();
            told.reopenings = reopenings.into();
        }
        let seen = Arc::<SeenBoard>::default();
        let deps = CommitterDeps {
            news: Arc::new(News::new(&crate::options::NewsOptions::default())),
            writer: Box::new(script.clone()),
            seen: Arc::clone(&seen),
            metrics: Arc::default(),
            clock: Arc::new(|| Wall::from_unix_millis(5)),
            last_event: 40,
        };
        let options = Options { seen_interval: Duration::from_secs(3_600), ..Options::default() };
        let committer = Committer::start(&options, deps).unwrap();
        Self { script, seen, committer }
    }

    async fn commit(&self, rows: Vec<Row>) -> Result<Outcome, NotStored> {
        self.committer.commit(self.committer.admit(10).unwrap(), Change::from(rows)).await
    }

    fn rows(&self) -> Vec<Row> {
        let told = self.script.told.lock().unwrap();
        told.written.iter().flatten().flat_map(|change| change.rows.clone()).collect()
    }
}

fn event() -> Row {
    Row::Event(EventRow {
        id: EventId(0),
        device: DeviceId(1),
        at_ms: 1,
        kind: "1 BOOT".into(),
        command_key: "".into(),
        detail: bytes::Bytes::new(),
    })
}

fn uncertain() -> StoreError {
    StoreError::Uncertain { at: "f".to_owned(), source: "lost".into() }
}

fn full() -> StoreError {
    StoreError::Full { at: "f".to_owned() }
}

#[tokio::test]
async fn events_are_numbered_above_those_of_before_in_the_order_in_which_they_are_written() {
    let rig = Rig::start(Vec::new(), Vec::new());
    rig.commit(vec![event(), event()]).await.unwrap();
    rig.commit(vec![event()]).await.unwrap();
    let numbers: Vec<_> = rig.rows().iter().map(|row| if let Row::Event(it) = row { it.id.0 } else { 0 }).collect();
    assert_eq!(numbers, [41, 42, 43]);
}

#[tokio::test]
async fn who_waits_for_a_write_that_failed_is_told_and_the_next_goes_on_when_there_is_room() {
    let rig = Rig::start(vec![full()], Vec::new());
    let refused = rig.commit(vec![event()]).await.unwrap_err();
    assert!(matches!(&refused, NotStored::Store(error) if matches!(**error, StoreError::Full { .. })), "{refused:?}");
    assert!(rig.committer.condition().trouble.is_some());
    rig.commit(vec![event()]).await.unwrap();
    assert!(rig.committer.condition().trouble.is_none());
    assert_eq!(rig.script.told.lock().unwrap().reopened, 0, "nothing is uncertain where there is no room");
}

#[tokio::test]
async fn a_store_of_which_nobody_knows_is_opened_anew_before_anything_else_is_written() {
    let unusable = || StoreError::io("f", io::Error::other("gone"));
    let rig = Rig::start(vec![uncertain()], vec![unusable(), unusable()]);
    assert!(rig.commit(vec![event()]).await.is_err());
    // Meanwhile it is refused, or it waits until the store is there; a fault of ours would panic in the script.
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while rig.commit(vec![event()]).await.is_err() {
        assert!(tokio::time::Instant::now() < limit, "it is opened anew in time");
    }
    assert_eq!(rig.script.told.lock().unwrap().reopened, 3);
}

#[tokio::test]
async fn at_the_end_everything_that_was_taken_and_when_devices_were_seen_is_on_the_disk() {
    let rig = Rig::start(Vec::new(), Vec::new());
    rig.seen.note(DeviceId(7), Seen { last_ms: 9, ..Seen::default() });
    let waiting = rig.commit(vec![event()]);
    let (stored, ()) = tokio::join!(waiting, rig.committer.drain());
    stored.unwrap();
    let rows = rig.rows();
    assert!(rows.iter().any(|row| matches!(row, Row::Event(_))), "{rows:?}");
    assert!(rows.iter().any(|row| matches!(row, Row::Seen(DeviceId(7), seen) if seen.last_ms == 9)), "{rows:?}");
    assert!(rig.committer.is_drained() && rig.committer.admit(1).is_err());
}

#[tokio::test]
async fn no_more_waits_than_may() {
    let rig = Rig::start(Vec::new(), Vec::new());
    let most = Options::default().queue_bytes_max;
    let held = rig.committer.admit(most).unwrap();
    assert_eq!(rig.committer.admit(1).err(), Some(Overloaded));
    drop(held);
    assert!(rig.committer.admit(1).is_ok());
}
