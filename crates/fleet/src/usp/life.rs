//! The life of one agent, with sockets and time: on, connected, cut off, connected again, off.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sangam_types::{Mono, Now, Wall};
use sangam_usp_proto::{Jitter, Retry};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::account::Account;
use super::device::{Context, Device, Parting, Todo};
use super::file_transfer;
use super::options::UspOptions;
use super::quirks::{Quirk, Quirks};
use super::server::Server;
use super::transfer::TransferFault;
use super::way::{Caller, Ended, Way};
use super::world::World;

/// What all agents share.
pub(super) struct Shared {
    pub(super) world: Arc<World>,
    pub(super) server: Server,
    pub(super) options: UspOptions,
    pub(super) began: Instant,
    pub(super) account: Mutex<Account>,
}

/// How far the fleet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Living,
    /// Nothing new begins by itself; what is owed is done.
    Settling,
    /// Time is over.
    Over,
}

/// What is left of an agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) undelivered: u64,
    pub(super) unfinished: u64,
    pub(super) quirks: Quirks,
}

/// How long a controller may not take what is sent to it.
const STUCK: Duration = Duration::from_secs(60);
/// How soon an agent comes back whose connection it broke itself.
const AT_ONCE: Duration = Duration::from_millis(500);

impl Shared {
    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        Now { mono: Mono::from_start(self.began.elapsed()), wall: Wall::from_unix_millis(millis) }
    }

    /// Never held while anything is waited for.
    pub(super) fn account(&self) -> MutexGuard<'_, Account> {
        // Counting cannot leave it half done.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Life {
    shared: Arc<Shared>,
    number: u32,
    device: Device,
    way: Option<Box<Way>>,
    /// A connection that is not closed although another one is to take its place.
    left_open: Option<Box<Way>>,
    files: JoinSet<(u32, Result<(), TransferFault>)>,
    jitter: Jitter,
    /// Attempts in a row without a word from the controller.
    attempts: u32,
    not_before: Mono,
    /// Since when it is connected, until the controller says something.
    waits_since: Option<Mono>,
    was_lost: bool,
}

/// Lives until the fleet ends.
pub(super) async fn live(shared: Arc<Shared>, number: u32, boot: Mono, mut phase: watch::Receiver<Phase>) -> Left {
    let device = Device::new(&shared.world, number, boot, shared.options.are_known);
    let mut life = Life {
        number,
        device,
        way: None,
        left_open: None,
        files: JoinSet::new(),
        jitter: Jitter::new(shared.world.seed ^ u64::from(number)),
        attempts: 0,
        not_before: Mono::ZERO,
        waits_since: None,
        was_lost: false,
        shared,
    };
    loop {
        let now_phase = *phase.borrow_and_update();
        let is_settling = now_phase != Phase::Living;
        if now_phase == Phase::Over || (is_settling && life.device.is_quiet()) {
            return life.end().await;
        }
        life.carry_out().await;
        if life.is_to_open() {
            life.open().await;
            continue;
        }
        let due = life.due(is_settling);
        let due = due.map(|at| life.shared.began + at.since_start());
        tokio::select! {
            came = next(&mut life.way), if life.way.is_some() => life.came(came),
            Some(done) = life.files.join_next(), if !life.files.is_empty() => {
                if let Ok((request, result)) = done {
                    life.with(|device, cx| device.transferred(cx, request, result));
                }
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                life.with(|device, cx| device.handle_timeout(cx, is_settling));
            }
            changed = phase.changed() => {
                if changed.is_err() {
                    return life.end().await;
                }
            }
        }
    }
}

async fn next(way: &mut Option<Box<Way>>) -> Result<Bytes, Ended> {
    match way {
        Some(way) => way.next().await,
        None => std::future::pending().await,
    }
}

