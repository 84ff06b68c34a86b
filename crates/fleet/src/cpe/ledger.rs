//! What devices did of what an ACS ordered, by the numbers of its tasks: the other half of an account of tasks.

use std::collections::HashMap;

/// Something that a device did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) device: u32,
    pub(super) what: Done,
    /// Whether it went well.
    pub(super) is_good: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// What the task with this number wanted, whose key came with it.
    Task(u64),
    /// A factory reset, which has no key.
    Reset,
}

/// How often something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) good: u32,
    pub(super) bad: u32,
}

/// All that was done.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    tasks: HashMap<u64, Times>,
    resets: HashMap<u32, u32>,
}

impl Deed {
    /// Of a key that an ACS gave; `None`: it is none of a task.
    pub(super) fn of_key(device: u32, key: &str, is_good: bool) -> Option<Self> {
        let task = key.strip_prefix("task-")?.parse().ok()?;
        Some(Self { device, what: Done::Task(task), is_good })
    }
}

impl Ledger {
    pub(super) fn write(&mut self, deed: &Deed) {
        match deed.what {
            Done::Task(task) => {
                let times = self.tasks.entry(task).or_default();
                if deed.is_good {
                    times.good += 1;
                } else {
                    times.bad += 1;
                }
            }
            Done::Reset => *self.resets.entry(deed.device).or_default() += 1,
        }
    }

    pub(super) fn of_task(&self, task: u64) -> Times {
        self.tasks.get(&task).copied().unwrap_or_default()
    }

    pub(super) fn resets_of(&self, device: u32) -> u32 {
        self.resets.get(&device).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_counted_by_task_and_resets_by_device() {
        let mut ledger = Ledger::default();
        for (key, is_good) in [("task-7", true), ("task-7", true), ("task-8", false)] {
            ledger.write(&Deed::of_key(1, key, is_good).unwrap());
        }
        ledger.write(&Deed { device: 3, what: Done::Reset, is_good: true });
        assert_eq!(ledger.of_task(7), Times { good: 2, bad: 0 });
        assert_eq!(ledger.of_task(8), Times { good: 0, bad: 1 });
        assert_eq!((ledger.of_task(9), ledger.resets_of(3), ledger.resets_of(1)), (Times::default(), 1, 0));
        for key in ["", "task-", "7", "task-x"] {
            assert_eq!(Deed::of_key(1, key, true), None, "{key}");
        }
    }
}
