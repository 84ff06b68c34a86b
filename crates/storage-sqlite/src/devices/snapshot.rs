use rusqlite::Connection;
use sangam_storage::StoreError;
use sangam_storage::devices::{
    Alarm, AlarmId, AlarmQuery, Answered, CommandKey, Device, DeviceId, DeviceKey, DevicePage, DeviceQuery, Diagnostic,
    DiagnosticId, DiagnosticQuery, EndpointId, EventId, EventQuery, EventRow, FileId, FileRow, Grant, HistoryPage,
    HistoryQuery, Oui, Page, PageRange, Profile, ProfileId, Schema, SchemaId, SchemaKey, SerialNumber, Snapshot,
    Subscription, Task, TaskId, TaskQuery, TaskState, Totals,
};

use super::columns::{int, limit, many, one};
use super::page;
use super::rows::alarm::{self, alarm_columns};
use super::rows::device::{self, device_columns};
use super::rows::diagnostic::{self, diagnostic_columns};
use super::rows::event::{self, event_columns};
use super::rows::file::{self, file_columns};
use super::rows::profile::{self, profile_columns};
use super::rows::task::{self, task_columns};
use super::rows::{answered, schema as schemas, subscription, value};
use super::schema::TENANT_ID;
use crate::errors::Failure;
use crate::reader::Reader;

/// A question about devices with what comes behind `WHERE`.
macro_rules! devices_where {
    ($rest:literal) => {
        concat!("SELECT ", device_columns!(), " FROM device JOIN seen ON seen.device = device.id WHERE ", $rest)
    };
}

const DEVICE: &str = devices_where!("device.id = ?1");
const DEVICE_BY_KEY: &str = devices_where!("tenant = ?1 AND oui = ?2 AND serial = ?3 AND product_class = ?4");
const DEVICE_BY_ENDPOINT: &str = devices_where!("tenant = ?1 AND endpoint = ?2");
const DEVICES_BY_SERIAL: &str = devices_where!("tenant = ?1 AND oui = ?2 AND serial = ?3 ORDER BY device.id LIMIT ?4");

/// A question with all columns of a row of some kind.
macro_rules! select {
    ($columns:ident, $rest:literal) => {
        concat!("SELECT ", $columns!(), " FROM ", $rest)
    };
}

