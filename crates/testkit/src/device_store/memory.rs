use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sangam_storage::StoreError;
use sangam_storage::devices::{
    Alarm, AlarmId, AlarmState, Answered, Change, Device, DeviceId, Diagnostic, DiagnosticId, EventId, EventRow,
    FileId, FileRow, Grant, HistoryRow, LastIds, Name, Outcome, Profile, ProfileId, Row, SchemaId, SchemaKey, State,
    Store, Subscription, Sweep, Swept, Task, TaskId, Writer,
};

use super::memory_reads::MemoryReaders;
use crate::sync_store::Failing;

/// A store of devices that lasts as long as this value: the model that adapters are compared with, and a store for tests of what
/// stands above one. Jobs of readers are done at once, where they are handed in.
#[derive(Clone, Debug, Default)]
pub struct MemoryDeviceStore(Arc<Shared>);

#[derive(Debug, Default)]
pub(super) struct Shared {
    /// What is "on the disk"; a snapshot is a handle to it.
    kept: Mutex<Arc<Kept>>,
    failing: Mutex<Option<Failing>>,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) last: LastIds,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) schemas: BTreeMap<SchemaId, (SchemaKey, BTreeMap<u32, Name>)>,
    pub(super) pages: BTreeMap<(DeviceId, u32), Bytes>,
    pub(super) history: BTreeMap<(DeviceId, u64, SchemaId, u32), HistoryRow>,
    pub(super) events: BTreeMap<EventId, EventRow>,
    pub(super) tasks: BTreeMap<TaskId, Task>,
    pub(super) profiles: BTreeMap<ProfileId, Profile>,
    pub(super) files: BTreeMap<FileId, FileRow>,
    pub(super) grants: BTreeMap<Box<str>, Grant>,
    pub(super) alarms: BTreeMap<AlarmId, Alarm>,
    pub(super) subscriptions: BTreeMap<(DeviceId, Box<str>), Subscription>,
    pub(super) diagnostics: BTreeMap<DiagnosticId, Diagnostic>,
    pub(super) answered: BTreeMap<Box<str>, Answered>,
}

impl MemoryDeviceStore {
    /// Opens it, with everything that was committed before.
    #[must_use]
    pub fn open(&self) -> Store {
        Store {
            writer: Box::new(MemoryWriter { shared: Arc::clone(&self.0), broken: false }),
            readers: Arc::new(MemoryReaders(Arc::clone(&self.0))),
        }
    }

    /// Lets the next commit or sweep fail.
    pub fn fail_next(&self, failing: Failing) {
        *locked(&self.0.failing) = Some(failing);
    }
}

impl Shared {
    pub(super) fn now(&self) -> Arc<Kept> {
        Arc::clone(&locked(&self.kept))
    }
}

impl Kept {
    fn change(&mut self, change: &Change) -> Outcome {
        let before = self.clone();
        for (at, row) in change.rows.iter().enumerate() {
            if !self.row(row) {
                *self = before;
                return Outcome::Refused { row: at };
            }
        }
        Outcome::Done
    }

    /// `false`: it is refused.
    fn row(&mut self, row: &Row) -> bool {
        match row {
            Row::Device(device) => return self.device(device),
            Row::Schema(id, key) => return self.schema(*id, key),
            Row::Task(task) => return self.task(task),
            Row::Profile(profile) => return self.profile(profile),
            Row::Alarm(alarm) => return self.alarm(alarm),
            Row::Answered(row) => {
                let is_new = !self.answered.contains_key(&row.key);
                return is_new && self.answered.insert(row.key.clone(), (**row).clone()).is_none();
            }
            Row::RemoveDevice(id) => self.remove(*id),
            Row::ForgetValues(id) => self.pages.retain(|(device, _), _| device != id),
            Row::RemoveProfile(id) => drop(self.profiles.remove(id)),
            Row::RemoveFile(id) => drop(self.files.remove(id)),
            Row::RemoveGrant(user) => drop(self.grants.remove(user)),
            Row::RemoveSubscription { device, id } => drop(self.subscriptions.remove(&(*device, id.clone()))),
            Row::Name(row) => {
                if let Some((_, names)) = self.schemas.get_mut(&row.schema) {
                    names.insert(row.index, row.name.clone());
                }
            }
            Row::File(file) => {
                self.last.file = self.last.file.max(file.id);
                self.files.insert(file.id, (**file).clone());
            }
            Row::Page { device, number, bytes } if bytes.is_empty() => drop(self.pages.remove(&(*device, *number))),
            Row::Seen(device, _)
            | Row::Page { device, .. }
            | Row::History(HistoryRow { device, .. })
            | Row::Event(EventRow { device, .. }) => {
                if self.devices.contains_key(device) {
                    self.of_device(row);
                }
            }
            Row::Grant(grant) if self.devices.contains_key(&grant.device) => self.of_device(row),
            Row::Subscription(subscription) if self.devices.contains_key(&subscription.device) => self.of_device(row),
            Row::Diagnostic(diagnostic) if self.devices.contains_key(&diagnostic.device) => self.of_device(row),
            Row::Grant(_) | Row::Subscription(_) | Row::Diagnostic(_) => {}
        }
        true
    }

