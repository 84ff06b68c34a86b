use std::sync::Arc;

use sangam_storage::StoreError;
use sangam_storage::devices::{
    Alarm, AlarmId, AlarmQuery, AlarmState, Answered, CommandKey, Device, DeviceId, DeviceKey, DevicePage, DeviceQuery,
    Diagnostic, DiagnosticId, DiagnosticQuery, EndpointId, EventId, EventQuery, EventRow, FileId, FileRow, Grant,
    HistoryPage, HistoryQuery, LIMIT_MAX, Oui, Page, PageRange, Profile, ProfileId, ReadJob, Readers, Schema, SchemaId,
    SchemaKey, SerialNumber, Snapshot, Subscription, Task, TaskId, TaskQuery, TaskState, Totals,
};

use super::memory::{Kept, Shared};

/// Does jobs where they are handed in.
#[derive(Debug)]
pub(super) struct MemoryReaders(pub(super) Arc<Shared>);

impl Readers for MemoryReaders {
    fn read(&self, job: ReadJob) -> Result<(), StoreError> {
        job(&mut MemorySnapshot { shared: Arc::clone(&self.0), kept: None });
        Ok(())
    }
}

/// What is kept, as it was at the first question.
struct MemorySnapshot {
    shared: Arc<Shared>,
    kept: Option<Arc<Kept>>,
}

impl MemorySnapshot {
    fn kept(&mut self) -> Arc<Kept> {
        Arc::clone(self.kept.get_or_insert_with(|| self.shared.now()))
    }
}

/// As many as asked for and no more than an answer has.
fn some<'a, T: Clone + 'a>(rows: impl Iterator<Item = &'a T>, limit: usize) -> Vec<T> {
    rows.take(limit.min(LIMIT_MAX)).cloned().collect()
}

impl Snapshot for MemorySnapshot {
    fn device(&mut self, id: DeviceId) -> Result<Option<Device>, StoreError> {
        Ok(self.kept().devices.get(&id).cloned())
    }

    fn device_by_key(&mut self, key: &DeviceKey) -> Result<Option<Device>, StoreError> {
        Ok(self.kept().devices.values().find(|device| device.key == *key).cloned())
    }

    fn device_by_endpoint(&mut self, endpoint: &EndpointId) -> Result<Option<Device>, StoreError> {
        Ok(self.kept().devices.values().find(|device| device.endpoint.as_ref() == Some(endpoint)).cloned())
    }

    fn devices_by_serial(&mut self, oui: Oui, serial: &SerialNumber, max: usize) -> Result<Vec<Device>, StoreError> {
        let kept = self.kept();
        Ok(some(kept.devices.values().filter(|device| device.key.oui == oui && device.key.serial == *serial), max))
    }

    fn devices(&mut self, query: &DeviceQuery) -> Result<DevicePage, StoreError> {
        let mut page = DevicePage::default();
        let (mut looked_at, mut last) = (0, query.after);
        for device in self.kept().devices.values().filter(|device| Some(device.id) > query.after) {
            if looked_at >= query.scan_max.max(1) || page.devices.len() >= query.limit.clamp(1, LIMIT_MAX) {
                page.next = last;
                break;
            }
            looked_at += 1;
            last = Some(device.id);
            page.devices.extend(query.lets_through(device).then(|| device.clone()));
        }
        Ok(page)
    }

    fn pages(&mut self, device: DeviceId, numbers: PageRange) -> Result<Vec<(u32, Page)>, StoreError> {
        let kept = self.kept();
        let of_device = kept.pages.iter().filter(|((of, number), _)| *of == device && numbers.contains(number));
        of_device
            .map(|((_, number), bytes)| {
                let damaged = |error| StoreError::Damaged { at: "memory".to_owned(), what: format!("{error}") };
                Ok((*number, Page::decode(bytes).map_err(damaged)?))
            })
            .collect()
    }

    fn schema_id(&mut self, key: &SchemaKey) -> Result<Option<SchemaId>, StoreError> {
        Ok(self.kept().schemas.iter().find(|(_, (other, _))| other == key).map(|(id, _)| *id))
    }

