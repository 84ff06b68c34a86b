use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sangam_control::{Part, PartReport, PartState};
use sangam_net::udp::ListenGroup;

use crate::probe::{Door, Probed, probe};
use crate::shared::Shared;
use crate::stream_listener::StreamListener;
use crate::thread_face::{Condition, ThreadFace};

/// The relay as health checks see it.
#[derive(Clone, Debug)]
pub(crate) struct RelayPart {
    shared: Arc<Shared>,
    /// Weak: whoever asks does not keep the addresses bound.
    groups: Weak<Vec<ListenGroup>>,
    streams: Arc<Mutex<Vec<StreamListener>>>,
}

/// How long all sessions together may take. The caller waits a second at most.
const PATIENCE: Duration = Duration::from_millis(700);

impl RelayPart {
    pub(crate) fn new(
        shared: Arc<Shared>,
        groups: Weak<Vec<ListenGroup>>,
        streams: Arc<Mutex<Vec<StreamListener>>>,
    ) -> Self {
        Self { shared, groups, streams }
    }

    pub(crate) fn check_now(&self) -> PartReport {
        let groups = self.groups.upgrade().filter(|_| !self.shared.is_stopping());
        let Some(groups) = groups else { return report(PartState::Draining, "stopping".to_owned()) };
        if let Some(report) = self.missing_threads() {
            return report;
        }
        let begin = Instant::now();
        let deadline = begin + PATIENCE;
        // Awake or not, each thread turns around once when it is woken: that covers those that a probe cannot aim at.
        let beats: Vec<Option<(u16, u64)>> = self.shared.threads.iter().map(ThreadFace::heartbeat).collect();
        self.shared.threads.iter().for_each(|thread| thread.waker.wake());
        let listeners = self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let doors: Vec<Door> = listeners.iter().filter_map(StreamListener::door).collect();
        let relay_ip = self.shared.directory.first_ip().unwrap_or(Ipv4Addr::LOCALHOST.into());
        let probed = probe(&groups, &doors, &self.shared.probe_credentials, relay_ip, deadline);
        let mut amiss: Vec<String> = listeners
            .iter()
            .filter(|listener| listener.has_ended())
            .map(|listener| format!("TCP {} is not served any more", listener.addr))
            .collect();
        let stuck = self.stuck_threads(&beats, deadline);
        let is_alive = stuck.len() < self.shared.threads.len();
        amiss.extend(stuck.into_iter().map(|thread| format!("thread {thread} does not turn")));
        self.judge(&probed, is_alive, amiss, begin.elapsed())
    }

    /// Says so if there are threads that do not run, according to their supervisor.
    fn missing_threads(&self) -> Option<PartReport> {
        let (mut missing, mut is_stuck) = (Vec::new(), false);
        for (index, thread) in self.shared.threads.iter().enumerate() {
            match thread.condition() {
                Condition::Runs => {}
                Condition::Replaced { cause } => {
                    missing.push(format!("relay thread {index} is being replaced ({cause})"));
                }
                Condition::Stuck => {
                    is_stuck = true;
                    let hung = self.shared.failures.hung();
                    missing.push(format!("relay thread {index} hangs, as {hung} before it: restart the server"));
                }
            }
        }
        let none_left = missing.len() == self.shared.threads.len();
        let state = if is_stuck || none_left { PartState::Failed } else { PartState::Degraded };
        (!missing.is_empty()).then(|| report(state, missing.join("; ")))
    }

    /// The threads whose heart has not beaten since `beats`.
    fn stuck_threads(&self, beats: &[Option<(u16, u64)>], deadline: Instant) -> Vec<usize> {
        loop {
            let threads = self.shared.threads.iter().zip(beats).enumerate();
            let stuck = threads.filter(|(_, (thread, beat))| thread.heartbeat() == **beat).map(|(index, _)| index);
            let stuck: Vec<usize> = stuck.collect();
            if stuck.is_empty() || Instant::now() >= deadline {
                return stuck;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn judge(&self, probed: &[Probed], is_alive: bool, mut amiss: Vec<String>, took: Duration) -> PartReport {
        let well = probed.iter().filter(|probed| probed.outcome.is_ok()).count();
        let full: Vec<String> = probed.iter().filter(|probed| probed.is_full()).map(Probed::to_string).collect();
        let failed = probed.iter().filter(|probed| probed.outcome.is_err() && !probed.is_full());
        amiss.extend(failed.map(Probed::to_string));
        // Where every client comes through a proxy, there may be no door for a session of ours.
        if well == 0 && full.is_empty() && !(probed.is_empty() && is_alive) {
            return report(PartState::Failed, format!("no allocation could be made: {}", amiss.join("; ")));
        }
        if self.shared.is_draining() {
            // What else is amiss is no news to anybody: nothing new is sent here.
            return report(PartState::Draining, format!("{} allocations left", self.shared.allocations_live()));
        }
        if !amiss.is_empty() {
            return report(PartState::Degraded, amiss.join("; "));
        }
        if !full.is_empty() {
            return report(PartState::Degraded, format!("full, and well otherwise: {}", full.join("; ")));
        }
        let live = self.shared.allocations_live();
        let detail = format!("{well} allocations made, used and freed within {took:?}; {live} of clients");
        let scarce = self.shared.directory.complaints();
        report(PartState::Ready, [vec![detail], scarce].concat().join("; "))
    }
}

impl Part for RelayPart {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        let part = self.clone();
        Box::pin(async move {
            let checked = tokio::task::spawn_blocking(move || part.check_now()).await;
            checked.unwrap_or_else(|error| report(PartState::Failed, format!("the check did not end: {error}")))
        })
    }
}

fn report(state: PartState, detail: String) -> PartReport {
    PartReport { state, detail }
}
