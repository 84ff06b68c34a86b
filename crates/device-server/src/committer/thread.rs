use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use sangam_storage::devices::{Change, EventId, Outcome, Row, Writer};
use sangam_storage::{Health, StoreError, with_sources};

use super::chores::Due;
use super::{CommitterDeps, NotStored, Order, Waiting, Writing};
use crate::options::Options;

const REOPEN_FIRST: Duration = Duration::from_millis(50);
const REOPEN_MAX: Duration = Duration::from_secs(5);
/// Bytes of requests after which no more is taken into one write.
const GROUP_BYTES_MAX: usize = 16 << 20;

/// The writer's thread.
pub(super) struct Worker {
    pub(super) options: Options,
    pub(super) writer: Box<dyn Writer>,
    pub(super) deps: Deps,
    orders: Receiver<Order>,
    /// Taken from the queue while a group was gathered, to be done after it.
    held: Option<Order>,
    pub(super) health: Arc<Health>,
    writing: Arc<Writing>,
    pub(super) due: Due,
    last_event: u64,
    stopping: bool,
    /// The store failed and was not opened anew before the end: it must not be used.
    pub(super) closed: bool,
}

/// [`CommitterDeps`] without the writer.
pub(super) struct Deps {
    pub(super) seen: Arc<crate::seen::SeenBoard>,
    pub(super) news: Arc<crate::news::News>,
    pub(super) metrics: Arc<sangam_telemetry::metrics::devices::DeviceMetrics>,
    pub(super) clock: Arc<dyn Fn() -> sangam_types::Wall + Send + Sync>,
}

impl Worker {
    pub(super) fn new(
        options: &Options,
        deps: CommitterDeps,
        orders: Receiver<Order>,
        health: Arc<Health>,
        writing: Arc<Writing>,
    ) -> Self {
        let CommitterDeps { writer, seen, news, metrics, clock, last_event } = deps;
        Self {
            due: Due::new(Instant::now(), options),
            options: options.clone(),
            writer,
            deps: Deps { seen, news, metrics, clock },
            orders,
            held: None,
            health,
            writing,
            last_event,
            stopping: false,
            closed: false,
        }
    }

    /// Works until it is told to stop or nobody can tell it anything any more, then puts everything on the disk.
    pub(super) fn run(mut self) {
        while !self.stopping {
            let patience = self.due.next().saturating_duration_since(Instant::now());
            match self.orders.recv_timeout(patience) {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => self.chore(false),
                Err(RecvTimeoutError::Disconnected) => self.stopping = true,
            }
        }
        self.finish();
    }

    fn obey(&mut self, order: Order) {
        let mut next = Some(order);
        while let Some(order) = next {
            match order {
                Order::Change(first) => {
                    let group = self.gather(first);
                    self.commit(group);
                    self.chore(true);
                }
                // Whoever asked may have gone away.
                Order::Check(answer) => drop(answer.send(())),
                Order::Stop => self.stopping = true,
            }
            next = if self.closed { None } else { self.held.take() };
        }
    }

