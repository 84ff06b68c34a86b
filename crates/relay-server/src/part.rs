use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sangam_control::{Part, PartReport, PartState};
use sangam_net::udp::ListenGroup;

use crate::probe::{Probed, probe, probe_stream};
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

/// How long all threads together have to answer. The caller waits a second at most.
const PATIENCE: Duration = Duration::from_millis(500);

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
        let probed = groups.iter().map(|group| probe(group, deadline)).collect::<Result<Vec<_>, _>>();
        let probed = match probed {
            Ok(probed) => probed,
            Err(error) => return report(PartState::Failed, format!("no Binding request could be sent: {error}")),
        };
        let deaf = self.deaf_listeners(deadline);
        if !deaf.is_empty() {
            return report(PartState::Degraded, format!("no connection is served on {deaf:?}"));
        }
        let stuck = self.stuck_threads(&beats, deadline);
        self.judge(&probed, &stuck, begin.elapsed())
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

    /// The TCP listeners that are no longer served, or that answer no Binding request. One that wants TLS or a PROXY v2
    /// header is not asked.
    fn deaf_listeners(&self, deadline: Instant) -> Vec<SocketAddr> {
        let listeners = self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_deaf = |listener: &StreamListener| {
            listener.has_ended() || (listener.is_plain && !probe_stream(listener.addr, deadline))
        };
        listeners.iter().filter(|listener| is_deaf(listener)).map(|listener| listener.addr).collect()
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

    fn judge(&self, probed: &[Probed], stuck: &[usize], took: Duration) -> PartReport {
        let silent: Vec<String> = probed
            .iter()
            .filter(|probed| !probed.silent.is_empty())
            .map(|probed| format!("{} (threads {:?})", probed.addr, probed.silent))
            .collect();
        let asked: usize = probed.iter().map(|probed| probed.asked).sum();
        let unanswered: usize = probed.iter().map(|probed| probed.silent.len()).sum();
        if unanswered == asked || stuck.len() == self.shared.threads.len() {
            return report(PartState::Failed, format!("no Binding request was answered within {PATIENCE:?}"));
        }
        if unanswered > 0 || !stuck.is_empty() {
            let detail = format!("no answer from {}; threads that do not turn: {stuck:?}", silent.join(", "));
            return report(PartState::Degraded, detail);
        }
        let live = self.shared.allocations_live();
        let state = if self.shared.is_draining() { PartState::Draining } else { PartState::Ready };
        report(state, format!("{asked} Binding requests answered within {took:?}; {live} allocations"))
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
