use rusqlite::{Connection, Row, params};
use sangam_storage::devices::{CommandKey, DeviceId, Report, Task, TaskId, TaskKind, TaskState};

use crate::devices::columns::{code, format_code, int, maybe_int, maybe_text, payload, text, wrong, wrote};
use crate::devices::schema::TENANT_ID;
use crate::errors::Failure;

/// The columns of [`read`].
macro_rules! task_columns {
    () => {
        "id, revision, device, kind, state, priority, attempts, command_key, ordered_by, created_ms, not_before_ms, \
         expires_ms, sent_ms, deadline_ms, ended_ms, format, payload, report_code, report_text, report_format, report_payload"
    };
}

pub(in crate::devices) use task_columns;

const ADD: &str = "INSERT INTO task (id, revision, device, kind, state, priority, attempts, command_key, ordered_by, \
     created_ms, not_before_ms, expires_ms, sent_ms, deadline_ms, ended_ms, format, payload, report_code, report_text, \
     report_format, report_payload, wake_ms, tenant) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
     ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)";
/// Without what never changes: a payload may lie on many pages.
const SET: &str = "UPDATE task SET revision = ?2, state = ?3, priority = ?4, attempts = ?5, not_before_ms = ?6, \
     expires_ms = ?7, sent_ms = ?8, deadline_ms = ?9, ended_ms = ?10, report_code = ?11, report_text = ?12, \
     report_format = ?13, report_payload = ?14, wake_ms = ?15 WHERE id = ?1 AND revision = ?2 - 1";

/// Writes a task; whether it was taken. Of one that is there, what it is for stays as it is.
pub(in crate::devices) fn write(connection: &Connection, task: &Task) -> Result<bool, Failure> {
    let report = task.report.as_ref();
    let (report_code, report_text) = (report.map(|report| report.code), report.map(|report| &*report.text));
    let (report_format, report_payload) =
        (report.map(|report| format_code(&report.payload)), report.map(|report| &*report.payload.bytes));
    if task.revision != 1 {
        return wrote(connection.prepare_cached(SET)?.execute(params![
            int(task.id.0),
            task.revision,
            task.state.code(),
            task.priority,
            task.attempts,
            int(task.not_before_ms),
            maybe_int(task.expires_ms),
            maybe_int(task.sent_ms),
            maybe_int(task.deadline_ms),
            maybe_int(task.ended_ms),
            report_code,
            report_text,
            report_format,
            report_payload,
            maybe_int(task.wake_ms()),
        ]));
    }
    wrote(connection.prepare_cached(ADD)?.execute(params![
        int(task.id.0),
        task.revision,
        int(task.device.0),
        task.kind.code(),
        task.state.code(),
        task.priority,
        task.attempts,
        task.command_key.as_str(),
        &*task.ordered_by,
        int(task.created_ms),
        int(task.not_before_ms),
        maybe_int(task.expires_ms),
        maybe_int(task.sent_ms),
        maybe_int(task.deadline_ms),
        maybe_int(task.ended_ms),
        format_code(&task.payload),
        &*task.payload.bytes,
        report_code,
        report_text,
        report_format,
        report_payload,
        maybe_int(task.wake_ms()),
        TENANT_ID,
    ]))
}

/// A row with [`task_columns`].
pub(in crate::devices) fn read(row: &Row<'_>) -> Result<Task, Failure> {
    let report = match row.get::<_, Option<u32>>(17)? {
        None => None,
        Some(code) => {
            Some(Report { code, text: maybe_text(row, 18)?.unwrap_or_default(), payload: payload(row, 19, 20)? })
        }
    };
    Ok(Task {
        id: TaskId(row.get(0)?),
        revision: row.get(1)?,
        device: DeviceId(row.get(2)?),
        kind: code(row, 3, TaskKind::of_code, "the kind of a task")?,
        state: code(row, 4, TaskState::of_code, "the state of a task")?,
        priority: row.get(5)?,
        attempts: row.get(6)?,
        command_key: CommandKey::new(text(row, 7)?).map_err(|_| wrong("a command key"))?,
        ordered_by: text(row, 8)?,
        created_ms: row.get(9)?,
        not_before_ms: row.get(10)?,
        expires_ms: row.get(11)?,
        sent_ms: row.get(12)?,
        deadline_ms: row.get(13)?,
        ended_ms: row.get(14)?,
        payload: payload(row, 15, 16)?,
        report,
    })
}