impl Life {
    /// Has something happen to the device, and counts it.
    fn with<T>(&mut self, act: impl FnOnce(&mut Device, &mut Context<'_>) -> T) -> T {
        let now = self.shared.now();
        let mut account = self.shared.account();
        let it = act(&mut self.device, &mut Context { now, tally: &mut account.tally });
        if self.device.first_heard() {
            account.heard += 1;
            if account.heard == u64::from(self.shared.options.devices) {
                account.all_heard = Some(self.shared.began.elapsed());
            }
        }
        it
    }

    fn due(&self, is_settling: bool) -> Option<Mono> {
        let is_on = self.device.off_until().is_none();
        let opening = (self.way.is_none() && is_on).then_some(self.not_before);
        self.device.due(is_settling).into_iter().chain(opening).min()
    }

    fn is_to_open(&self) -> bool {
        self.way.is_none() && self.device.off_until().is_none() && self.not_before <= self.shared.now().mono
    }

    async fn open(&mut self) {
        let shared = Arc::clone(&self.shared);
        let options = &shared.options;
        let began = Instant::now();
        let opened = {
            let caller = Caller {
                number: self.number,
                endpoint: &self.device.endpoint,
                quirks: self.device.quirks(),
                user: &options.user,
                password: options.password.as_ref(),
                destination: &options.destination,
                own_destination: &options.own_destination,
            };
            Box::pin(timeout(options.open_timeout, Way::open(&shared.server, options.mtp, &caller))).await
        };
        let now = shared.now().mono;
        match opened {
            Ok(Ok((way, connect))) => {
                shared.account().opened(now, began.elapsed(), std::mem::take(&mut self.was_lost));
                self.way = Some(Box::new(way));
                self.left_open = None;
                self.waits_since = Some(now);
                self.with(|device, cx| device.handle_open(cx, &connect));
            }
            Ok(Err(not_opened)) => {
                shared.account().not_opened(&not_opened.why);
                self.wait_to_retry(not_opened.retry_after);
            }
            Err(_) => {
                shared.account().not_opened("timeout");
                self.wait_to_retry(None);
            }
        }
    }

    /// R-WS.19 and its kin: 5 to 10 s, then twice that each time.
    fn wait_to_retry(&mut self, told: Option<Duration>) {
        self.attempts = self.attempts.saturating_add(1);
        let own = Retry::default().wait(self.attempts, &mut self.jitter);
        self.not_before =
            self.shared.now().mono + told.map_or(own, |told| told + self.jitter.within(Duration::from_secs(1)));
    }

    fn came(&mut self, came: Result<Bytes, Ended>) {
        match came {
            Ok(record) => {
                self.attempts = 0;
                let now = self.shared.now().mono;
                if let Some(since) = self.waits_since.take() {
                    self.shared.account().first_word.record(now.saturating_since(since));
                }
                self.with(|device, cx| device.handle_record(cx, &record));
            }
            Err(Ended(why)) => self.lost(&why),
        }
    }

    /// The connection ended, not by the agent's doing.
    fn lost(&mut self, why: &str) {
        self.way = None;
        self.was_lost = true;
        self.shared.account().closed(self.shared.now().mono, Some(why));
        self.with(Device::handle_closed);
        self.wait_to_retry(None);
    }

    /// Does what the device wants.
    async fn carry_out(&mut self) {
        while let Some(todo) = self.device.poll() {
            match todo {
                Todo::Transmit(record) => {
                    let Some(way) = &mut self.way else { continue };
                    let sent = timeout(STUCK, way.send(record)).await;
                    match sent {
                        Ok(Ok(())) => {}
                        Ok(Err(Ended(why))) => self.lost(&why),
                        Err(_) => self.lost("it takes nothing"),
                    }
                }
                Todo::Transfer(transfer) => {
                    let (shared, number) = (Arc::clone(&self.shared), self.number);
                    self.files.spawn(async move {
                        let result = file_transfer::run(&shared.server, &transfer, number).await;
                        (transfer.request, result)
                    });
                }
                Todo::Close(parting) => self.part(parting).await,
            }
        }
    }

    async fn part(&mut self, parting: Parting) {
        let Some(way) = self.way.take() else { return };
        let now = self.shared.now().mono;
        match parting {
            Parting::Orderly => {
                self.shared.account().closed(now, None);
                drop(timeout(AT_ONCE, way.close()).await);
            }
            Parting::Dropped => {
                self.shared.account().closed(now, None);
                if self.device.quirks().has(Quirk::LeavesOpen) {
                    self.left_open = Some(way);
                }
                self.not_before = now + AT_ONCE;
            }
            Parting::Told => {
                self.was_lost = true;
                self.shared.account().closed(now, Some("the controller said goodbye"));
                drop(timeout(AT_ONCE, way.close()).await);
                self.wait_to_retry(None);
            }
        }
        self.with(Device::handle_closed);
    }

    async fn end(mut self) -> Left {
        if let Some(way) = self.way.take() {
            self.shared.account().closed(self.shared.now().mono, None);
            drop(timeout(AT_ONCE, way.close()).await);
        }
        Left {
            undelivered: self.device.undelivered() as u64,
            unfinished: self.device.unfinished() as u64,
            quirks: self.device.quirks(),
        }
    }
}