    fn schema(&mut self, id: SchemaId) -> Result<Option<Schema>, StoreError> {
        let kept = self.kept();
        let Some((key, names)) = kept.schemas.get(&id) else { return Ok(None) };
        Ok(Schema::with_names(id, key.clone(), names.values().cloned().collect()))
    }

    fn schemas(&mut self, after: Option<SchemaId>, limit: usize) -> Result<Vec<(SchemaId, SchemaKey)>, StoreError> {
        let kept = self.kept();
        let all = kept.schemas.iter().filter(|(id, _)| Some(**id) > after).map(|(id, (key, _))| (*id, key.clone()));
        Ok(all.take(limit.min(LIMIT_MAX)).collect())
    }

    fn history(&mut self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        let kept = self.kept();
        let mut page = HistoryPage::default();
        let (mut looked_at, mut last) = (0, query.before);
        for row in kept.history.values().rev().filter(|row| row.device == query.device) {
            let place = (row.at_ms, row.schema, row.index);
            if query.before.is_some_and(|before| place >= before) {
                continue;
            }
            if looked_at >= query.scan_max.max(1) || page.rows.len() >= query.limit.clamp(1, LIMIT_MAX) {
                page.next = last;
                break;
            }
            looked_at += 1;
            last = Some(place);
            let is_asked_for = query.parameter.is_none_or(|parameter| parameter == (row.schema, row.index));
            page.rows.extend(is_asked_for.then(|| row.clone()));
        }
        Ok(page)
    }

    fn events(&mut self, query: &EventQuery) -> Result<Vec<EventRow>, StoreError> {
        let kept = self.kept();
        let all = kept.events.values().rev().filter(|row| {
            query.device.is_none_or(|device| device == row.device) && query.before.is_none_or(|before| row.id < before)
        });
        Ok(some(all, query.limit))
    }

    fn events_after(
        &mut self,
        device: Option<DeviceId>,
        after: EventId,
        limit: usize,
    ) -> Result<Vec<EventRow>, StoreError> {
        let kept = self.kept();
        let all = kept.events.values().filter(|row| row.id > after);
        Ok(some(all.filter(|row| device.is_none_or(|device| device == row.device)), limit))
    }

    fn task(&mut self, id: TaskId) -> Result<Option<Task>, StoreError> {
        Ok(self.kept().tasks.get(&id).cloned())
    }

    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, StoreError> {
        let kept = self.kept();
        let all = kept.tasks.values().rev().filter(|row| {
            query.device.is_none_or(|device| device == row.device)
                && query.state.is_none_or(|state| state == row.state)
                && query.kind.is_none_or(|kind| kind == row.kind)
                && query.before.is_none_or(|before| row.id < before)
        });
        Ok(some(all, query.limit))
    }

    fn live_tasks(&mut self, device: DeviceId, limit: usize) -> Result<Vec<Task>, StoreError> {
        let kept = self.kept();
        Ok(some(kept.tasks.values().filter(|row| row.device == device && !row.state.is_over()), limit))
    }

    fn sent_tasks(&mut self, after: Option<TaskId>, limit: usize) -> Result<Vec<Task>, StoreError> {
        let kept = self.kept();
        Ok(some(kept.tasks.values().filter(|row| row.state == TaskState::Sent && Some(row.id) > after), limit))
    }

    fn tasks_to_wake(&mut self, ms: u64, limit: usize) -> Result<Vec<Task>, StoreError> {
        let kept = self.kept();
        let mut all: Vec<&Task> = kept.tasks.values().filter(|row| row.wake_ms().is_some_and(|at| at <= ms)).collect();
        all.sort_by_key(|row| (row.wake_ms(), row.id));
        Ok(some(all.into_iter(), limit))
    }

    fn task_by_command_key(&mut self, device: DeviceId, key: &CommandKey) -> Result<Option<Task>, StoreError> {
        let kept = self.kept();
        Ok(kept.tasks.values().rev().find(|row| row.device == device && row.command_key == *key).cloned())
    }

    fn profile(&mut self, id: ProfileId) -> Result<Option<Profile>, StoreError> {
        Ok(self.kept().profiles.get(&id).cloned())
    }

