use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use sangam_storage::devices::{Change, Outcome, Writer};
use sangam_storage::{Admitted, Health, Room, StoreError, Trouble};
use sangam_telemetry::metrics::devices::DeviceMetrics;
use sangam_types::Wall;
use tokio::sync::{oneshot, watch};

use crate::news::News;
use crate::options::Options;
use crate::seen::SeenBoard;

mod chores;
#[cfg(test)]
mod tests;
mod thread;

use thread::Worker;

/// Hands changes to the thread that owns the store's writer.
#[derive(Clone)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
}

struct Shared {
    orders: mpsc::Sender<Order>,
    room: Arc<Room>,
    health: Arc<Health>,
    writing: Arc<Writing>,
    draining: AtomicBool,
    /// The thread has put everything on the disk and ended.
    finished: Arc<AtomicBool>,
    /// Closed once the thread has ended, however it did.
    ended: watch::Receiver<()>,
}

/// What the thread is asked to do.
enum Order {
    Change(Waiting),
    /// Answered when everything before it is done.
    Check(oneshot::Sender<()>),
    Stop,
}

/// A change in the queue. Its room is given back when it is dropped.
struct Waiting {
    change: Change,
    room: Admitted,
    answer: oneshot::Sender<Result<Outcome, NotStored>>,
}

/// Why a change is not stored.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NotStored {
    /// The store failed. Whether the change is in it is known unless it says otherwise.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// No more is taken.
    #[error("the store takes no more changes")]
    Stopped,
}

/// As much waits as may: come back in a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("as much waits to be written as may")]
pub(crate) struct Overloaded;

/// What the thread works with.
pub(crate) struct CommitterDeps {
    pub(crate) writer: Box<dyn Writer>,
    pub(crate) seen: Arc<SeenBoard>,
    pub(crate) news: Arc<News>,
    pub(crate) metrics: Arc<DeviceMetrics>,
    pub(crate) clock: Arc<dyn Fn() -> Wall + Send + Sync>,
    /// The last event that the store has.
    pub(crate) last_event: u64,
}

/// Since when something is written, if it is.
#[derive(Debug, Default)]
struct Writing(Mutex<Option<Instant>>);

impl Writing {
    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn so_far(&self) -> Duration {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// How the writer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) trouble: Option<Trouble>,
    /// How full the queue is.
    pub(crate) percent: usize,
    /// Rows and bytes that wait.
    pub(crate) waiting: (usize, usize),
    /// How long the write that is under way takes so far.
    pub(crate) writing_for: Duration,
    pub(crate) draining: bool,
}

impl Committer {
    /// Starts the thread.
    pub(crate) fn start(options: &Options, deps: CommitterDeps) -> Result<Self, StoreError> {
        let (sender, orders) = mpsc::channel();
        let (ending, ended) = watch::channel(());
        let (finished, health) = (Arc::new(AtomicBool::new(false)), Arc::new(Health::default()));
        let writing = Arc::<Writing>::default();
        let worker = Worker::new(options, deps, orders, Arc::clone(&health), Arc::clone(&writing));
        let shared = Arc::new(Shared {
            orders: sender,
            room: Arc::new(Room::new(options.queue_rows_max, options.queue_bytes_max)),
            health,
            writing,
            draining: AtomicBool::new(false),
            finished: Arc::clone(&finished),
            ended,
        });
        let run = move || {
            let _ending = ending;
            worker.run();
            finished.store(true, Ordering::Release);
        };
        let thread = std::thread::Builder::new().name("device-writer".to_owned()).spawn(run);
        thread.map_err(|error| StoreError::io("the writer's thread", error))?;
        Ok(Self { shared })
    }

    /// Takes room for a request of `bytes`, before it is read.
    pub(crate) fn admit(&self, bytes: usize) -> Result<Admitted, Overloaded> {
        let room = if self.is_draining() { None } else { self.shared.room.take(bytes) };
        room.ok_or(Overloaded)
    }

    /// Makes a change durable: when it returns, it is on the disk or refused. It is done also if nobody waits for it any more.
    pub(crate) async fn commit(&self, mut room: Admitted, change: Change) -> Result<Outcome, NotStored> {
        room.count(change.rows.len());
        let (answer, answered) = oneshot::channel();
        self.send(Order::Change(Waiting { change, room, answer })).map_err(|_| NotStored::Stopped)?;
        answered.await.unwrap_or(Err(NotStored::Stopped))
    }

    /// Ends once everything that was handed in before is done.
    pub(crate) async fn round_trip(&self) -> Result<(), NotStored> {
        let (answer, answered) = oneshot::channel();
        self.send(Order::Check(answer)).map_err(|_| NotStored::Stopped)?;
        answered.await.map_err(|_| NotStored::Stopped)
    }

    pub(crate) fn condition(&self) -> Condition {
        Condition {
            trouble: self.shared.health.trouble(),
            percent: self.shared.room.percent(),
            waiting: self.shared.room.waiting(),
            writing_for: self.shared.writing.so_far(),
            draining: self.is_draining(),
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Acquire)
    }

    /// Whether it has stopped because it was told to.
    pub(crate) fn is_drained(&self) -> bool {
        self.is_draining() && self.shared.finished.load(Ordering::Acquire)
    }

    /// Takes no more changes; ends when everything that was taken is on the disk and the thread has ended.
    pub(crate) async fn drain(&self) {
        if !self.shared.draining.swap(true, Ordering::AcqRel) {
            // If it cannot be told to stop, it has ended.
            let _: Result<(), io::Error> = self.send(Order::Stop);
        }
        let mut ended = self.shared.ended.clone();
        // Nothing is ever sent: this ends when the thread has dropped its side.
        while ended.changed().await.is_ok() {}
    }

    fn send(&self, order: Order) -> io::Result<()> {
        self.shared.orders.send(order).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
