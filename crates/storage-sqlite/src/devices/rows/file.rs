use rusqlite::{Connection, Row, params};
use sangam_storage::devices::{DeviceId, FileId, FileRow, Grant, Secret, TaskId, Transfer};

use crate::devices::columns::{int, maybe_int, text, wrong};
use crate::devices::schema::TENANT_ID;
use crate::errors::Failure;

/// The columns of [`read`].
macro_rules! file_columns {
    () => {
        "id, kind, name, version, manufacturer, model, bytes, sha256, from_device, created_ms"
    };
}

pub(in crate::devices) use file_columns;

const SET: &str = "INSERT OR REPLACE INTO file (id, kind, name, version, manufacturer, model, bytes, sha256, from_device, \
     created_ms, tenant) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const SET_GRANT: &str = "INSERT OR REPLACE INTO transfer_grant (tenant, user, secret, device, task, file, bytes_max, \
     expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Writes a file.
pub(in crate::devices) fn write(connection: &Connection, file: &FileRow) -> Result<(), Failure> {
    connection.prepare_cached(SET)?.execute(params![
        int(file.id.0),
        &*file.kind,
        &*file.name,
        &*file.version,
        &*file.manufacturer,
        &*file.model,
        int(file.bytes),
        &file.sha256[..],
        maybe_int(file.from.map(|device| device.0)),
        int(file.created_ms),
        TENANT_ID,
    ])?;
    Ok(())
}

/// A row with [`file_columns`].
pub(in crate::devices) fn read(row: &Row<'_>) -> Result<FileRow, Failure> {
    Ok(FileRow {
        id: FileId(row.get(0)?),
        kind: text(row, 1)?,
        name: text(row, 2)?,
        version: text(row, 3)?,
        manufacturer: text(row, 4)?,
        model: text(row, 5)?,
        bytes: row.get(6)?,
        sha256: row.get(7)?,
        from: row.get::<_, Option<u64>>(8)?.map(DeviceId),
        created_ms: row.get(9)?,
    })
}

/// Writes a grant.
pub(in crate::devices) fn write_grant(connection: &Connection, grant: &Grant) -> Result<(), Failure> {
    let (file, bytes_max) = match grant.may {
        Transfer::Fetch(file) => (Some(int(file.0)), None),
        Transfer::Bring { bytes_max } => (None, Some(int(bytes_max))),
    };
    connection.prepare_cached(SET_GRANT)?.execute((
        TENANT_ID,
        &*grant.user,
        grant.secret.expose(),
        int(grant.device.0),
        int(grant.task.0),
        file,
        bytes_max,
        int(grant.expires_ms),
    ))?;
    Ok(())
}

/// A row of `user, secret, device, task, file, bytes_max, expires_ms`.
pub(in crate::devices) fn read_grant(row: &Row<'_>) -> Result<Grant, Failure> {
    let may = match (row.get::<_, Option<u64>>(4)?, row.get::<_, Option<u64>>(5)?) {
        (Some(file), None) => Transfer::Fetch(FileId(file)),
        (None, Some(bytes_max)) => Transfer::Bring { bytes_max },
        _ => return Err(wrong("what a grant is for")),
    };
    Ok(Grant {
        user: text(row, 0)?,
        secret: Secret::new(text(row, 1)?).ok_or_else(|| wrong("a secret"))?,
        device: DeviceId(row.get(2)?),
        task: TaskId(row.get(3)?),
        may,
        expires_ms: row.get(6)?,
    })
}