    fn profiles(&mut self, after: Option<ProfileId>, limit: usize) -> Result<Vec<Profile>, StoreError> {
        let kept = self.kept();
        Ok(some(kept.profiles.values().filter(|row| Some(row.id) > after), limit))
    }

    fn file(&mut self, id: FileId) -> Result<Option<FileRow>, StoreError> {
        Ok(self.kept().files.get(&id).cloned())
    }

    fn files(&mut self, after: Option<FileId>, limit: usize) -> Result<Vec<FileRow>, StoreError> {
        let kept = self.kept();
        Ok(some(kept.files.values().filter(|row| Some(row.id) > after), limit))
    }

    fn grant(&mut self, user: &str) -> Result<Option<Grant>, StoreError> {
        Ok(self.kept().grants.get(user).cloned())
    }

    fn alarm(&mut self, id: AlarmId) -> Result<Option<Alarm>, StoreError> {
        Ok(self.kept().alarms.get(&id).cloned())
    }

    fn open_alarm(&mut self, device: DeviceId, alarm_type: &str) -> Result<Option<Alarm>, StoreError> {
        let is_meant =
            |row: &&Alarm| row.device == device && *row.alarm_type == *alarm_type && row.state != AlarmState::Cleared;
        Ok(self.kept().alarms.values().find(is_meant).cloned())
    }

    fn alarms(&mut self, query: &AlarmQuery) -> Result<Vec<Alarm>, StoreError> {
        let kept = self.kept();
        let all = kept.alarms.values().rev().filter(|row| {
            query.device.is_none_or(|device| device == row.device)
                && query.state.is_none_or(|state| state == row.state)
                && query.severity_min.is_none_or(|severity| row.severity >= severity)
                && query.before.is_none_or(|before| row.id < before)
        });
        Ok(some(all, query.limit))
    }

    fn subscriptions(&mut self, device: DeviceId, limit: usize) -> Result<Vec<Subscription>, StoreError> {
        let kept = self.kept();
        Ok(some(kept.subscriptions.values().filter(|row| row.device == device), limit))
    }

    fn all_subscriptions(
        &mut self,
        after: Option<(DeviceId, Box<str>)>,
        limit: usize,
    ) -> Result<Vec<Subscription>, StoreError> {
        let kept = self.kept();
        let all = kept.subscriptions.iter().filter(|(place, _)| after.as_ref().is_none_or(|after| *place > after));
        Ok(some(all.map(|(_, row)| row), limit))
    }

    fn diagnostic(&mut self, id: DiagnosticId) -> Result<Option<Diagnostic>, StoreError> {
        Ok(self.kept().diagnostics.get(&id).cloned())
    }

    fn diagnostics(&mut self, query: &DiagnosticQuery) -> Result<Vec<Diagnostic>, StoreError> {
        let kept = self.kept();
        let all = kept.diagnostics.values().rev().filter(|row| {
            query.device.is_none_or(|device| device == row.device)
                && query.kind.is_none_or(|kind| kind == row.kind)
                && query.before.is_none_or(|before| row.id < before)
        });
        Ok(some(all, query.limit))
    }

    fn answered(&mut self, key: &str) -> Result<Option<Answered>, StoreError> {
        Ok(self.kept().answered.get(key).cloned())
    }

    fn totals(&mut self) -> Result<Totals, StoreError> {
        let kept = self.kept();
        let mut totals = Totals { schemas: kept.schemas.len() as u64, ..Totals::default() };
        for device in kept.devices.values() {
            totals.devices[usize::from(device.state.code())] += 1;
        }
        for task in kept.tasks.values() {
            totals.tasks[usize::from(task.state.code())] += 1;
        }
        for alarm in kept.alarms.values().filter(|alarm| alarm.state != AlarmState::Cleared) {
            totals.alarms[usize::from(alarm.severity.code())] += 1;
        }
        let edges = kept.events.keys().next().zip(kept.events.keys().next_back());
        totals.events = edges.map_or(0, |(first, last)| last.0 - first.0 + 1);
        Ok(totals)
    }
}
