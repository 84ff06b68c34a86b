//! What devices are to be set to, and that they are.

mod look;
mod study;

pub(crate) use look::{look, settled, why};
pub(crate) use study::{Study, study};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use arc_swap::ArcSwap;
use sangam_device_proto::profile::wanted_of;
use sangam_storage::StoreError;
use sangam_storage::devices::{DeviceId, LIMIT_MAX, Profile, Readers, TaskKind, TaskQuery, TaskState};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

/// Devices that are looked at beside each other.
const LANES: usize = 64;

/// All profiles, and which devices were looked at since the last of them changed.
///
/// A device is looked at when it comes and its values, its tags or the profiles are others than when it was looked at last, or when
/// its time to be told again has come; after a start at its first coming, as a crash may have come in between.
#[derive(Debug)]
pub(crate) struct Provisioning {
    board: ArcSwap<Board>,
    /// One change of profiles at a time.
    changing: AsyncMutex<()>,
    looked: Mutex<HashMap<DeviceId, Looked>>,
    devices_max: usize,
    /// One look at a device at a time: two at once would make two tasks.
    lanes: Vec<AsyncMutex<()>>,
}

/// The profiles as they are.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) generation: u64,
    pub(crate) profiles: Vec<Profile>,
}

#[derive(Clone, Copy, Debug)]
struct Looked {
    generation: u64,
    again_ms: u64,
}

impl Provisioning {
    /// With the profiles of the store; waits for it.
    pub(crate) fn open(readers: &Arc<dyn Readers>, devices_max: u64) -> Result<Self, StoreError> {
        let (answer, answered) = mpsc::channel();
        readers.read(Box::new(move |snapshot| {
            let mut all = Vec::new();
            let read = loop {
                match snapshot.profiles(all.last().map(|profile: &Profile| profile.id), LIMIT_MAX) {
                    Ok(page) if page.is_empty() => break Ok(all),
                    Ok(page) => all.extend(page),
                    Err(error) => break Err(error),
                }
            };
            let waiting = TaskQuery {
                state: Some(TaskState::Queued),
                kind: Some(TaskKind::SetValues),
                limit: LIMIT_MAX,
                ..TaskQuery::default()
            };
            let read = read.and_then(|all| Ok((all, snapshot.tasks(&waiting)?)));
            // It is waited for.
            let _: Result<(), _> = answer.send(read);
        }))?;
        let (profiles, waiting) = answered.recv().unwrap_or(Err(StoreError::Busy))?;
        // Of a profile that is no more a task may be left, that is taken back when its device comes.
        let generation = u64::from(waiting.iter().any(|task| wanted_of(task).is_some()));
        Ok(Self {
            board: ArcSwap::from_pointee(Board { generation, profiles }),
            changing: AsyncMutex::default(),
            looked: Mutex::default(),
            devices_max: usize::try_from(devices_max).unwrap_or(usize::MAX),
            lanes: std::iter::repeat_with(AsyncMutex::default).take(LANES).collect(),
        })
    }

    pub(crate) fn board(&self) -> Arc<Board> {
        self.board.load_full()
    }

    /// Held while a profile is changed, from reading what is there to [`Self::replace`].
    pub(crate) async fn changing(&self) -> AsyncMutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// The profiles are these now: every device is looked at once more.
    pub(crate) fn replace(&self, profiles: Vec<Profile>) {
        let generation = self.board.load().generation + 1;
        self.board.store(Arc::new(Board { generation, profiles }));
    }

    /// Values or tags of a device are others: it is looked at when it comes next.
    pub(crate) fn changed(&self, device: DeviceId) {
        self.looked().remove(&device);
    }

    /// Whether a device is to be looked at.
    pub(crate) fn is_due(&self, device: DeviceId, now_ms: u64) -> bool {
        if !self.wants_anything() {
            return false;
        }
        let board = self.board.load();
        let looked = self.looked().get(&device).copied();
        looked.is_none_or(|looked| looked.generation != board.generation || looked.again_ms <= now_ms)
    }

    /// Whether there is a profile, or was one since the start.
    pub(crate) fn wants_anything(&self) -> bool {
        let board = self.board.load();
        !board.profiles.is_empty() || board.generation > 0
    }

    /// A device was looked at under these profiles, and is to be again then.
    fn was_looked_at(&self, device: DeviceId, generation: u64, again_ms: u64) {
        let mut looked = self.looked();
        if looked.len() >= self.devices_max && !looked.contains_key(&device) {
            // They are looked at once more, which changes nothing but takes its time.
            looked.clear();
        }
        looked.insert(device, Looked { generation, again_ms });
    }

    async fn lane(&self, device: DeviceId) -> Option<AsyncMutexGuard<'_, ()>> {
        let lane = usize::try_from(device.0 % LANES as u64).unwrap_or_default();
        Some(self.lanes.get(lane)?.lock().await)
    }

    fn looked(&self) -> MutexGuard<'_, HashMap<DeviceId, Looked>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
