use std::time::Duration;

use sangam_control::{DeviceAdminError, DeviceOrder, DeviceTask};
use sangam_device_proto::DeviceId;
use sangam_device_proto::device::Device;
use sangam_device_proto::task::{Format, Payload, Task, TaskKind};
use sangam_storage::devices::{Answered, Outcome, Row, TaskId};
use sha2::{Digest as _, Sha256};

use super::views::task_view;
use super::{ATTEMPTS_MAX, Admin, Told, invalid, overtaken};
use crate::calling::{Called, Ringing, call};
use crate::cwmp::{check_order, stored_file};
use crate::diagnostics;
use crate::usp;

/// Who ordered it, cut to what a row has room for.
const ORDERED_BY_CHARS_MAX: usize = 128;

/// Longer nobody waits to hear what comes of a call.
const PATIENCE_MAX: Duration = Duration::from_secs(3);

impl Admin {
    /// Takes an order, once for each key.
    pub(super) async fn take_order(&self, ordered_of: &Device, order: DeviceOrder) -> Told<DeviceTask> {
        let device = ordered_of.id;
        let digest = digest(device, &order);
        let key = order.idempotency_key.as_ref().map(|key| format!("{}:{key}", order.ordered_by));
        if key.as_ref().is_some_and(|key| key.chars().count() > Answered::KEY_CHARS_MAX) {
            return Err(invalid("an idempotency key has at most 128 characters"));
        }
        let task = self.task_of(ordered_of, &order)?;
        let wait = order.wait.map(|wait| wait.min(self.service.options.calls.wait_max));
        for _ in 0..ATTEMPTS_MAX {
            if let Some(key) = &key
                && let Some(before) = self.ordered_before(key, &digest).await?
            {
                // It was called for it then.
                return self.answer(before, None, wait).await;
            }
            let counting = self.service.ordering.of(device).await;
            let most = self.service.options.tasks.per_device_max;
            let live = self.read(move |snapshot| Ok(snapshot.live_tasks(device, most)?.len())).await?;
            if live >= most {
                return Err(DeviceAdminError::TooMany);
            }
            let mut rows = vec![Row::Task(Box::new(task.clone()))];
            rows.extend(diagnostics::ordered(&task));
            rows.extend(key.as_ref().map(|key| self.answered(key, digest, &task)));
            let stored = self.commit(rows).await?;
            drop(counting);
            if stored == Outcome::Done {
                self.service.task_changed(&task);
                // An agent of USP that is connected has it already.
                let is_here = self.service.agents.connected_over(device).is_some();
                let is_called = order.call && !is_here && task.is_due(self.service.now_ms());
                let ringing = is_called.then(|| call(&self.service, device));
                let mut told = self.answer(task_view(&task), ringing, wait).await?;
                told.called = told.called.or_else(|| (is_here && order.call).then(|| Called::NotNeeded.label()));
                return Ok(told);
            }
            // Either the device went, or the same order came at the same time.
            if self.read(move |snapshot| snapshot.device(device)).await?.is_none() {
                return Err(DeviceAdminError::NoDevice);
            }
        }
        Err(overtaken())
    }

    /// What is told of an order: at once, when it is known what came of the call, or when the task is over.
    async fn answer(&self, task: DeviceTask, mut ringing: Option<Ringing>, wait: Option<Duration>) -> Told<DeviceTask> {
        let calls = &self.service.options.calls;
        match (wait, &mut ringing) {
            (None, None) => return Ok(task),
            (Some(wait), _) => {
                // Whatever comes of it, the answer says how the task is then.
                let _: Result<Told<()>, _> = tokio::time::timeout(wait, self.over(task.id)).await;
            }
            (None, Some(ringing)) => {
                // Who orders waits for an answer as long as programs do: the call goes on.
                let patience = (calls.connect_timeout + calls.answer_timeout).min(PATIENCE_MAX);
                let _: Result<_, _> = tokio::time::timeout(patience, ringing.wait_for(Option::is_some)).await.map(drop);
            }
        }
        let mut told = task_view(&self.found_task(task.id).await?);
        told.called = ringing.map(|ringing| ringing.borrow().map_or("waiting", Called::label));
        Ok(told)
    }

