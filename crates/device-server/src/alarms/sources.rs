use std::sync::Arc;

use sangam_device_proto::alarm::{FaultChange, FaultEvent};
use sangam_device_proto::device::Device;
use sangam_device_proto::task::{Task, TaskKind, TaskState};
use sangam_storage::devices::{DeviceId, Severity};
use serde_json::json;

use super::{Raised, clear, raise};
use crate::names::NamesError;
use crate::service::Service;

/// What is wrong, in one word.
pub(crate) mod alarm_type {
    /// It did not come when it should have.
    pub(crate) const OFFLINE: &str = "offline";
    /// It showed a wrong login again and again.
    pub(crate) const LOGIN: &str = "login_refused";
    /// It does not take, or not keep, what its profiles want.
    pub(crate) const PROFILE: &str = "profile_refused";
    /// A file was not fetched or brought.
    pub(crate) const TRANSFER: &str = "transfer_failed";
    /// It refuses what is asked of it again and again.
    pub(crate) const FAULTS: &str = "task_faults";
}

/// A device did not come when it should have.
pub(crate) async fn offline(service: &Arc<Service>, device: &Device, silent_ms: u64) -> Result<(), NamesError> {
    if service.alarms.is_open(device.id, alarm_type::OFFLINE) {
        return Ok(());
    }
    let raised = Raised {
        device: device.id,
        alarm_type: alarm_type::OFFLINE.into(),
        severity: Severity::Major,
        category: "connectivity",
        title: "the device does not come".into(),
        description: format!("it was not heard of for {} s", silent_ms / 1_000).into(),
        metadata: json!({ "last_seen_ms": device.seen.last_ms, "interval_secs": device.periodic.interval_secs }),
    };
    raise(service, raised).await
}

/// A device came, and has proven who it is.
pub(crate) async fn served(service: &Arc<Service>, device: DeviceId) -> Result<(), NamesError> {
    service.alarms.untroubled(device, alarm_type::LOGIN);
    if !service.alarms.has_any(device) {
        return Ok(());
    }
    clear(service, device, alarm_type::OFFLINE, "it came").await?;
    clear(service, device, alarm_type::LOGIN, "it has proven who it is").await
}

/// Somebody who says to be this device showed a login that is not its.
pub(crate) async fn login_refused(service: &Arc<Service>, device: DeviceId, why: &str) -> Result<(), NamesError> {
    if !service.alarms.troubled(device, alarm_type::LOGIN, service.mono()) {
        return Ok(());
    }
    let raised = Raised {
        device,
        alarm_type: alarm_type::LOGIN.into(),
        severity: Severity::Warning,
        category: "security",
        title: "whoever says to be the device shows a wrong login".into(),
        description: why.into(),
        metadata: json!({ "reason": why }),
    };
    raise(service, raised).await
}

/// A task is over.
pub(crate) async fn task_over(service: &Arc<Service>, task: &Task) -> Result<(), NamesError> {
    let is_transfer = matches!(task.kind, TaskKind::Download | TaskKind::Upload | TaskKind::ScheduleDownload);
    match task.state {
        TaskState::Done => {
            if is_transfer {
                clear(service, task.device, alarm_type::TRANSFER, "a later transfer is done").await?;
            }
            service.alarms.untroubled(task.device, alarm_type::FAULTS);
            clear(service, task.device, alarm_type::FAULTS, "the device does what it is told").await
        }
        TaskState::Failed | TaskState::Unknown if is_transfer => raise(service, transfer_failed(task)).await,
        TaskState::Failed if service.alarms.troubled(task.device, alarm_type::FAULTS, service.mono()) => {
            raise(service, faults(task)).await
        }
        _ => Ok(()),
    }
}

fn transfer_failed(task: &Task) -> Raised {
    Raised {
        alarm_type: alarm_type::TRANSFER.into(),
        severity: Severity::Major,
        title: format!(
            "a {} {}",
            task.kind.name(),
            if task.state == TaskState::Failed { "failed" } else { "is unknown" }
        )
        .into(),
        ..faults(task)
    }
}

fn faults(task: &Task) -> Raised {
    let report = task.report.as_ref();
    let (code, text) = report.map_or((0, ""), |report| (report.code, &*report.text));
    Raised {
        device: task.device,
        alarm_type: alarm_type::FAULTS.into(),
        severity: Severity::Minor,
        category: "task",
        title: "the device refuses what is asked of it".into(),
        description: format!("task {} ({}): {code} {text}", task.id, task.kind.name()).into(),
        metadata: json!({ "task": task.id.0, "kind": task.kind.name(), "code": code }),
    }
}

/// A device tells an alarm of its own.
pub(crate) async fn fault_told(service: &Arc<Service>, device: DeviceId, event: &FaultEvent) -> Result<(), NamesError> {
    let alarm_type: Box<str> = format!("device:{}", event.identifier).chars().take(64).collect();
    if event.change == FaultChange::Cleared {
        return clear(service, device, &alarm_type, "the device says so").await;
    }
    let title = [&event.specific_problem, &event.probable_cause, &event.event_type];
    let title = title.into_iter().find(|text| !text.is_empty()).map_or("the device tells a fault", |text| text);
    let raised = Raised {
        device,
        alarm_type,
        severity: event.severity,
        category: "device",
        title: title.into(),
        description: event.text.clone(),
        metadata: json!({
            "identifier": &*event.identifier,
            "event_type": &*event.event_type,
            "probable_cause": &*event.probable_cause,
            "specific_problem": &*event.specific_problem,
            "object": &*event.object,
        }),
    };
    raise(service, raised).await
}
