use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use sangam_auth::digest::DigestServer;
use sangam_control::StunSocket;
use sangam_device_proto::task::{Task, TaskState};
use sangam_storage::Room;
use sangam_storage::devices::Readers;
use sangam_telemetry::metrics::devices::DeviceMetrics;
use sangam_types::{Mono, Wall};

use crate::aftermath::{Aftermath, Happened};
use crate::alarms::Alarms;
use crate::calling::Calls;
use crate::committer::Committer;
use crate::cwmp::Sessions;
use crate::files::Files;
use crate::heads::Heads;
use crate::names::Names;
use crate::news::News;
use crate::numbers::Numbers;
use crate::options::{Live, Options};
use crate::ordering::Ordering;
use crate::population::Population;
use crate::provisioning::Provisioning;
use crate::rounds::Presence;
use crate::seen::SeenBoard;
use crate::task_watch::TaskWatch;
use crate::usp::Agents;

/// What all sessions use.
pub(crate) struct Service {
    pub(crate) options: Options,
    pub(crate) live: Arc<ArcSwap<Live>>,
    pub(crate) committer: Committer,
    /// For bodies while they are read: who is slow to send one takes nothing from those who wait to be written.
    pub(crate) reading: Arc<Room>,
    pub(crate) readers: Arc<dyn Readers>,
    pub(crate) numbers: Numbers,
    pub(crate) names: Names,
    pub(crate) seen: Arc<SeenBoard>,
    pub(crate) heads: Heads,
    pub(crate) sessions: Sessions,
    pub(crate) calls: Calls,
    /// The relay's STUN listener, if it runs in this process.
    pub(crate) stun: Option<Arc<dyn StunSocket>>,
    pub(crate) files: Files,
    /// Agents of USP that are connected.
    pub(crate) agents: Arc<Agents>,
    pub(crate) task_watch: TaskWatch,
    /// What devices are to be set to.
    pub(crate) provisioning: Provisioning,
    /// What is wrong with them.
    pub(crate) alarms: Alarms,
    pub(crate) aftermath: Aftermath,
    pub(crate) news: Arc<News>,
    /// How many of them come.
    pub(crate) presence: Presence,
    pub(crate) ordering: Ordering,
    /// How many devices there are.
    pub(crate) population: Population,
    /// No session begins any more.
    pub(crate) closing: AtomicBool,
    pub(crate) digest: Mutex<DigestServer>,
    pub(crate) metrics: Arc<DeviceMetrics>,
    pub(crate) clock: Arc<dyn Fn() -> Wall + Send + Sync>,
    pub(crate) began: Instant,
    /// The same by the time of day, milliseconds since 1970.
    pub(crate) began_ms: u64,
}

impl Service {
    /// The time of day.
    pub(crate) fn now(&self) -> Wall {
        (self.clock)()
    }

    /// The same in milliseconds since 1970, as rows have it.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now().unix_millis()
    }

    /// Time that never goes back.
    pub(crate) fn mono(&self) -> Mono {
        Mono::from_start(self.began.elapsed())
    }

    /// A task is in another state, durably: it is counted, and whoever waits for it looks again; an agent that is connected gets it at once.
    pub(crate) fn task_changed(&self, task: &Task) {
        self.metrics.task(task.kind.name(), task.state.name());
        self.task_watch.changed(task.id);
        if task.state == TaskState::Queued {
            self.agents.poke(task.device, self.mono());
        }
        if task.state.is_over() {
            self.happened(Happened::TaskOver(Box::new(task.clone())));
        }
    }

    /// Something that others may follow from.
    pub(crate) fn happened(&self, what: Happened) {
        if !self.aftermath.note(what) {
            self.metrics.refused("aftermath_full");
        }
    }

    pub(crate) fn digest(&self) -> MutexGuard<'_, DigestServer> {
        self.digest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
