use std::sync::{Arc, Weak};
use std::time::Duration;

use sangam_device_proto::task::{Happened, Step, Task};
use sangam_storage::devices::{Change, Outcome, Row, TaskId};

use crate::diagnostics;
use crate::names::NamesError;
use crate::reading::read;
use crate::service::Service;

/// How often it is looked for tasks whose time is over.
const INTERVAL: Duration = Duration::from_secs(2);
/// After so many looks the devices are counted again.
const COUNT_EVERY: u64 = 30;
/// Tasks of one step.
const TASKS_AT_ONCE: usize = 256;

/// Sees to tasks that nobody else does: those that were sent before we began are lost, those whose time is over end. It goes on for as
/// long as there is a server.
pub(crate) async fn run(service: Weak<Service>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut settled = Settled::UpTo(None);
    for ticked in 1_u64.. {
        ticks.tick().await;
        let Some(service) = service.upgrade() else { return };
        let step = async {
            if let Settled::UpTo(after) = settled {
                settled = settle_sent(&service, after).await?;
            }
            if ticked.is_multiple_of(COUNT_EVERY) {
                let totals = read(&service.readers, |snapshot| snapshot.totals()).await?;
                service.population.count(&totals);
            }
            wake(&service).await
        };
        if let Err(error) = step.await {
            tracing::warn!(
                error = sangam_storage::with_sources(&error),
                "tasks whose time is over could not be settled; it is tried again"
            );
        }
    }
}

/// How far tasks that a process before us has sent are settled.
#[derive(Clone, Copy)]
enum Settled {
    UpTo(Option<TaskId>),
    All,
}

/// What a process before us has sent and nobody answered: it may have been done.
async fn settle_sent(service: &Arc<Service>, mut after: Option<TaskId>) -> Result<Settled, NamesError> {
    loop {
        let tasks = read(&service.readers, move |snapshot| snapshot.sent_tasks(after, TASKS_AT_ONCE)).await?;
        let Some(last) = tasks.last().map(|task| task.id) else { return Ok(Settled::All) };
        for task in tasks {
            // One that was sent since is of a session of ours.
            if task.sent_ms.is_some_and(|at| at < service.began_ms) {
                settle(service, task, Happened::Lost).await?;
            }
        }
        after = Some(last);
    }
}

async fn wake(service: &Arc<Service>) -> Result<(), NamesError> {
    let now_ms = service.now_ms();
    let tasks = read(&service.readers, move |snapshot| snapshot.tasks_to_wake(now_ms, TASKS_AT_ONCE)).await?;
    for task in tasks {
        settle(service, task, Happened::Clock).await?;
    }
    Ok(())
}

async fn settle(service: &Arc<Service>, mut task: Task, what: Happened) -> Result<(), NamesError> {
    if task.handle(what, service.now_ms(), &service.options.tasks) == Step::Ignored {
        return Ok(());
    }
    let changed = task.clone();
    let test = diagnostics::ended(service, &task).await?;
    let rows: Vec<Row> = std::iter::once(Row::Task(Box::new(task))).chain(test).collect();
    let room = service.committer.admit(0).map_err(|_| NamesError::Overloaded)?;
    // If it is refused, somebody else has settled it.
    if service.committer.commit(room, Change::from(rows)).await? == Outcome::Done {
        service.task_changed(&changed);
    }
    Ok(())
}
