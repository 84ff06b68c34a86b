use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use sangam_storage::sync::{Readers, Writer};
use sangam_storage::{Admitted, Health, Room, StoreError, Trouble};
use sangam_sync_proto::rows::Database;
use sangam_sync_proto::{Name, Push};
use sangam_telemetry::metrics::sync::SyncMetrics;
use tokio::sync::{oneshot, watch};

use crate::feed::Feeds;
use crate::heads::Heads;
use crate::options::Options;
use crate::pages::Pages;
use crate::replicas::Replicas;
use crate::service::WallClock;
use crate::sweeper::Plan;

mod chores;
mod recovery;
#[cfg(test)]
mod tests;
mod thread;

pub(crate) use crate::group::{NotPushed, Pushed};
use thread::Worker;

/// When an overloaded writer is likely to have room again.
const RETRY_AFTER_SECS: u64 = 1;

/// Hands pushes to the thread that owns the store's writer.
#[derive(Clone)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
}

struct Shared {
    orders: mpsc::Sender<Order>,
    room: Arc<Room>,
    health: Arc<Health>,
    metrics: Arc<SyncMetrics>,
    draining: AtomicBool,
    /// The thread has put everything on the disk and ended.
    finished: Arc<AtomicBool>,
    /// Closed once the thread has ended, however it did.
    ended: watch::Receiver<()>,
}

/// What the thread is asked to do.
enum Order {
    Push(Waiting),
    /// Answered when everything before it is done.
    Check(oneshot::Sender<()>),
    ResetReplica {
        db: Name,
        device: Name,
        answer: oneshot::Sender<Result<(), NotReset>>,
    },
    ResetDatabase {
        db: Name,
        answer: oneshot::Sender<Result<Database, NotReset>>,
    },
    /// What may be dropped of a database, read by a reader; `None`: it could not be read.
    Planned(Option<Plan>),
    Stop,
}

/// A push in the queue. Its room is given back when it is dropped.
struct Waiting {
    db: Name,
    push: Push,
    room: Admitted,
    answer: oneshot::Sender<Result<Pushed, NotPushed>>,
}

/// The writer has more to do than may wait: come back in a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overloaded {
    /// When to try again.
    pub(crate) retry_after_secs: u64,
}

/// Why nothing was reset.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReset {
    #[error("there is no such database")]
    NoDatabase,
    #[error("there is no such replica")]
    NoReplica,
    #[error(transparent)]
    Store(Arc<StoreError>),
    #[error("the store takes no more orders")]
    Stopped,
}

/// What the thread works with.
pub(crate) struct CommitterDeps {
    pub(crate) writer: Box<dyn Writer>,
    pub(crate) readers: Arc<dyn Readers>,
    pub(crate) heads: Arc<Heads>,
    pub(crate) replicas: Arc<Replicas>,
    pub(crate) pages: Pages,
    pub(crate) feeds: Arc<Feeds>,
    pub(crate) metrics: Arc<SyncMetrics>,
    pub(crate) clock: WallClock,
}

/// How the writer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) trouble: Option<Trouble>,
    /// How full the queue is.
    pub(crate) percent: usize,
    /// Operations and bytes that wait, those of bodies that are still being read included.
    pub(crate) waiting: (usize, usize),
    pub(crate) draining: bool,
}

impl Committer {
    /// Starts the thread.
    pub(crate) fn start(options: &Options, deps: CommitterDeps) -> Result<Self, StoreError> {
        let (sender, orders) = mpsc::channel();
        let (ending, ended) = watch::channel(());
        let finished = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Shared {
            orders: sender,
            room: Arc::new(Room::new(options.queue_ops_max, options.queue_bytes_max)),
            health: Arc::default(),
            metrics: Arc::clone(&deps.metrics),
            draining: AtomicBool::new(false),
            finished: Arc::clone(&finished),
            ended,
        });
        let health = Arc::clone(&shared.health);
        let worker = Worker::new(options.clone(), deps, orders, Arc::downgrade(&shared), health);
        let run = move || {
            let _ending = ending;
            worker.run();
            finished.store(true, Ordering::Release);
        };
        let thread = std::thread::Builder::new().name("sync-writer".to_owned()).spawn(run);
        thread.map_err(|error| StoreError::io("the writer's thread", error))?;
        Ok(Self { shared })
    }

    /// Takes room for a body of `bytes`, before it is read.
    pub(crate) fn admit(&self, bytes: usize) -> Result<Admitted, Overloaded> {
        let room = if self.is_draining() { None } else { self.shared.room.take(bytes) };
        room.ok_or(Overloaded { retry_after_secs: RETRY_AFTER_SECS })
    }

    /// Has a push decided and made durable. When it returns, it is on the disk. It is done also if nobody waits for it any more.
    pub(crate) async fn push(&self, mut room: Admitted, db: Name, push: Push) -> Result<Pushed, NotPushed> {
        let began = Instant::now();
        room.count(push.ops.len());
        let (answer, answered) = oneshot::channel();
        self.send(Order::Push(Waiting { db, push, room, answer })).map_err(|_| NotPushed::Stopped)?;
        let pushed = answered.await.unwrap_or(Err(NotPushed::Stopped))?;
        let conflicts = pushed.conflicts.len();
        self.shared.metrics.pushed(pushed.accepted, pushed.repeated, conflicts, began.elapsed());
        Ok(pushed)
    }

    /// Ends once everything that was handed in before is done.
    pub(crate) async fn round_trip(&self) -> Result<(), NotPushed> {
        let (answer, answered) = oneshot::channel();
        self.send(Order::Check(answer)).map_err(|_| NotPushed::Stopped)?;
        answered.await.map_err(|_| NotPushed::Stopped)
    }

    /// Makes a replica begin anew.
    pub(crate) async fn reset_replica(&self, db: Name, device: Name) -> Result<(), NotReset> {
        let (answer, answered) = oneshot::channel();
        self.send(Order::ResetReplica { db, device, answer }).map_err(|_| NotReset::Stopped)?;
        answered.await.unwrap_or(Err(NotReset::Stopped))
    }

    /// Empties a database and gives it another epoch.
    pub(crate) async fn reset_database(&self, db: Name) -> Result<Database, NotReset> {
        let (answer, answered) = oneshot::channel();
        self.send(Order::ResetDatabase { db, answer }).map_err(|_| NotReset::Stopped)?;
        answered.await.unwrap_or(Err(NotReset::Stopped))
    }

    pub(crate) fn condition(&self) -> Condition {
        Condition {
            trouble: self.shared.health.trouble(),
            percent: self.shared.room.percent(),
            waiting: self.shared.room.waiting(),
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

    /// Takes no more pushes; ends when everything that was taken is on the disk and the thread has ended.
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
