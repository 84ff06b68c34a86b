use std::sync::Arc;

use bytes::Bytes;
use sangam_device_proto::device::{Device, State};
use sangam_device_proto::profile::{ProfileValue, Pursuit, ordered_by, wanted_of};
use sangam_device_proto::task::{Format, Happened, Payload, Step, Task, TaskKind, TaskState};
use sangam_storage::devices::{Change, DeviceId, EventId, EventRow, Fingerprint, Outcome, Row, Severity, TaskId};
use serde_json::json;

use super::{Study, study};
use crate::alarms::{Raised, alarm_type, clear, raise};
use crate::names::NamesError;
use crate::reading::read;
use crate::service::Service;

/// How often a change is made anew when somebody else was first.
const ATTEMPTS_MAX: usize = 4;
/// Paths that an event names.
const PATHS_TOLD: usize = 20;
/// It is not looked at again before something of it changes.
const NEVER: u64 = u64::MAX;

/// Looks whether a device is as it shall be, and has it told if not. `bootstrap`: it has forgotten everything.
pub(crate) async fn look(service: &Arc<Service>, device: &Device, bootstrap: bool) -> Result<(), NamesError> {
    if device.state != State::Enrolled {
        return Ok(());
    }
    let _lane = service.provisioning.lane(device.id).await;
    let mut bootstrap = bootstrap;
    for _ in 0..ATTEMPTS_MAX {
        let study = study(service, device, bootstrap).await?;
        let generation = study.board.generation;
        let done = match study.pursuit {
            Pursuit::Held => {
                clear(service, device.id, alarm_type::PROFILE, "it is as it shall be").await?;
                Some(NEVER)
            }
            Pursuit::Later(until_ms) => {
                not_taken(service, device.id, &study, until_ms).await?;
                Some(until_ms)
            }
            // When that is over it is looked at again.
            Pursuit::UnderWay(_) => Some(NEVER),
            Pursuit::Stale(task) => {
                take_back(service, task).await?;
                None
            }
            Pursuit::Set => tell(service, device, &study).await?,
        };
        if let Some(again_ms) = done {
            service.provisioning.was_looked_at(device.id, generation, again_ms);
            return Ok(());
        }
        bootstrap &= study.pursuit != Pursuit::Set;
    }
    Err(NamesError::Overtaken)
}

/// Makes the task, and one that reads afterwards what the device made of it. When it is to be looked at again; `None`: at once.
async fn tell(service: &Arc<Service>, device: &Device, study: &Study) -> Result<Option<u64>, NamesError> {
    let now_ms = service.now_ms();
    let later = now_ms.saturating_add(millis(service.options.profiles.pursuit.retry_first));
    let payload = payload(&json!({ "values": study.drift.sets.iter().map(value).collect::<Vec<_>>() }));
    let most = service.options.tasks.payload_bytes_max;
    if payload.bytes.len() > most {
        let text =
            format!("what is wanted of it has {} bytes together, and a task at most {most}", payload.bytes.len());
        raise(service, refused(device.id, &text, None)).await?;
        return Ok(Some(later));
    }
    let (id, per_device) = (device.id, service.options.tasks.per_device_max);
    let live = read(&service.readers, move |snapshot| Ok(snapshot.live_tasks(id, per_device)?.len())).await?;
    if live + 2 > per_device {
        return Ok(Some(later));
    }
    let task = |kind, payload| {
        let mut task = Task::new(service.numbers.task(), id, kind, payload, now_ms);
        task.ordered_by = ordered_by(study.wanted);
        task
    };
    let mut tasks = vec![task(TaskKind::SetValues, payload)];
    let shown: Vec<&str> = study.drift.sets.iter().filter(|set| !set.hidden).map(|set| &*set.path).collect();
    if !shown.is_empty() {
        tasks.push(task(TaskKind::GetValues, self::payload(&json!({ "paths": shown }))));
    }
    let mut rows: Vec<Row> = tasks.iter().map(|task| Row::Task(Box::new(task.clone()))).collect();
    rows.push(Row::Event(drifted(id, study, tasks.first().map(|task| task.id), now_ms)));
    if !commit(service, rows).await? {
        return Ok(None);
    }
    service.metrics.drifted(study.drift.sets.len());
    for task in &tasks {
        service.task_changed(task);
    }
    Ok(Some(NEVER))
}