    /// Takes everything that waits, up to a bound.
    fn gather(&mut self, first: Waiting) -> Vec<Waiting> {
        let (mut rows, mut bytes) = (first.room.ops(), first.room.bytes());
        let mut group = vec![first];
        while rows < self.options.group_rows_max && bytes < GROUP_BYTES_MAX {
            match self.orders.try_recv() {
                Ok(Order::Change(next)) => {
                    rows += next.room.ops();
                    bytes += next.room.bytes();
                    group.push(next);
                }
                Ok(other) => {
                    self.held = Some(other);
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        group
    }

    fn commit(&mut self, group: Vec<Waiting>) {
        let began = Instant::now();
        let (mut changes, mut answers) = (Vec::with_capacity(group.len() + 1), Vec::with_capacity(group.len()));
        for Waiting { change, room, answer } in group {
            changes.push(change);
            answers.push((answer, room));
        }
        let rows = changes.iter().map(|change| change.rows.len()).sum();
        match self.store(&mut changes) {
            Ok(outcomes) => {
                self.deps.metrics.committed(answers.len(), rows, began.elapsed());
                self.deps.news.tell(&changes, &outcomes);
                for ((answer, room), outcome) in answers.into_iter().zip(outcomes) {
                    drop(room);
                    // Whoever has gone away comes again, and finds what was done.
                    let _: Result<(), _> = answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                for (answer, room) in answers {
                    drop(room);
                    let _: Result<(), _> = answer.send(Err(NotStored::Store(Arc::clone(&error))));
                }
                self.mend(&error);
            }
        }
    }

    /// Makes changes durable together. After an error the store has yet to be mended.
    pub(super) fn store(&mut self, changes: &mut [Change]) -> Result<Vec<Outcome>, Arc<StoreError>> {
        self.number_events(changes);
        self.writing.set(Some(Instant::now()));
        let stored = self.writer.commit(changes);
        self.writing.set(None);
        match stored {
            Ok(outcomes) => {
                self.wrote();
                self.note_changes(changes);
                Ok(outcomes)
            }
            Err(error) => {
                // Nobody knows what is on the disk until it is read.
                self.deps.seen.changes.note_all();
                self.deps.metrics.store_failed(error.word());
                self.health.bad(&error, error.must_reopen());
                tracing::error!(error = with_sources(&error), "the store of devices failed");
                Err(Arc::new(error))
            }
        }
    }

    /// Devices and tasks that are others now: told before whoever changed them is answered.
    fn note_changes(&self, changes: &[Change]) {
        for row in changes.iter().flat_map(|change| &change.rows) {
            let device = match row {
                Row::Device(device) => device.id,
                Row::RemoveDevice(device) => *device,
                Row::Task(task) => task.device,
                _ => continue,
            };
            self.deps.seen.changes.note(device);
        }
    }

    /// A number is used once, also if what it stood in was never stored.
    fn number_events(&mut self, changes: &mut [Change]) {
        for row in changes.iter_mut().flat_map(|change| &mut change.rows) {
            if let Row::Event(event) = row {
                self.last_event += 1;
                event.id = EventId(self.last_event);
            }
        }
    }

    /// Something is on the disk.
    pub(super) fn wrote(&mut self) {
        self.health.good();
        self.due.wrote(Instant::now());
    }

    /// After a failure: sees to it that the store can be used again.
    pub(super) fn mend(&mut self, error: &StoreError) {
        if error.must_reopen() {
            self.reopen();
        }
    }

    /// Opens the store anew until it works, and refuses meanwhile what comes. Whoever was told of a failure reads again what is
    /// in the store: rows carry revisions, so that nothing is done twice.
    fn reopen(&mut self) {
        let mut wait = REOPEN_FIRST;
        self.closed = true;
        loop {
            match self.writer.reopen() {
                Ok(()) => {
                    tracing::info!("the store of devices is opened anew");
                    self.closed = false;
                    return self.wrote();
                }
                Err(error) => {
                    self.health.bad(&error, true);
                    if self.stopping {
                        return;
                    }
                    self.refuse_until(Instant::now() + wait, &Arc::new(error));
                }
            }
            wait = (wait * 2).min(REOPEN_MAX);
        }
    }

    /// Nobody waits for a store that is not there.
    fn refuse_until(&mut self, until: Instant, error: &Arc<StoreError>) {
        loop {
            let order = match self.held.take() {
                Some(order) => order,
                None => match self.orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(order) => order,
                    Err(RecvTimeoutError::Timeout) => return,
                    Err(RecvTimeoutError::Disconnected) => {
                        self.stopping = true;
                        return;
                    }
                },
            };
            match order {
                Order::Change(waiting) => drop(waiting.answer.send(Err(NotStored::Store(Arc::clone(error))))),
                Order::Check(answer) => drop(answer.send(())),
                Order::Stop => {
                    self.stopping = true;
                    return;
                }
            }
        }
    }

    /// What came before the end is done, and nothing that is known stays in memory alone.
    fn finish(&mut self) {
        while !self.closed
            && let Ok(order) = self.orders.try_recv()
        {
            self.obey(order);
        }
        while !self.closed && self.deps.seen.len() > 0 {
            if !self.flush_seen() {
                break;
            }
        }
        if !self.closed
            && let Err(error) = self.writer.checkpoint()
        {
            tracing::warn!(error = with_sources(&error), "the log of the store stays beside its file");
        }
    }
}
