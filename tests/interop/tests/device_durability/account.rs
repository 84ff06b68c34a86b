use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::book::{Book, Event};
use crate::device::{Device, TICK};
use crate::load::Load;
use crate::operator::Order;
use crate::soap::NUMBER;

impl Load {
    /// Compares what the server says with what devices and the operator were told, while they go on.
    pub(crate) fn check(&self) -> Result<()> {
        self.right()?;
        let orders = self.operator.orders();
        for (at, device) in self.devices.iter().enumerate() {
            let of_it: Vec<&Order> = orders.iter().filter(|order| order.device == at).collect();
            self.check_device(device, &of_it).with_context(|| format!("device {}", device.serial))?;
        }
        Ok(())
    }

    fn check_device(&self, device: &Device, orders: &[&Order]) -> Result<()> {
        // What is acknowledged before it is asked for must be there; what is sent after it cannot.
        let before = device.book().clone();
        let path = |what: &str| format!("/api/v1/devices/{}/{what}", device.id());
        let tasks = self.operator.list(&path("tasks"))?;
        let history = self.operator.list(&path("history"))?;
        let events = self.operator.list(&path("events"))?;
        let now = self.operator.list(&path("parameters"))?;
        let after = device.book().clone();
        check_values(&before, &after, &history, &now)?;
        check_events(&before, &after, &events)?;
        self.check_tasks(&before, &after, &tasks, orders)
    }

    fn check_tasks(&self, before: &Book, after: &Book, tasks: &[Value], orders: &[&Order]) -> Result<()> {
        let by_id: BTreeMap<u64, &Value> = tasks.iter().filter_map(|task| Some((task["id"].as_u64()?, task))).collect();
        ensure!(by_id.len() == tasks.len(), "a task is there twice");
        for order in orders {
            let task = by_id.get(&order.task).with_context(|| format!("{order:?} was acknowledged and is gone"))?;
            ensure!(task["kind"] == order.kind, "{order:?} was ordered, {task} is there");
        }
        let ids: BTreeSet<u64> = orders.iter().map(|order| order.task).collect();
        ensure!(ids.len() == orders.len(), "two orders became one task");
        for (id, ran) in &after.ran {
            ensure!(by_id.contains_key(id) || !before.ran.contains_key(id), "task {id} ran {ran} times and is gone");
        }
        let mut all = by_id.into_iter();
        all.try_for_each(|(id, task)| {
            check_task(before, after, id, task, self.has_disk_failed()).with_context(|| format!("{task}"))
        })
    }

    /// Nothing is under way any more: each task ran once, or nobody knows, or it is to be said again.
    pub(crate) fn check_settled(&self) -> Result<()> {
        let tasks = self.operator.list("/api/v1/tasks")?;
        let mut done = 0;
        for task in &tasks {
            let id = task["id"].as_u64().context("a task without a number")?;
            let ran: u32 = self.devices.iter().filter_map(|device| device.book().ran.get(&id).copied()).sum();
            match task["state"].as_str().unwrap_or_default() {
                "done" => done += 1,
                "unknown" => ensure!(ran <= 1, "ran {ran} times: {task}"),
                "queued" => ensure!(task["kind"] == "set_values", "not over: {task}"),
                state => anyhow::bail!("{state}: {task}"),
            }
        }
        // Crashes are few: most were done.
        ensure!(done * 2 > tasks.len(), "{done} of {} tasks were done", tasks.len());
        Ok(())
    }
}

/// What is known now is what the last Inform said that was answered, or a later one.
fn check_values(before: &Book, after: &Book, history: &[Value], now: &[Value]) -> Result<()> {
    let number = |value: &Value| value["value"].as_str().and_then(|it| it.parse::<u64>().ok());
    let of_it = |all: &[Value]| -> BTreeSet<u64> {
        all.iter().filter(|value| value["path"] == NUMBER).filter_map(number).collect()
    };
    let (was, is) = (of_it(history), of_it(now));
    let is = is.last().copied().unwrap_or(0);
    ensure!((before.acked..=after.sent).contains(&is), "{} is acknowledged, {is} is known", before.acked);
    ensure!(was.last().is_none_or(|last| *last <= after.sent), "{} were sent, {was:?} are there", after.sent);
    Ok(())
}

/// Every event that was answered is there, and none that never was told.
fn check_events(before: &Book, after: &Book, events: &[Value]) -> Result<()> {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let there: BTreeSet<Event> = events.iter().map(|event| (text(event, "kind"), text(event, "command_key"))).collect();
    if let Some(lost) = before.events_acked.iter().find(|event| !there.contains(*event)) {
        anyhow::bail!("the event {lost:?} was acknowledged and is gone");
    }
    // What the server makes of a notice has a name of its own.
    let of_informs = there.iter().filter(|(code, _)| code == TICK || code.starts_with("M "));
    for event in of_informs {
        ensure!(after.events_told.contains(event), "the event {event:?} was never told");
    }
    let told = before.transfers_acked.iter().map(|task| ("TransferComplete".to_owned(), format!("task-{task}")));
    for event in told {
        ensure!(there.contains(&event), "{event:?} was acknowledged and is gone");
    }
    Ok(())
}

fn check_task(before: &Book, after: &Book, id: u64, task: &Value, disk_failed: bool) -> Result<()> {
    let ran = |book: &Book| book.ran.get(&id).copied().unwrap_or(0);
    let (state, kind) = (task["state"].as_str().unwrap_or_default(), task["kind"].as_str().unwrap_or_default());
    let repeats = kind == "set_values";
    ensure!(repeats || ran(after) <= 1, "it ran {} times", ran(after));
    let is_possible = match state {
        "queued" => ran(before) == 0 || repeats,
        "sent" | "unknown" => true,
        "awaiting_transfer" => kind == "download" && ran(after) == 1,
        "done" => ran(after) >= 1,
        _ => false,
    };
    ensure!(is_possible, "it ran {} times before and {} after, and that is its state", ran(before), ran(after));
    if before.transfers_acked.contains(&id) {
        ensure!(state == "done", "its transfer was acknowledged");
    }
    if before.answered.contains(&id) && !disk_failed {
        let is_kept = state == "done" || state == "awaiting_transfer";
        ensure!(is_kept, "the device answered, and that was taken");
    }
    Ok(())
}
