//! Sees to it that each place of a relay thread is filled: a thread that panics, hangs or fails is replaced on the same
//! sockets, and nobody else's clients notice.
//!
//! A thread that has ended took its core and its sockets with it. One that hangs cannot be ended: it is *superseded*.
//! Its queues, its directory entries and its figures pass to the next life before that begins, and when it comes back it
//! finds itself superseded, touches nothing that others see, and ends. Until then it keeps its relay sockets bound, so
//! nobody is given their ports, and its clients' connections open. So many such threads and no more are left behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{any, io};

use crate::back_off::BackOff;
use crate::blueprint::Blueprint;
use crate::failures::Cause;
use crate::incarnation::{Incarnation, Owner};
use crate::shared::Shared;
use crate::thread::ThreadSeed;
use crate::thread_face::Condition;
use crate::watch::{Pulse, Watch};

#[cfg(panic = "abort")]
compile_error!("a relay thread that panics is replaced, which a build that aborts on panic cannot do");

/// Fills the places of the relay threads until the server stops.
#[derive(Debug)]
pub(crate) struct Supervisor {
    blueprint: Blueprint,
    shared: Arc<Shared>,
    places: Vec<Place>,
    /// Threads that were superseded and have not ended.
    hung: Vec<Owner>,
    notices: Receiver<Notice>,
    notify: SyncSender<Notice>,
}

/// The supervisor as its server sees it.
#[derive(Debug)]
pub(crate) struct Supervised {
    thread: Option<JoinHandle<()>>,
    notify: SyncSender<Notice>,
}

/// What the supervisor is told.
#[derive(Debug)]
enum Notice {
    /// A thread has ended; all it had is closed.
    Ended { owner: Owner, failure: Option<(Cause, String)> },
    /// The server stops.
    Stop,
}

/// The place of one relay thread.
#[derive(Debug)]
struct Place {
    thread: u16,
    lives: u16,
    state: PlaceState,
    watch: Watch,
    back_off: BackOff,
}

#[derive(Debug)]
enum PlaceState {
    Filled(Arc<Incarnation>),
    /// To be filled then.
    Empty(Instant),
    /// Its thread has ended because the server stops.
    Closed,
}

/// Notices that wait for the supervisor. Whoever finds no room waits for it.
const NOTICES_MAX: usize = 64;

impl Supervisor {
    /// Starts all relay threads, and then the thread that watches them.
    ///
    /// # Errors
    ///
    /// The system refused a thread or a descriptor. Then no thread is left running.
    pub(crate) fn start(blueprint: Blueprint, shared: &Arc<Shared>) -> io::Result<Supervised> {
        let (notify, notices) = sync_channel(NOTICES_MAX);
        let options = blueprint.options();
        let place = |thread: u16| Place {
            thread,
            lives: 0,
            state: PlaceState::Empty(Instant::now()),
            watch: Watch::new(options.thread_hang_limit),
            back_off: BackOff::new(options.thread_restart_delay_max, Instant::now()),
        };
        let places = (0..u16::try_from(options.threads).unwrap_or(u16::MAX)).map(place).collect();
        let mut supervisor =
            Self { blueprint, shared: Arc::clone(shared), places, hung: Vec::new(), notices, notify: notify.clone() };
        if let Err(error) = supervisor.fill_all() {
            supervisor.shared.stop();
            supervisor.await_ends();
            return Err(error);
        }
        let thread = thread::Builder::new().name("relay-supervisor".to_owned()).spawn(move || supervisor.run());
        let thread = thread.inspect_err(|_| shared.stop())?;
        Ok(Supervised { thread: Some(thread), notify })
    }

    /// All are prepared before the first runs: what can fail, fails before a client is heard.
    fn fill_all(&mut self) -> io::Result<()> {
        let lives: Vec<_> = self.places.iter_mut().map(Place::next_life).collect();
        let seeds = lives.iter().map(|life| self.blueprint.seed(Arc::clone(life)));
        for (seed, life) in seeds.collect::<Result<Vec<_>, _>>()?.into_iter().zip(lives) {
            self.begin(seed, life)?;
        }
        Ok(())
    }