/// A task that says what is wanted no longer is not sent any more, unless it was.
async fn take_back(service: &Arc<Service>, id: TaskId) -> Result<(), NamesError> {
    let Some(mut task) = read(&service.readers, move |snapshot| snapshot.task(id)).await? else { return Ok(()) };
    if task.handle(Happened::Cancelled, service.now_ms(), &service.options.tasks) == Step::Changed
        && commit(service, vec![Row::Task(Box::new(task.clone()))]).await?
    {
        service.task_changed(&task);
    }
    Ok(())
}

/// A task is over: if it was made for the device's profiles, that is remembered; if it has shown other values, the device is looked
/// at.
pub(crate) async fn settled(service: &Arc<Service>, task: &Task) -> Result<(), NamesError> {
    let id = task.device;
    if let Some(wanted) = wanted_of(task).filter(|_| task.kind == TaskKind::SetValues) {
        service.provisioning.changed(id);
        if task.state == TaskState::Done {
            // It is looked at once its values were read, or when it comes.
            return told(service, id, wanted).await;
        }
    }
    if !service.provisioning.is_due(id, service.now_ms()) {
        return Ok(());
    }
    let Some(device) = read(&service.readers, move |snapshot| snapshot.device(id)).await? else { return Ok(()) };
    look(service, &device, false).await
}

/// Remembers with the device what it was told last: hidden values are told again only when they are others.
async fn told(service: &Arc<Service>, id: DeviceId, wanted: Fingerprint) -> Result<(), NamesError> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(mut device) = read(&service.readers, move |snapshot| snapshot.device(id)).await? else {
            return Ok(());
        };
        if device.profile == wanted {
            return Ok(());
        }
        device.profile = wanted;
        device.revision = device.revision.saturating_add(1);
        if commit(service, vec![Row::Device(Box::new(device))]).await? {
            return Ok(());
        }
    }
    Err(NamesError::Overtaken)
}

/// An alarm, unless there is one for it.
async fn not_taken(service: &Arc<Service>, id: DeviceId, study: &Study, until_ms: u64) -> Result<(), NamesError> {
    if service.alarms.is_open(id, alarm_type::PROFILE) {
        return Ok(());
    }
    let text = why(study);
    let mut raised = refused(id, &text, study.last.as_ref());
    raised.metadata["next_try_ms"] = json!(until_ms);
    raise(service, raised).await
}

/// For people: why a device is not told at once.
pub(crate) fn why(study: &Study) -> String {
    match &study.last {
        Some(task) if task.state == TaskState::Done => {
            "the device took what was set, and it is otherwise again".to_owned()
        }
        Some(task) => {
            let said = task.report.as_ref().map_or("", |report| &report.text);
            let code = task.report.as_ref().map_or(0, |report| report.code);
            format!("task {} is {}: {code} {said}", task.id, task.state.name())
        }
        None => String::new(),
    }
}

fn refused(device: DeviceId, text: &str, task: Option<&Task>) -> Raised {
    Raised {
        device,
        alarm_type: alarm_type::PROFILE.into(),
        severity: Severity::Minor,
        category: "provisioning",
        title: "the device is not as its profiles want it".into(),
        description: text.into(),
        metadata: json!({ "task": task.map(|task| task.id.0) }),
    }
}

/// What an operator sees of it in the device's events: which parameters, never what they are to be.
fn drifted(device: DeviceId, study: &Study, task: Option<TaskId>, at_ms: u64) -> EventRow {
    let sets = &study.drift.sets;
    let paths: Vec<&str> = sets.iter().take(PATHS_TOLD).map(|set| &*set.path).collect();
    let detail = json!({ "task": task.map(|task| task.0), "count": sets.len(), "paths": paths });
    let mut event = EventRow::new(EventId(0), device, at_ms, "drift", "");
    event.detail = Bytes::from(detail.to_string());
    event
}

fn value(set: &ProfileValue) -> serde_json::Value {
    json!({ "path": &*set.path, "value": &*set.value, "type": set.kind.name() })
}

fn payload(value: &serde_json::Value) -> Payload {
    Payload { format: Format::Json, bytes: value.to_string().into() }
}

async fn commit(service: &Service, rows: Vec<Row>) -> Result<bool, NamesError> {
    let room = service.committer.admit(0).map_err(|_| NamesError::Overloaded)?;
    Ok(service.committer.commit(room, Change::from(rows)).await? == Outcome::Done)
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
