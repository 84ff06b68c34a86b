use rusqlite::{Connection, Row};
use sangam_storage::devices::{DeviceId, EventId, EventRow};

use crate::devices::columns::{blob, int, text};
use crate::devices::schema::TENANT_ID;
use crate::errors::Failure;

/// The columns of [`read`].
macro_rules! event_columns {
    () => {
        "id, device, at_ms, kind, command_key, detail"
    };
}

pub(in crate::devices) use event_columns;

const ADD: &str = "INSERT INTO event (id, tenant, device, at_ms, kind, command_key, detail) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// Writes an event.
pub(in crate::devices) fn write(connection: &Connection, event: &EventRow) -> Result<(), Failure> {
    connection.prepare_cached(ADD)?.execute((
        int(event.id.0),
        TENANT_ID,
        int(event.device.0),
        int(event.at_ms),
        &*event.kind,
        &*event.command_key,
        &*event.detail,
    ))?;
    Ok(())
}

/// A row with [`event_columns`].
pub(in crate::devices) fn read(row: &Row<'_>) -> Result<EventRow, Failure> {
    Ok(EventRow {
        id: EventId(row.get(0)?),
        device: DeviceId(row.get(1)?),
        at_ms: row.get(2)?,
        kind: text(row, 3)?,
        command_key: text(row, 4)?,
        detail: blob(row, 5)?,
    })
}