    fn run(mut self) {
        let period = Watch::period(self.blueprint.options().thread_hang_limit);
        let mut looked = Instant::now();
        while !self.shared.is_stopping() {
            let next_look = looked + period;
            let next = self.places.iter().filter_map(Place::due).chain([next_look]).min().unwrap_or(next_look);
            match self.notices.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Notice::Ended { owner, failure }) => self.handle_end(owner, failure),
                Ok(Notice::Stop) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            let now = Instant::now();
            if now >= next_look {
                self.look(now - looked);
                looked = now;
            }
            self.fill_due(now);
        }
        self.await_ends();
    }

    /// Looks at each thread's heart, and wakes those that have been idle.
    fn look(&mut self, step: Duration) {
        for index in 0..self.places.len() {
            let place = &mut self.places[index];
            let PlaceState::Filled(life) = &place.state else { continue };
            let face = &self.shared.threads[index];
            match place.watch.look(life.figures.heartbeat(), step) {
                Pulse::Beats if face.condition() == Condition::Stuck => {
                    face.set_condition(Condition::Runs);
                    tracing::warn!(thread = index, "a relay thread that hung runs again");
                }
                Pulse::Beats => {}
                Pulse::Silent => face.waker.wake(),
                Pulse::Hangs => self.supersede(index),
            }
        }
    }

    fn supersede(&mut self, index: usize) {
        let PlaceState::Filled(life) = &self.places[index].state else { return };
        let face = &self.shared.threads[index];
        if self.hung.len() >= self.blueprint.options().hung_threads_max {
            if face.condition() != Condition::Stuck {
                face.set_condition(Condition::Stuck);
                self.shared.failures.count(Cause::Hang);
                tracing::error!(
                    thread = index,
                    "a relay thread hangs, and too many have hung before: restart the server"
                );
            }
            return;
        }
        // First of all: what it does from now on must be nobody's loss.
        life.supersede();
        self.hung.push(life.owner);
        self.shared.failures.show_hung(self.hung.len());
        let limit = self.blueprint.options().thread_hang_limit;
        self.lose(index, Cause::Hang, format!("it has not turned for {limit:?}"));
    }

    fn handle_end(&mut self, owner: Owner, failure: Option<(Cause, String)>) {
        if let Some(at) = self.hung.iter().position(|hung| *hung == owner) {
            self.hung.remove(at);
            self.shared.failures.show_hung(self.hung.len());
            // Also one whose panic took so long to be told that it was given up.
            let detail = failure.map(|(cause, detail)| format!("{cause}: {detail}"));
            tracing::warn!(thread = owner.thread, detail, "a relay thread that hung and was replaced has ended");
            return;
        }
        let index = usize::from(owner.thread);
        let is_current = |place: &Place| matches!(&place.state, PlaceState::Filled(life) if life.owner == owner);
        if !is_current(&self.places[index]) {
            return;
        }
        match failure {
            Some((cause, detail)) => self.lose(index, cause, detail),
            None => self.places[index].state = PlaceState::Closed,
        }
    }

    /// A thread is gone, with its allocations and connections; its place will be filled again.
    fn lose(&mut self, index: usize, cause: Cause, detail: String) {
        let now = Instant::now();
        let lost = self.shared.on_thread_lost(index, format!("{cause}: {detail}"));
        self.shared.failures.count(cause);
        let place = &mut self.places[index];
        let delay = place.back_off.after_death(now);
        place.state = PlaceState::Empty(now + delay);
        tracing::error!(
            thread = index,
            cause = cause.as_str(),
            detail,
            allocations_lost = lost.allocations_live(),
            ports_lost = lost.ports_in_use(),
            connections_lost = lost.connections(),
            replaced_in_ms = delay.as_millis(),
            "a relay thread has failed and is replaced; its clients must allocate again"
        );
    }

    fn fill_due(&mut self, now: Instant) {
        for index in 0..self.places.len() {
            let place = &mut self.places[index];
            if place.due().is_none_or(|due| due > now) {
                continue;
            }
            let life = place.next_life();
            match self.blueprint.seed(Arc::clone(&life)).and_then(|seed| self.begin(seed, life)) {
                Ok(()) => {
                    self.shared.failures.count_replacement();
                    tracing::info!(thread = index, "a relay thread has been replaced");
                }
                Err(error) => self.lose(index, Cause::Error, error.to_string()),
            }
        }
    }

    fn begin(&mut self, seed: ThreadSeed, life: Arc<Incarnation>) -> io::Result<()> {
        let index = seed.index;
        let (notify, owner) = (self.notify.clone(), life.owner);
        self.shared.threads[index].begin_life(&life);
        let place = &mut self.places[index];
        place.watch = Watch::new(self.blueprint.options().thread_hang_limit);
        place.back_off.begin_life(Instant::now());
        thread::Builder::new().name(format!("relay-{index}")).spawn(move || live(seed, owner, &notify))?;
        place.state = PlaceState::Filled(life);
        // For what came while nobody was there.
        self.shared.threads[index].waker.wake();
        Ok(())
    }

    /// Waits until all threads have ended, those that hang excepted.
    fn await_ends(self) {
        let is_filled = |place: &Place| matches!(place.state, PlaceState::Filled(_));
        let mut left: Vec<u16> =
            self.places.iter().filter(|place| is_filled(place)).map(|place| place.thread).collect();
        let end = Instant::now() + self.blueprint.options().thread_hang_limit.max(STOP_PATIENCE);
        while !left.is_empty() {
            match self.notices.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Notice::Ended { owner, .. }) if self.hung.contains(&owner) => {}
                Ok(Notice::Ended { owner, .. }) => left.retain(|thread| *thread != owner.thread),
                Ok(Notice::Stop) => {}
                Err(_) => {
                    tracing::error!(threads = ?left, "relay threads hang and do not stop");
                    return;
                }
            }
        }
    }
}

/// How long a stop waits for threads at least.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

impl Place {
    fn next_life(&mut self) -> Arc<Incarnation> {
        self.lives = self.lives.wrapping_add(1);
        Incarnation::new(Owner { thread: self.thread, life: self.lives })
    }

    /// When it is to be filled; `None` if it is or never will be.
    fn due(&self) -> Option<Instant> {
        match self.state {
            PlaceState::Filled(_) | PlaceState::Closed => None,
            PlaceState::Empty(due) => Some(due),
        }
    }
}

impl Supervised {
    /// Waits until the threads of a server that stops have ended.
    pub(crate) fn await_end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // Fails if it has ended already.
        self.notify.send(Notice::Stop).ok();
        thread.join().ok();
    }
}

/// One life of a relay thread, and word of how it ended.
fn live(seed: ThreadSeed, owner: Owner, notify: &SyncSender<Notice>) {
    let failure = match catch_unwind(AssertUnwindSafe(|| seed.run())) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some((Cause::Error, error.to_string())),
        Err(payload) => Some((Cause::Panic, message_of(&*payload))),
    };
    // Fails if the supervisor has ended, and then nobody wants to know.
    notify.send(Notice::Ended { owner, failure }).ok();
}

fn message_of(payload: &(dyn any::Any + Send)) -> String {
    let literal = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    literal.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}
