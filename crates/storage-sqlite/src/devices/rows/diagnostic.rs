use rusqlite::{Connection, Row, params};
use sangam_storage::devices::{DeviceId, Diagnostic, DiagnosticId, DiagnosticKind, DiagnosticState, TaskId};

use crate::devices::columns::{code, format_code, int, maybe_int, payload, text};
use crate::devices::schema::TENANT_ID;
use crate::errors::Failure;

/// The columns of [`read`].
macro_rules! diagnostic_columns {
    () => {
        "id, device, task, kind, state, error, input_format, input, result_format, result, created_ms, ended_ms"
    };
}

pub(in crate::devices) use diagnostic_columns;

const SET: &str = "INSERT OR REPLACE INTO diagnostic (id, device, task, kind, state, error, input_format, input, \
     result_format, result, created_ms, ended_ms, tenant) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

/// Writes a test.
pub(in crate::devices) fn write(connection: &Connection, diagnostic: &Diagnostic) -> Result<(), Failure> {
    connection.prepare_cached(SET)?.execute(params![
        int(diagnostic.id.0),
        int(diagnostic.device.0),
        int(diagnostic.task.0),
        diagnostic.kind.code(),
        diagnostic.state.code(),
        &*diagnostic.error,
        format_code(&diagnostic.inputs),
        &*diagnostic.inputs.bytes,
        format_code(&diagnostic.results),
        &*diagnostic.results.bytes,
        int(diagnostic.created_ms),
        maybe_int(diagnostic.ended_ms),
        TENANT_ID,
    ])?;
    Ok(())
}

/// A row with [`diagnostic_columns`].
pub(in crate::devices) fn read(row: &Row<'_>) -> Result<Diagnostic, Failure> {
    Ok(Diagnostic {
        id: DiagnosticId(row.get(0)?),
        device: DeviceId(row.get(1)?),
        task: TaskId(row.get(2)?),
        kind: code(row, 3, DiagnosticKind::of_code, "the kind of a test")?,
        state: code(row, 4, DiagnosticState::of_code, "the state of a test")?,
        error: text(row, 5)?,
        inputs: payload(row, 6, 7)?,
        results: payload(row, 8, 9)?,
        created_ms: row.get(10)?,
        ended_ms: row.get(11)?,
    })
}
