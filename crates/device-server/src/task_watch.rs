use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sangam_storage::devices::TaskId;
use tokio::sync::watch;

/// Wakes those who wait for a task to change. It knows nothing of tasks: whoever is woken looks in the store.
#[derive(Debug)]
pub(crate) struct TaskWatch {
    waits_max: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    waits: usize,
    /// Nobody waits any more.
    closed: bool,
    by_task: HashMap<TaskId, (watch::Sender<()>, usize)>,
}

/// One who waits for a task. Its place is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct TaskWait {
    task: TaskId,
    changes: watch::Receiver<()>,
    waiting: Arc<Mutex<Waiting>>,
}

impl TaskWatch {
    pub(crate) fn new(waits_max: usize) -> Self {
        Self { waits_max, waiting: Arc::default() }
    }

    /// Waits for a task from now on. `None`: as many wait as may.
    pub(crate) fn wait(&self, task: TaskId) -> Option<TaskWait> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed || waiting.waits >= self.waits_max {
            return None;
        }
        waiting.waits += 1;
        let (sender, waits) = waiting.by_task.entry(task).or_insert_with(|| (watch::channel(()).0, 0));
        *waits += 1;
        Some(TaskWait { task, changes: sender.subscribe(), waiting: Arc::clone(&self.waiting) })
    }

    /// Wakes everybody: nothing changes any more.
    pub(crate) fn close(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.closed = true;
        for (sender, _) in waiting.by_task.values() {
            sender.send_replace(());
        }
    }

    /// A task is another.
    pub(crate) fn changed(&self, task: TaskId) {
        if let Some((sender, _)) = lock(&self.waiting).by_task.get(&task) {
            sender.send_replace(());
        }
    }
}

impl TaskWait {
    /// Whether there is nothing more to wait for.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.waiting).closed
    }

    /// Ends when the task has changed since this was made, or since the last time.
    pub(crate) async fn changed(&mut self) {
        // The sender lives as long as anybody waits.
        let _: Result<(), _> = self.changes.changed().await;
    }
}

impl Drop for TaskWait {
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting);
        waiting.waits -= 1;
        if let Entry::Occupied(mut entry) = waiting.by_task.entry(self.task) {
            entry.get_mut().1 -= 1;
            if entry.get().1 == 0 {
                entry.remove();
            }
        }
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_between_asking_and_waiting_is_not_missed() {
        let watch = TaskWatch::new(8);
        let (mut one, mut two) = (watch.wait(TaskId(1)).unwrap(), watch.wait(TaskId(1)).unwrap());
        watch.changed(TaskId(1));
        watch.changed(TaskId(2));
        one.changed().await;
        two.changed().await;
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_at_the_end() {
        let watch = TaskWatch::new(8);
        let mut wait = watch.wait(TaskId(1)).unwrap();
        assert!(!wait.is_closed());
        watch.close();
        wait.changed().await;
        assert!(wait.is_closed() && watch.wait(TaskId(1)).is_none());
    }

    #[test]
    fn no_more_wait_than_may_and_who_goes_leaves_nothing_behind() {
        let watch = TaskWatch::new(2);
        let (one, two) = (watch.wait(TaskId(1)).unwrap(), watch.wait(TaskId(2)).unwrap());
        assert!(watch.wait(TaskId(1)).is_none());
        drop(one);
        assert!(watch.wait(TaskId(1)).is_some());
        drop(two);
        assert!(lock(&watch.waiting).by_task.is_empty());
    }
}
