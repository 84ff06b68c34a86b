use rusqlite::{Connection, Row, params};
use sangam_storage::devices::{Alarm, AlarmId, AlarmState, DeviceId, Severity};

use crate::devices::columns::{blob, code, int, maybe_int, maybe_text, text, wrote};
use crate::devices::schema::TENANT_ID;
use crate::errors::Failure;

/// The columns of [`read`].
macro_rules! alarm_columns {
    () => {
        "id, revision, device, type, severity, state, category, title, description, metadata, count, suppressed, \
         raised_ms, last_ms, acknowledged_by, acknowledged_ms, cleared_ms, resolution"
    };
}

pub(in crate::devices) use alarm_columns;

const ADD: &str = "INSERT INTO alarm (id, revision, device, type, severity, state, category, title, description, metadata, \
     count, suppressed, raised_ms, last_ms, acknowledged_by, acknowledged_ms, cleared_ms, resolution, tenant) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
const SET: &str = "UPDATE alarm SET revision = ?2, device = ?3, type = ?4, severity = ?5, state = ?6, category = ?7, \
     title = ?8, description = ?9, metadata = ?10, count = ?11, suppressed = ?12, raised_ms = ?13, last_ms = ?14, \
     acknowledged_by = ?15, acknowledged_ms = ?16, cleared_ms = ?17, resolution = ?18, tenant = ?19 \
     WHERE id = ?1 AND revision = ?2 - 1";

/// Writes an alarm; whether it was taken.
pub(in crate::devices) fn write(connection: &Connection, alarm: &Alarm) -> Result<bool, Failure> {
    let mut statement = connection.prepare_cached(if alarm.revision == 1 { ADD } else { SET })?;
    let acknowledged = alarm.acknowledged.as_ref();
    wrote(statement.execute(params![
        int(alarm.id.0),
        alarm.revision,
        int(alarm.device.0),
        &*alarm.alarm_type,
        alarm.severity.code(),
        alarm.state.code(),
        &*alarm.category,
        &*alarm.title,
        &*alarm.description,
        &*alarm.metadata,
        int(alarm.count),
        int(alarm.suppressed),
        int(alarm.raised_ms),
        int(alarm.last_ms),
        acknowledged.map(|(by, _)| &**by),
        maybe_int(acknowledged.map(|(_, ms)| *ms)),
        maybe_int(alarm.cleared_ms),
        &*alarm.resolution,
        TENANT_ID,
    ]))
}

/// A row with [`alarm_columns`].
pub(in crate::devices) fn read(row: &Row<'_>) -> Result<Alarm, Failure> {
    Ok(Alarm {
        id: AlarmId(row.get(0)?),
        revision: row.get(1)?,
        device: DeviceId(row.get(2)?),
        alarm_type: text(row, 3)?,
        severity: code(row, 4, Severity::of_code, "the severity of an alarm")?,
        state: code(row, 5, AlarmState::of_code, "the state of an alarm")?,
        category: text(row, 6)?,
        title: text(row, 7)?,
        description: text(row, 8)?,
        metadata: blob(row, 9)?,
        count: row.get(10)?,
        suppressed: row.get(11)?,
        raised_ms: row.get(12)?,
        last_ms: row.get(13)?,
        acknowledged: maybe_text(row, 14)?.zip(row.get::<_, Option<u64>>(15)?),
        cleared_ms: row.get(16)?,
        resolution: text(row, 17)?,
    })
}