/// Filters that are not asked for are NULL; the first that is asked for says by which index.
const EVENTS: &str = select!(event_columns, "event WHERE tenant = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
const EVENTS_OF: &str = select!(event_columns, "event WHERE device = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
const EVENTS_AFTER: &str = select!(event_columns, "event WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
const EVENTS_OF_AFTER: &str = select!(event_columns, "event WHERE device = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
const TASK: &str = select!(task_columns, "task WHERE id = ?1");
const TASKS: &str = select!(
    task_columns,
    "task WHERE +tenant = ?1 AND id < ?2 AND (?4 IS NULL OR kind = ?4) ORDER BY id DESC LIMIT ?3"
);
const TASKS_IN: &str = select!(
    task_columns,
    "task WHERE tenant = ?1 AND state = ?5 AND id < ?2 AND (?4 IS NULL OR kind = ?4) ORDER BY id DESC LIMIT ?3"
);
const TASKS_OF: &str = select!(
    task_columns,
    "task INDEXED BY task_by_device WHERE device = ?1 AND id < ?2 AND (?4 IS NULL OR kind = ?4) \
     AND (?5 IS NULL OR state = ?5) ORDER BY id DESC LIMIT ?3"
);
const LIVE_TASKS: &str =
    select!(task_columns, "task INDEXED BY task_live WHERE device = ?1 AND state < 5 ORDER BY id LIMIT ?2");
const SENT_TASKS: &str =
    select!(task_columns, "task WHERE tenant = ?1 AND state = ?2 AND id > ?3 ORDER BY id LIMIT ?4");
const TASKS_TO_WAKE: &str = select!(task_columns, "task WHERE wake_ms <= ?1 ORDER BY wake_ms, id LIMIT ?2");
const TASK_BY_COMMAND_KEY: &str =
    select!(task_columns, "task WHERE device = ?1 AND command_key = ?2 ORDER BY id DESC LIMIT 1");
const PROFILE: &str = select!(profile_columns, "profile WHERE id = ?1");
const PROFILES: &str = select!(profile_columns, "profile WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
const FILE: &str = select!(file_columns, "file WHERE id = ?1");
const FILES: &str = select!(file_columns, "file WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
const GRANT: &str = "SELECT user, secret, device, task, file, bytes_max, expires_ms FROM transfer_grant \
     WHERE tenant = ?1 AND user = ?2";
const ALARM: &str = select!(alarm_columns, "alarm WHERE id = ?1");
const OPEN_ALARM: &str = select!(alarm_columns, "alarm WHERE device = ?1 AND type = ?2 AND state < 2");
const ALARMS: &str =
    select!(alarm_columns, "alarm WHERE +tenant = ?1 AND id < ?2 AND severity >= ?4 ORDER BY id DESC LIMIT ?3");
const ALARMS_IN: &str = select!(
    alarm_columns,
    "alarm WHERE tenant = ?1 AND state = ?5 AND id < ?2 AND severity >= ?4 ORDER BY id DESC LIMIT ?3"
);
const ALARMS_OF: &str = select!(
    alarm_columns,
    "alarm INDEXED BY alarm_by_device WHERE device = ?1 AND id < ?2 AND severity >= ?4 \
     AND (?5 IS NULL OR state = ?5) ORDER BY id DESC LIMIT ?3"
);
const SUBSCRIPTIONS: &str = "SELECT device, id, notify, paths, persistent, retry, instance, created_ms FROM subscription \
     WHERE device = ?1 ORDER BY id LIMIT ?2";
const ALL_SUBSCRIPTIONS: &str = "SELECT device, id, notify, paths, persistent, retry, instance, created_ms \
     FROM subscription WHERE (device, id) > (?1, ?2) ORDER BY device, id LIMIT ?3";
const DIAGNOSTIC: &str = select!(diagnostic_columns, "diagnostic WHERE id = ?1");
const DIAGNOSTICS: &str = select!(
    diagnostic_columns,
    "diagnostic WHERE tenant = ?1 AND id < ?2 AND (?4 IS NULL OR kind = ?4) ORDER BY id DESC LIMIT ?3"
);
const DIAGNOSTICS_OF: &str = select!(
    diagnostic_columns,
    "diagnostic WHERE device = ?1 AND id < ?2 AND (?4 IS NULL OR kind = ?4) ORDER BY id DESC LIMIT ?3"
);
const ANSWERED: &str = "SELECT key, request, status, body, at_ms FROM answered WHERE tenant = ?1 AND key = ?2";
const COUNT_DEVICES: &str = "SELECT state, count(*) FROM device WHERE tenant = ?1 GROUP BY state";
const COUNT_TASKS: &str = "SELECT state, count(*) FROM task WHERE tenant = ?1 GROUP BY state";
const COUNT_ALARMS: &str =
    "SELECT severity, count(*) FROM alarm WHERE tenant = ?1 AND state IN (0, 1) GROUP BY severity";
const COUNT_SCHEMAS: &str = "SELECT count(*) FROM schema WHERE tenant = ?1";
const FIRST_EVENT: &str = "SELECT coalesce(min(id), 0) FROM event";
const LAST_EVENT: &str = "SELECT coalesce(max(id), -1) FROM event";

/// The store as it was when something was first read through this.
///
/// The transaction begins with the first question and ends with the value; a job that asks nothing costs nothing.
pub(super) struct SqliteSnapshot<'a> {
    reader: &'a mut Reader<()>,
}

impl<'a> SqliteSnapshot<'a> {
    pub(super) fn new(reader: &'a mut Reader<()>) -> Self {
        Self { reader }
    }

    fn with<T>(&mut self, read: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.reader.read(|connection, ()| read(connection))
    }
}

impl Drop for SqliteSnapshot<'_> {
    fn drop(&mut self) {
        self.reader.end();
    }
}

/// Of rows before a number; `None`: from the newest.
fn before(number: Option<u64>) -> i64 {
    number.map_or(i64::MAX, int)
}

fn after(number: Option<u64>) -> i64 {
    number.map_or(0, int)
}

impl Snapshot for SqliteSnapshot<'_> {
    fn device(&mut self, id: DeviceId) -> Result<Option<Device>, StoreError> {
        self.with(|connection| one(connection, DEVICE, [int(id.0)], device::read))
    }

    fn device_by_key(&mut self, key: &DeviceKey) -> Result<Option<Device>, StoreError> {
        let key = (TENANT_ID, key.oui.as_str(), key.serial.as_str(), key.product_class.as_str());
        self.with(|connection| one(connection, DEVICE_BY_KEY, key, device::read))
    }

    fn device_by_endpoint(&mut self, endpoint: &EndpointId) -> Result<Option<Device>, StoreError> {
        self.with(|connection| one(connection, DEVICE_BY_ENDPOINT, (TENANT_ID, endpoint.as_str()), device::read))
    }

    fn devices_by_serial(&mut self, oui: Oui, serial: &SerialNumber, max: usize) -> Result<Vec<Device>, StoreError> {
        let asked = (TENANT_ID, oui.as_str(), serial.as_str(), limit(max));
        self.with(|connection| many(connection, DEVICES_BY_SERIAL, asked, device::read))
    }

    fn devices(&mut self, query: &DeviceQuery) -> Result<DevicePage, StoreError> {
        self.with(|connection| page::devices(connection, query))
    }

    fn pages(&mut self, device: DeviceId, numbers: PageRange) -> Result<Vec<(u32, Page)>, StoreError> {
        self.with(|connection| value::pages(connection, device, (*numbers.start(), *numbers.end())))
    }

    fn schema_id(&mut self, key: &SchemaKey) -> Result<Option<SchemaId>, StoreError> {
        self.with(|connection| schemas::id(connection, key))
    }

    fn schema(&mut self, id: SchemaId) -> Result<Option<Schema>, StoreError> {
        self.with(|connection| schemas::whole(connection, id))
    }

    fn schemas(&mut self, after: Option<SchemaId>, max: usize) -> Result<Vec<(SchemaId, SchemaKey)>, StoreError> {
        self.with(|connection| schemas::page(connection, after.unwrap_or_default(), limit(max)))
    }

    fn history(&mut self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        self.with(|connection| page::history(connection, query))
    }

    fn events(&mut self, query: &EventQuery) -> Result<Vec<EventRow>, StoreError> {
        let (sql, first) = query.device.map_or((EVENTS, TENANT_ID), |device| (EVENTS_OF, int(device.0)));
        let asked = (first, before(query.before.map(|id| id.0)), limit(query.limit));
        self.with(|connection| many(connection, sql, asked, event::read))
    }

    fn events_after(
        &mut self,
        device: Option<DeviceId>,
        from: EventId,
        max: usize,
    ) -> Result<Vec<EventRow>, StoreError> {
        let (sql, first) = device.map_or((EVENTS_AFTER, TENANT_ID), |device| (EVENTS_OF_AFTER, int(device.0)));
        self.with(|connection| many(connection, sql, (first, int(from.0), limit(max)), event::read))
    }

    fn task(&mut self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.with(|connection| one(connection, TASK, [int(id.0)], task::read))
    }

    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, StoreError> {
        let before = before(query.before.map(|id| id.0));
        let (kind, state) = (query.kind.map(|kind| kind.code()), query.state.map(TaskState::code));
        let max = limit(query.limit);
        self.with(|connection| match (query.device, state) {
            (Some(device), _) => many(connection, TASKS_OF, (int(device.0), before, max, kind, state), task::read),
            (None, Some(_)) => many(connection, TASKS_IN, (TENANT_ID, before, max, kind, state), task::read),
            (None, None) => many(connection, TASKS, (TENANT_ID, before, max, kind), task::read),
        })
    }

    fn live_tasks(&mut self, device: DeviceId, max: usize) -> Result<Vec<Task>, StoreError> {
        self.with(|connection| many(connection, LIVE_TASKS, (int(device.0), limit(max)), task::read))
    }

    fn sent_tasks(&mut self, from: Option<TaskId>, max: usize) -> Result<Vec<Task>, StoreError> {
        let asked = (TENANT_ID, TaskState::Sent.code(), after(from.map(|id| id.0)), limit(max));
        self.with(|connection| many(connection, SENT_TASKS, asked, task::read))
    }

    fn tasks_to_wake(&mut self, ms: u64, max: usize) -> Result<Vec<Task>, StoreError> {
        self.with(|connection| many(connection, TASKS_TO_WAKE, (int(ms), limit(max)), task::read))
    }

    fn task_by_command_key(&mut self, device: DeviceId, key: &CommandKey) -> Result<Option<Task>, StoreError> {
        self.with(|connection| one(connection, TASK_BY_COMMAND_KEY, (int(device.0), key.as_str()), task::read))
    }

    fn profile(&mut self, id: ProfileId) -> Result<Option<Profile>, StoreError> {
        self.with(|connection| one(connection, PROFILE, [int(id.0)], profile::read))
    }

    fn profiles(&mut self, from: Option<ProfileId>, max: usize) -> Result<Vec<Profile>, StoreError> {
        let asked = (TENANT_ID, after(from.map(|id| id.0)), limit(max));
        self.with(|connection| many(connection, PROFILES, asked, profile::read))
    }

    fn file(&mut self, id: FileId) -> Result<Option<FileRow>, StoreError> {
        self.with(|connection| one(connection, FILE, [int(id.0)], file::read))
    }

    fn files(&mut self, from: Option<FileId>, max: usize) -> Result<Vec<FileRow>, StoreError> {
        let asked = (TENANT_ID, after(from.map(|id| id.0)), limit(max));
        self.with(|connection| many(connection, FILES, asked, file::read))
    }

    fn grant(&mut self, user: &str) -> Result<Option<Grant>, StoreError> {
        self.with(|connection| one(connection, GRANT, (TENANT_ID, user), file::read_grant))
    }

    fn alarm(&mut self, id: AlarmId) -> Result<Option<Alarm>, StoreError> {
        self.with(|connection| one(connection, ALARM, [int(id.0)], alarm::read))
    }

    fn open_alarm(&mut self, device: DeviceId, alarm_type: &str) -> Result<Option<Alarm>, StoreError> {
        self.with(|connection| one(connection, OPEN_ALARM, (int(device.0), alarm_type), alarm::read))
    }

    fn alarms(&mut self, query: &AlarmQuery) -> Result<Vec<Alarm>, StoreError> {
        let before = before(query.before.map(|id| id.0));
        let (max, state) = (limit(query.limit), query.state.map(|state| state.code()));
        let worst = query.severity_min.map_or(0, |severity| severity.code());
        self.with(|connection| match (query.device, state) {
            (Some(device), _) => many(connection, ALARMS_OF, (int(device.0), before, max, worst, state), alarm::read),
            (None, Some(_)) => many(connection, ALARMS_IN, (TENANT_ID, before, max, worst, state), alarm::read),
            (None, None) => many(connection, ALARMS, (TENANT_ID, before, max, worst), alarm::read),
        })
    }

    fn subscriptions(&mut self, device: DeviceId, max: usize) -> Result<Vec<Subscription>, StoreError> {
        self.with(|connection| many(connection, SUBSCRIPTIONS, (int(device.0), limit(max)), subscription::read))
    }

    fn all_subscriptions(
        &mut self,
        from: Option<(DeviceId, Box<str>)>,
        max: usize,
    ) -> Result<Vec<Subscription>, StoreError> {
        let (device, id) = from.map_or((0, Box::default()), |(device, id)| (int(device.0), id));
        self.with(|connection| many(connection, ALL_SUBSCRIPTIONS, (device, &*id, limit(max)), subscription::read))
    }

    fn diagnostic(&mut self, id: DiagnosticId) -> Result<Option<Diagnostic>, StoreError> {
        self.with(|connection| one(connection, DIAGNOSTIC, [int(id.0)], diagnostic::read))
    }

    fn diagnostics(&mut self, query: &DiagnosticQuery) -> Result<Vec<Diagnostic>, StoreError> {
        let (sql, first) = query.device.map_or((DIAGNOSTICS, TENANT_ID), |device| (DIAGNOSTICS_OF, int(device.0)));
        let kind = query.kind.map(|kind| kind.code());
        let asked = (first, before(query.before.map(|id| id.0)), limit(query.limit), kind);
        self.with(|connection| many(connection, sql, asked, diagnostic::read))
    }

    fn answered(&mut self, key: &str) -> Result<Option<Answered>, StoreError> {
        self.with(|connection| one(connection, ANSWERED, (TENANT_ID, key), answered::read))
    }

    fn totals(&mut self) -> Result<Totals, StoreError> {
        self.with(totals)
    }
}

fn totals(connection: &Connection) -> Result<Totals, Failure> {
    let mut totals = Totals::default();
    count(connection, COUNT_DEVICES, &mut totals.devices)?;
    count(connection, COUNT_TASKS, &mut totals.tasks)?;
    count(connection, COUNT_ALARMS, &mut totals.alarms)?;
    totals.schemas = one(connection, COUNT_SCHEMAS, [TENANT_ID], |row| Ok(row.get(0)?))?.unwrap_or_default();
    let edge = |sql| one(connection, sql, (), |row| Ok(row.get::<_, i64>(0)?));
    let (first, last) = (edge(FIRST_EVENT)?.unwrap_or_default(), edge(LAST_EVENT)?.unwrap_or(-1));
    totals.events = (last - first + 1).max(0).unsigned_abs();
    Ok(totals)
}

fn count(connection: &Connection, sql: &str, into: &mut [u64]) -> Result<(), Failure> {
    for (code, count) in many(connection, sql, [TENANT_ID], |row| Ok((row.get::<_, usize>(0)?, row.get(1)?)))? {
        if let Some(place) = into.get_mut(code) {
            *place = count;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite would answer: the lines of its plan.
    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = statement.parameter_count();
        let lines = statement.query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get::<_, String>(3));
        lines.unwrap().map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn no_question_looks_through_a_table_or_sorts_what_it_found() {
        let connection = Connection::open_in_memory().unwrap();
        crate::schema::bring_up(&connection, std::path::Path::new("f"), &super::super::schema::STEPS).unwrap();
        let by_index = [
            (DEVICE_BY_KEY, "device_by_key"),
            (DEVICE_BY_ENDPOINT, "device_by_endpoint"),
            (DEVICES_BY_SERIAL, "device_by_key"),
            (page::BY_STATE, "device_by_state"),
            (page::BY_TAG, "PRIMARY KEY (tenant=? AND tag=? AND device>?)"),
            (page::HISTORY, "PRIMARY KEY (device=? AND (at_ms,schema,number)<(?,?,?))"),
            (EVENTS_OF, "event_by_device"),
            (TASKS_IN, "task_by_state"),
            (TASKS_OF, "task_by_device"),
            (LIVE_TASKS, "task_live"),
            (SENT_TASKS, "task_by_state"),
            (TASKS_TO_WAKE, "task_by_wake"),
            (TASK_BY_COMMAND_KEY, "task_by_command_key"),
            (GRANT, "PRIMARY KEY"),
            (OPEN_ALARM, "alarm_open"),
            (ALARMS_IN, "alarm_by_state"),
            (ALARMS_OF, "alarm_by_device"),
            (EVENTS_OF_AFTER, "event_by_device"),
            (SUBSCRIPTIONS, "PRIMARY KEY"),
            (ALL_SUBSCRIPTIONS, "PRIMARY KEY ((device,id)>(?,?))"),
            (DIAGNOSTICS_OF, "diagnostic_by_device"),
            (ANSWERED, "PRIMARY KEY"),
        ];
        let by_number = [
            DEVICE,
            page::ALL,
            EVENTS,
            EVENTS_AFTER,
            TASK,
            TASKS,
            PROFILE,
            PROFILES,
            FILE,
            FILES,
            ALARM,
            ALARMS,
            DIAGNOSTIC,
            DIAGNOSTICS,
        ];
        let by_number = by_number.map(|sql| (sql, "INTEGER PRIMARY KEY"));
        for (sql, how) in by_index.into_iter().chain(by_number) {
            let plan = plan(&connection, sql);
            assert!(plan.contains(how), "{sql}: {plan}");
            let is_sorted = how != "device_by_key" && plan.contains("TEMP B-TREE");
            assert!(!is_sorted && !plan.contains("SCAN"), "{sql}: {plan}");
        }
    }
}
