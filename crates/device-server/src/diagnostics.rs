//! Tests that devices run, as they are kept for operators: each has the number of the task that ordered it.

use sangam_device_proto::diagnostic::{Diagnostic, DiagnosticState};
use sangam_device_proto::task::{Payload, Task, TaskKind, TaskState};
use sangam_storage::StoreError;
use sangam_storage::devices::{DiagnosticId, Row, TaskId};

use crate::cwmp::test_of;
use crate::reading::read;
use crate::service::Service;

/// Characters of what a device says in place of results.
const ERROR_CHARS_MAX: usize = 64;

/// The number of the test that a task has ordered.
pub(crate) fn id_of(task: TaskId) -> DiagnosticId {
    DiagnosticId(task.0)
}

/// What a task that orders a test is written with.
pub(crate) fn ordered(task: &Task) -> Option<Row> {
    let (kind, inputs) = test_of(task)?;
    Some(Row::Diagnostic(Box::new(Diagnostic {
        id: id_of(task.id),
        device: task.device,
        task: task.id,
        kind,
        state: DiagnosticState::Requested,
        error: Box::default(),
        inputs,
        results: Payload::default(),
        created_ms: task.created_ms,
        ended_ms: None,
    })))
}

/// What the end of a task makes of the test that it ordered; nothing, as long as it goes on.
pub(crate) async fn ended(service: &Service, task: &Task) -> Result<Option<Row>, StoreError> {
    if task.kind != TaskKind::Diagnostics || !task.state.is_over() {
        return Ok(None);
    }
    let id = id_of(task.id);
    let Some(mut test) = read(&service.readers, move |snapshot| snapshot.diagnostic(id)).await? else {
        return Ok(None);
    };
    let report = task.report.as_ref();
    if task.state == TaskState::Done {
        test.state = DiagnosticState::Complete;
        test.error = Box::default();
        test.results = report.map(|report| report.payload.clone()).unwrap_or_default();
    } else {
        test.state = DiagnosticState::Failed;
        let said = report.map(|report| &*report.text).filter(|text| !text.is_empty());
        test.error = said.unwrap_or(task.state.name()).chars().take(ERROR_CHARS_MAX).collect::<String>().into();
    }
    test.ended_ms = task.ended_ms;
    Ok(Some(Row::Diagnostic(Box::new(test))))
}
