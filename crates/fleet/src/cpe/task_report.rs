//! What became of the tasks of an operator, and whether devices say the same.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ledger::Ledger;
use super::live_reads::LiveReadReport;
use super::operator::{Fate, Ordered, Orders, is_over};
use super::orders::TaskWish;
use crate::histogram::{Histogram, Percentiles};

/// What became of tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TaskReport {
    /// Devices of which something was ordered.
    pub devices: u32,
    /// From the first order to the last.
    pub took_secs: f64,
    /// By kind.
    pub kinds: BTreeMap<&'static str, TaskKindReport>,
    /// What the server says beside what devices did.
    pub audit: TaskAudit,
    /// Devices whose orders were not all given before the time was over.
    pub cut_short: u32,
    /// If values were read.
    pub live_reads: Option<LiveReadReport>,
}

/// Of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TaskKindReport {
    /// Tasks that were ordered and taken.
    pub ordered: u64,
    /// As the device said.
    pub done: u64,
    /// As the device said, or the server.
    pub failed: u64,
    /// Nobody knows.
    pub unknown: u64,
    /// Not over in the end.
    pub open: u64,
    /// The server did not take them.
    pub refused: u64,
    /// Not ordered, as what they needed was not there.
    pub skipped: u64,
    /// Why they failed, are unknown or were refused.
    pub reasons: BTreeMap<String, u64>,
    /// From the order to its end, of those that were done.
    pub took: Option<Percentiles>,
}

/// What the server says beside what devices did. Reading leaves no trace with a device and is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TaskAudit {
    /// Done, and a device did it once.
    pub once: u64,
    /// Done, and a device did it several times; it says what shall be, so that it may.
    pub repeated: u64,
    /// Unknown, and a device did it once.
    pub unknown_done: u64,
    /// Unknown, and no device did it.
    pub unknown_not_done: u64,
    /// Must not be: a device did it more than once.
    pub twice: u64,
    /// Must not be: done, and no device did it.
    pub never: u64,
    /// Must not be: failed or not sent, and a device did it.
    pub denied: u64,
}

impl TaskReport {
    pub(super) fn of(orders: &Orders, ledger: &Ledger) -> Self {
        let mut report = Self {
            took_secs: (orders.took.as_secs_f64() * 1e3).round() / 1e3,
            cut_short: orders.unheard,
            ..Self::default()
        };
        let mut took: BTreeMap<&'static str, Histogram> = BTreeMap::new();
        let mut devices: Vec<u32> = orders.ordered.iter().map(|it| it.device).collect();
        devices.dedup();
        devices.sort_unstable();
        devices.dedup();
        report.devices = devices.len() as u32;
        for order in &orders.ordered {
            let kind = report.kinds.entry(order.wish.name()).or_default();
            kind.count(order);
            if matches!(&order.fate, Fate::State(state, _) if state == "done") {
                took.entry(order.wish.name()).or_default().record(order.took);
            }
            report.audit.look_at(order, ledger);
        }
        for task in &orders.held {
            report.audit.denied += u64::from(ledger.of_task(*task).good > 0);
        }
        for (name, histogram) in took {
            report.kinds.entry(name).or_default().took = histogram.percentiles();
        }
        report
    }

