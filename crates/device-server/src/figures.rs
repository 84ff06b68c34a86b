use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{Figure, Figures};
use sangam_storage::devices::{Severity, TaskState, Totals};

use crate::reading::read;
use crate::service::Service;

/// What device management says of itself in figures, under the names that the ACS guide's server has for them.
pub(crate) struct DeviceFigures {
    pub(crate) service: Arc<Service>,
}

impl Figures for DeviceFigures {
    fn figures(&self) -> BoxFuture<'_, Vec<Figure>> {
        async {
            let began = Instant::now();
            let Ok(totals) = read(&self.service.readers, |snapshot| snapshot.totals()).await else { return Vec::new() };
            let took = began.elapsed().as_secs_f64() * 1_000.0;
            let mut figures = counted(&totals);
            figures.push(Figure::new("db_query_time_ms", took));
            if let Some((online, offline)) = self.service.presence.counts() {
                figures.push(Figure::new("devices_online", online as f64));
                figures.push(Figure::new("devices_offline", offline as f64));
            }
            figures.push(Figure::new("device_sessions", self.service.sessions.len() as f64));
            figures.push(Figure::new("device_queue_percent", self.service.committer.condition().percent as f64));
            figures
        }
        .boxed()
    }
}

fn counted(totals: &Totals) -> Vec<Figure> {
    let waiting = TaskState::ALL.into_iter().filter(|state| !state.is_over());
    let tasks = |state: TaskState| totals.tasks[usize::from(state.code())];
    let critical = totals.alarms[usize::from(Severity::Critical.code())];
    [
        ("devices_total", totals.devices.iter().sum()),
        ("queue_pending_jobs", waiting.map(tasks).sum::<u64>()),
        ("queue_failed_jobs", tasks(TaskState::Failed)),
        ("alarms_active", totals.alarms.iter().sum()),
        ("alarms_critical", critical),
    ]
    .map(|(name, count)| Figure::new(name, count as f64))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_and_what_failed_are_counted_by_the_states_of_tasks() {
        let mut totals = Totals { devices: [1, 2, 3], ..Totals::default() };
        totals.tasks = [10, 1, 1, 1, 1, 50, 7, 2, 9, 9];
        totals.alarms = [1, 1, 1, 1, 4];
        let figures: Vec<_> = counted(&totals).iter().map(|figure| (figure.name, figure.value)).collect();
        let expected = [
            ("devices_total", 6.0),
            ("queue_pending_jobs", 14.0),
            ("queue_failed_jobs", 7.0),
            ("alarms_active", 8.0),
            ("alarms_critical", 4.0),
        ];
        assert_eq!(figures, expected);
    }
}