    /// A row of a device that is there.
    fn of_device(&mut self, row: &Row) {
        match row {
            Row::Seen(id, seen) => {
                if let Some(device) = self.devices.get_mut(id) {
                    device.seen = *seen;
                }
            }
            Row::Page { device, number, bytes } => {
                self.pages.insert((*device, *number), bytes.clone());
            }
            Row::History(row) => {
                self.history.insert((row.device, row.at_ms, row.schema, row.index), row.clone());
            }
            Row::Event(event) => {
                self.last.event = self.last.event.max(event.id);
                self.events.insert(event.id, event.clone());
            }
            Row::Grant(grant) => {
                self.grants.insert(grant.user.clone(), (**grant).clone());
            }
            Row::Subscription(row) => {
                self.subscriptions.insert((row.device, row.id.clone()), (**row).clone());
            }
            Row::Diagnostic(row) => {
                self.last.diagnostic = self.last.diagnostic.max(row.id);
                self.diagnostics.insert(row.id, (**row).clone());
            }
            _ => {}
        }
    }

    fn schema(&mut self, id: SchemaId, key: &SchemaKey) -> bool {
        if self.schemas.contains_key(&id) || self.schemas.values().any(|(other, _)| other == key) {
            return false;
        }
        self.last.schema = self.last.schema.max(id);
        self.schemas.insert(id, (key.clone(), BTreeMap::new()));
        true
    }

    fn profile(&mut self, profile: &Profile) -> bool {
        let before = self.profiles.get(&profile.id).map(|profile| profile.revision);
        if !is_next(before, profile.revision) {
            return false;
        }
        self.last.profile = self.last.profile.max(profile.id);
        self.profiles.insert(profile.id, profile.clone());
        true
    }

    fn device(&mut self, device: &Device) -> bool {
        let before = self.devices.get(&device.id);
        let is_taken = |other: &Device| {
            other.id != device.id
                && (other.key == device.key || (other.endpoint.is_some() && other.endpoint == device.endpoint))
        };
        let next = is_next(before.map(|before| before.revision), device.revision);
        if !next || self.devices.values().any(is_taken) {
            return false;
        }
        let seen = before.map(|before| before.seen).unwrap_or_default();
        self.last.device = self.last.device.max(device.id);
        self.devices.insert(device.id, Device { seen, ..device.clone() });
        true
    }

    fn task(&mut self, task: &Task) -> bool {
        let before = self.tasks.get(&task.id);
        if !self.devices.contains_key(&task.device) || !is_next(before.map(|before| before.revision), task.revision) {
            return false;
        }
        self.last.task = self.last.task.max(task.id);
        self.tasks.insert(task.id, task.clone());
        true
    }

    fn alarm(&mut self, alarm: &Alarm) -> bool {
        let is_open = |alarm: &Alarm| alarm.state != AlarmState::Cleared;
        let is_taken = |other: &Alarm| {
            other.id != alarm.id
                && other.device == alarm.device
                && other.alarm_type == alarm.alarm_type
                && is_open(other)
                && is_open(alarm)
        };
        let before = self.alarms.get(&alarm.id).map(|before| before.revision);
        if !self.devices.contains_key(&alarm.device)
            || !is_next(before, alarm.revision)
            || self.alarms.values().any(is_taken)
        {
            return false;
        }
        self.last.alarm = self.last.alarm.max(alarm.id);
        self.alarms.insert(alarm.id, alarm.clone());
        true
    }

    fn remove(&mut self, id: DeviceId) {
        if self.devices.remove(&id).is_none() {
            return;
        }
        self.pages.retain(|(device, _), _| *device != id);
        self.history.retain(|(device, ..), _| *device != id);
        self.events.retain(|_, row| row.device != id);
        self.tasks.retain(|_, row| row.device != id);
        self.grants.retain(|_, row| row.device != id);
        self.alarms.retain(|_, row| row.device != id);
        self.subscriptions.retain(|(device, _), _| *device != id);
        self.diagnostics.retain(|_, row| row.device != id);
    }