    /// Everything that is wrong, in words.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let sum = |of: fn(&TaskKindReport) -> u64| self.kinds.values().map(of).sum::<u64>();
        [
            (self.audit.twice, "tasks ran more than once"),
            (self.audit.never, "tasks are said to be done, and no device did them"),
            (self.audit.denied, "tasks are said to have failed or not to have been sent, and a device did them"),
            (sum(|it| it.failed), "tasks failed"),
            (sum(|it| it.open), "tasks were not over in the end"),
            (sum(|it| it.refused), "orders were refused"),
            (sum(|it| it.skipped), "orders could not be given"),
            (u64::from(self.cut_short), "devices did not get all orders in time"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect()
    }
}

impl TaskKindReport {
    fn count(&mut self, order: &Ordered) {
        self.ordered += u64::from(order.task.is_some());
        let (count, reason) = match &order.fate {
            Fate::Skipped => (&mut self.skipped, ""),
            Fate::Refused(why) => (&mut self.refused, why.as_str()),
            Fate::State(state, _) if state == "done" => (&mut self.done, ""),
            Fate::State(state, text) if state == "unknown" => (&mut self.unknown, text.as_str()),
            Fate::State(state, text) if is_over(state) => (&mut self.failed, text.as_str()),
            Fate::State(state, _) => (&mut self.open, state.as_str()),
        };
        *count += 1;
        if !reason.is_empty() {
            *self.reasons.entry(reason.to_owned()).or_default() += 1;
        }
    }
}

impl TaskAudit {
    fn look_at(&mut self, order: &Ordered, ledger: &Ledger) {
        let Some(task) = order.task else { return };
        let Fate::State(state, _) = &order.fate else { return };
        let times = match order.wish {
            // There is one of each device.
            TaskWish::FactoryReset => ledger.resets_of(order.device),
            wish if wish.has_key() => {
                let times = ledger.of_task(task);
                if state == "failed" && times.good == 0 {
                    return;
                }
                times.good + times.bad
            }
            _ => return,
        };
        let count = match (state.as_str(), times) {
            ("unknown", 0) => &mut self.unknown_not_done,
            ("unknown", 1) => &mut self.unknown_done,
            ("done", 1) => &mut self.once,
            ("done", 0) => &mut self.never,
            (_, 0) => return,
            ("done" | "unknown", _) if order.wish.may_repeat() => &mut self.repeated,
            ("done" | "unknown", _) => &mut self.twice,
            // Whoever ordered it may still hear of it.
            (state, 1) if !is_over(state) => return,
            _ => &mut self.denied,
        };
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::ledger::Deed;
    use super::*;

    fn order(wish: TaskWish, task: u64, state: &str) -> Ordered {
        let fate = Fate::State(state.to_owned(), "why".to_owned());
        Ordered { device: 1, wish, task: Some(task), fate, took: Duration::from_millis(5) }
    }

    fn ledger(tasks: &[u64]) -> Ledger {
        let mut ledger = Ledger::default();
        tasks.iter().for_each(|task| ledger.write(&Deed::of_key(1, &format!("task-{task}"), true).unwrap()));
        ledger
    }

    fn audit(wish: TaskWish, state: &str, times: usize) -> TaskAudit {
        let orders = Orders { ordered: vec![order(wish, 7, state)], ..Orders::default() };
        TaskReport::of(&orders, &ledger(&vec![7; times])).audit
    }

    #[test]
    fn what_the_server_says_is_held_against_what_devices_did() {
        let none = TaskAudit::default();
        assert_eq!(audit(TaskWish::Reboot, "done", 1), TaskAudit { once: 1, ..none });
        assert_eq!(audit(TaskWish::Reboot, "done", 2), TaskAudit { twice: 1, ..none });
        assert_eq!(audit(TaskWish::Reboot, "unknown", 2), TaskAudit { twice: 1, ..none });
        assert_eq!(audit(TaskWish::Reboot, "done", 0), TaskAudit { never: 1, ..none });
        assert_eq!(audit(TaskWish::Reboot, "failed", 1), TaskAudit { denied: 1, ..none });
        assert_eq!(audit(TaskWish::Reboot, "expired", 1), TaskAudit { denied: 1, ..none });
        assert_eq!(audit(TaskWish::Reboot, "failed", 0), none);
        assert_eq!(audit(TaskWish::Reboot, "unknown", 1), TaskAudit { unknown_done: 1, ..none });
        assert_eq!(audit(TaskWish::Reboot, "unknown", 0), TaskAudit { unknown_not_done: 1, ..none });
        assert_eq!(audit(TaskWish::SetValues, "done", 3), TaskAudit { repeated: 1, ..none });
        assert_eq!(audit(TaskWish::GetValues, "done", 0), none);
    }

    #[test]
    fn kinds_are_counted_and_what_is_wrong_is_said() {
        let mut ordered = vec![order(TaskWish::Reboot, 1, "done"), order(TaskWish::Reboot, 2, "unknown")];
        let fine = Orders { ordered: ordered.clone(), ..Orders::default() };
        let report = TaskReport::of(&fine, &ledger(&[1]));
        assert_eq!(report.reasons(), Vec::<String>::new());
        let reboot = &report.kinds["reboot"];
        assert_eq!((reboot.ordered, reboot.done, reboot.unknown, reboot.reasons["why"]), (2, 1, 1, 1));
        assert!(reboot.took.is_some());
        ordered.push(order(TaskWish::Download, 3, "failed"));
        ordered.push(order(TaskWish::Download, 4, "sent"));
        let refused = Fate::Refused("400 no".to_owned());
        ordered.push(Ordered { task: None, fate: refused, ..order(TaskWish::Upload, 0, "") });
        ordered.push(Ordered { task: None, fate: Fate::Skipped, ..order(TaskWish::DeleteObject, 0, "") });
        let orders = Orders { ordered, held: vec![1], unheard: 3, ..Orders::default() };
        let report = TaskReport::of(&orders, &ledger(&[1]));
        let reasons = report.reasons().join("; ");
        for part in
            ["1 tasks failed", "1 tasks were not over", "1 orders were refused", "1 orders could not", "3 devices"]
        {
            assert!(reasons.contains(part), "{part}: {reasons}");
        }
        assert_eq!(report.audit.denied, 1, "what was taken back was done");
    }
}