    /// Ends when a task is over, or nobody may wait for it.
    async fn over(&self, id: u64) -> Told<()> {
        let Some(mut waiting) = self.service.task_watch.wait(TaskId(id)) else {
            self.service.metrics.refused("waits_max");
            return Ok(());
        };
        while !self.found_task(id).await?.state.is_over() && !waiting.is_closed() {
            waiting.changed().await;
        }
        Ok(())
    }

    fn task_of(&self, device: &Device, order: &DeviceOrder) -> Told<Task> {
        let kind = TaskKind::parse(&order.kind).ok_or_else(|| invalid("there is no task of that kind"))?;
        let payload = if order.payload.is_null() { serde_json::json!({}) } else { order.payload.clone() };
        let bytes = payload.to_string();
        let most = self.service.options.tasks.payload_bytes_max;
        if bytes.len() > most {
            return Err(DeviceAdminError::Invalid(format!("the payload of a task has at most {most} bytes")));
        }
        let payload = Payload { format: Format::Json, bytes: bytes.into() };
        let now_ms = self.service.now_ms();
        let mut task = Task::new(self.service.numbers.task(), device.id, kind, payload, now_ms);
        task.priority = order.priority;
        task.ordered_by = order.ordered_by.chars().take(ORDERED_BY_CHARS_MAX).collect::<String>().into();
        task.not_before_ms = order.not_before.map_or(now_ms, |at| at.unix_millis());
        task.expires_ms = order.expires.map(|at| at.unix_millis());
        check(device, &task).map_err(DeviceAdminError::Invalid)?;
        let is_there = |name: String| kind == TaskKind::Upload || self.service.files.of_name(&name).is_some();
        if stored_file(&task).is_some_and(|name| !is_there(name)) {
            return Err(invalid("there is no file of that name"));
        }
        Ok(task)
    }

    /// The task that this key has made; an error if it was for something else.
    async fn ordered_before(&self, key: &str, digest: &[u8; 32]) -> Told<Option<DeviceTask>> {
        let wanted = key.to_owned();
        let Some(before) = self.read(move |snapshot| snapshot.answered(&wanted)).await? else { return Ok(None) };
        if before.request != *digest {
            return Err(DeviceAdminError::KeyUsed);
        }
        let id = std::str::from_utf8(&before.body).ok().and_then(|id| id.parse().ok());
        let Some(id) = id else { return Err(DeviceAdminError::NoTask) };
        let task = self.read(move |snapshot| snapshot.task(TaskId(id))).await?;
        task.map(|task| Some(task_view(&task))).ok_or(DeviceAdminError::NoTask)
    }

    fn answered(&self, key: &str, request: [u8; 32], task: &Task) -> Row {
        let body = task.id.to_string().into();
        Row::Answered(Box::new(Answered { key: key.into(), request, status: 201, body, at_ms: self.service.now_ms() }))
    }
}

/// Whether a device can carry out a task at all, in what it speaks; one of which nobody knows may speak either.
fn check(device: &Device, task: &Task) -> Result<(), String> {
    match (device.endpoint.is_some(), device.protocols.cwmp.is_some()) {
        (true, false) => usp::check_order(task),
        (true, true) => usp::check_order(task)
            .or_else(|why| if usp::carries_out(task.kind) { Err(why) } else { check_order(task, device.root) }),
        (false, true) => check_order(task, device.root),
        (false, false) => check_order(task, device.root).or_else(|why| usp::check_order(task).map_err(|_| why)),
    }
}

fn digest(device: DeviceId, order: &DeviceOrder) -> [u8; 32] {
    let times = [order.not_before, order.expires].map(|at| at.map(|at| at.unix_millis()));
    let said = format!("{device} {} {} {:?} {}", order.kind, order.priority, times, order.payload);
    Sha256::digest(said.as_bytes()).into()
}