    fn sweep(&mut self, sweep: &Sweep) -> Swept {
        let max = sweep.rows_max.max(1);
        let mut gone = Vec::new();
        let first = if sweep.events_total > 0 { self.last.event.0.saturating_sub(sweep.events_total) } else { 0 };
        let told = self.told_beyond(sweep);
        gone.push(drop_some(&mut self.events, max, |id, row| {
            row.at_ms < sweep.events_before_ms || id.0 <= first || (row.device > sweep.after && told.contains(id))
        }));
        gone.push(drop_some(&mut self.tasks, max, |_, row| row.ended_ms.is_some_and(|ms| ms < sweep.tasks_before_ms)));
        gone.push(drop_some(&mut self.alarms, max, |_, row| {
            row.cleared_ms.is_some_and(|ms| ms < sweep.alarms_before_ms)
        }));
        gone.push(drop_some(&mut self.diagnostics, max, |_, row| row.created_ms < sweep.diagnostics_before_ms));
        gone.push(drop_some(&mut self.answered, max, |_, row| row.at_ms < sweep.answered_before_ms));
        gone.push(drop_some(&mut self.grants, max, |_, row| row.expires_ms < sweep.grants_before_ms));
        let beyond = self.beyond(sweep);
        gone.push(drop_some(&mut self.history, max, |place, row| {
            place.0 > sweep.after && (row.at_ms < sweep.history_before_ms || beyond.contains(place))
        }));
        let before = sweep.pending_before_ms;
        let waited = |device: &&Device| {
            device.state == State::Pending && device.created_ms < before && device.seen.last_ms < before
        };
        let removed: Vec<DeviceId> = self.devices.values().filter(waited).take(max).map(|device| device.id).collect();
        for id in &removed {
            self.remove(*id);
        }
        let more = gone.iter().chain([&removed.len()]).any(|gone| *gone >= max);
        Swept { next: more.then_some(sweep.after), dropped: gone.iter().sum::<usize>() as u64, removed }
    }

    /// The events of devices that are more than are kept.
    fn told_beyond(&self, sweep: &Sweep) -> BTreeSet<EventId> {
        let mut newest: BTreeMap<DeviceId, usize> = BTreeMap::new();
        let is_beyond = |(_, row): &(&EventId, &EventRow)| {
            let kept = newest.entry(row.device).or_default();
            *kept += 1;
            sweep.events_kept > 0 && *kept > sweep.events_kept
        };
        self.events.iter().rev().filter(is_beyond).map(|(id, _)| *id).collect()
    }

    /// The rows of history that are more than are kept.
    fn beyond(&self, sweep: &Sweep) -> BTreeSet<(DeviceId, u64, SchemaId, u32)> {
        let mut newest: BTreeMap<DeviceId, usize> = BTreeMap::new();
        let is_beyond = |place: &&(DeviceId, u64, SchemaId, u32)| {
            let kept = newest.entry(place.0).or_default();
            *kept += 1;
            sweep.history_kept > 0 && *kept > sweep.history_kept
        };
        self.history.keys().rev().filter(is_beyond).copied().collect()
    }
}

/// Drops no more than some; how many.
fn drop_some<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, max: usize, is_old: impl Fn(&K, &V) -> bool) -> usize {
    let old: Vec<K> = map.iter().filter(|(key, row)| is_old(key, row)).take(max).map(|(key, _)| key.clone()).collect();
    for key in &old {
        map.remove(key);
    }
    old.len()
}

/// Whether a revision comes next.
fn is_next(before: Option<u32>, revision: u32) -> bool {
    before.map_or(0, |before| before) + 1 == revision
}

#[derive(Debug)]
struct MemoryWriter {
    shared: Arc<Shared>,
    /// It failed, and was not opened anew yet.
    broken: bool,
}

impl MemoryWriter {
    fn writing<T>(&mut self, write: impl FnOnce(&mut Kept) -> T) -> Result<T, StoreError> {
        if self.broken {
            return Err(uncertain());
        }
        let mut kept = (*self.shared.now()).clone();
        let written = write(&mut kept);
        let failing = locked(&self.shared.failing).take();
        if matches!(failing, None | Some(Failing::UncertainDone)) {
            *locked(&self.shared.kept) = Arc::new(kept);
        }
        match failing {
            None => Ok(written),
            Some(Failing::Full) => Err(StoreError::Full { at: "memory".to_owned() }),
            Some(Failing::UncertainDone | Failing::UncertainLost) => {
                self.broken = true;
                Err(uncertain())
            }
        }
    }
}

impl Writer for MemoryWriter {
    fn last_ids(&mut self) -> Result<LastIds, StoreError> {
        if self.broken { Err(uncertain()) } else { Ok(self.shared.now().last) }
    }

    fn commit(&mut self, changes: &[Change]) -> Result<Vec<Outcome>, StoreError> {
        self.writing(|kept| changes.iter().map(|change| kept.change(change)).collect())
    }

    fn sweep(&mut self, sweep: &Sweep) -> Result<Swept, StoreError> {
        self.writing(|kept| kept.sweep(sweep))
    }

    fn checkpoint(&mut self) -> Result<u64, StoreError> {
        if self.broken { Err(uncertain()) } else { Ok(0) }
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.broken = false;
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Values are replaced whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn uncertain() -> StoreError {
    StoreError::Uncertain { at: "memory".to_owned(), source: Box::new(io::Error::other("it was told to fail")) }
}
