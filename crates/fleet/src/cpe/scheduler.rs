//! Owns all devices that are idle, and has each do what is due, a bounded number at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sangam_auth::digest::{DigestOptions, DigestServer, NonceKey};
use sangam_cwmp_proto::FaultCode;
use sangam_types::{Mono, Now, Wall};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::acs::Acs;
use super::calls::{Calls, next_heard};
use super::connection_requests::{Asked, Said};
use super::device::{Context, Device, Wake};
use super::file_transfer;
use super::ledger::Ledger;
use super::mishap::Mishap;
use super::noise::Dice;
use super::operator::HeardOf;
use super::session::{Ended, Failure, Step};
use super::tally::Tally;
use super::transfer::Transfer;
use super::udp::{Binding, Heard};
use super::world::World;
use crate::histogram::Histogram;

/// What all sessions share.
pub(super) struct Shared {
    pub(super) world: World,
    pub(super) acs: Acs,
    pub(super) began: Instant,
    pub(super) answer_timeout: Duration,
}

/// All that was counted.
#[derive(Default)]
pub(super) struct Account {
    pub(super) tally: Tally,
    pub(super) complete: u64,
    /// Until the fleet began to settle.
    pub(super) complete_living: u64,
    pub(super) failed: BTreeMap<Failure, u64>,
    pub(super) booted: u64,
    pub(super) all_booted: Option<Duration>,
    pub(super) inform: Histogram,
    pub(super) session: Histogram,
    pub(super) late: Histogram,
    pub(super) connection_requests: BTreeMap<&'static str, u64>,
    pub(super) ledger: Ledger,
}

pub(super) struct Scheduler {
    shared: Arc<Shared>,
    /// `None`: busy.
    devices: Vec<Option<Box<Device>>>,
    /// What is planned: at most one for each device, the others are stale.
    planned: Vec<Option<Mono>>,
    plan: BinaryHeap<Reverse<(Mono, u32)>>,
    /// Due, and waiting for room.
    ready: VecDeque<(Mono, u32)>,
    running: JoinSet<Done>,
    running_max: usize,
    is_settling: bool,
    /// Until the fleet began to settle.
    lived: Option<Duration>,
    pub(super) heard: Arc<HeardOf>,
    calls: Calls,
    asked: mpsc::Receiver<Asked>,
    dice: Dice,
    pub(super) account: Account,
}

/// A device that comes back from what it did.
struct Done {
    device: Box<Device>,
    tally: Tally,
    ended: Option<Ended>,
}

impl Shared {
    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        Now { mono: Mono::from_start(self.began.elapsed()), wall: Wall::from_unix_millis(millis) }
    }

    fn instant(&self, at: Mono) -> Instant {
        self.began + at.since_start()
    }
}

impl Scheduler {
    pub(super) fn new(
        shared: Arc<Shared>,
        sessions_max: u32,
        asked: mpsc::Receiver<Asked>,
        binding: Option<(Binding, mpsc::Receiver<Heard>)>,
    ) -> Self {
        let dice = Dice::new(&[rand::random()]);
        let key: [u8; 32] = rand::random();
        // Devices in the field know MD5 alone.
        let options =
            DigestOptions { algorithms: vec![sangam_auth::digest::Algorithm::Md5], ..DigestOptions::default() };
        let digest = DigestServer::new("simulated", NonceKey::new(key), options).ok();
        Self {
            shared,
            devices: Vec::new(),
            planned: Vec::new(),
            plan: BinaryHeap::new(),
            ready: VecDeque::new(),
            running: JoinSet::new(),
            running_max: sessions_max as usize,
            is_settling: false,
            lived: None,
            heard: Arc::default(),
            calls: Calls::new(digest, binding),
            asked,
            dice,
            account: Account::default(),
        }
    }

    /// Adds a device, whose number is how many there were.
    pub(super) fn add(&mut self, boot: Mono, is_known: bool) {
        let number = self.devices.len() as u32;
        let device = Device::new(&self.shared.world, number, boot, is_known, &mut self.account.tally);
        self.devices.push(Some(Box::new(device)));
        self.planned.push(None);
        self.plan_for(number);
    }

    /// Nothing new begins from now on; what is owed is done.
    pub(super) fn settle(&mut self) {
        self.is_settling = true;
        self.lived = Some(self.shared.began.elapsed());
        self.account.complete_living = self.account.complete;
        self.plan.clear();
        self.ready.clear();
        self.planned.fill(None);
        for number in 0..self.devices.len() as u32 {
            self.plan_for(number);
        }
    }

    /// Whether nothing is owed any more.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_settling && self.plan.is_empty() && self.ready.is_empty() && self.running.is_empty()
    }

    /// What all devices share.
    pub(super) fn world(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// How long the fleet lived before it began to settle.
    pub(super) fn lived(&self) -> Duration {
        self.lived.unwrap_or_else(|| self.shared.began.elapsed())
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    pub(super) fn idle(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().flatten().map(|device| &**device)
    }

    /// Does what is due until `until` at most, or until something was done.
    pub(super) async fn step(&mut self, until: Instant) {
        self.start_due();
        self.refresh_binding();
        let next = self.plan.peek().map(|Reverse((at, _))| self.shared.instant(*at));
        // Whoever waits for room is not due again before somebody is done.
        let wake = next.map_or(until, |next| next.min(until));
        tokio::select! {
            Some(done) = self.running.join_next(), if !self.running.is_empty() => {
                if let Ok(done) = done {
                    self.take_back(done);
                }
                while let Some(Ok(done)) = self.running.try_join_next() {
                    self.take_back(done);
                }
            }
            Some(asked) = self.asked.recv() => self.answer(asked),
            heard = next_heard(&mut self.calls.heard) => self.hear(&heard),
            () = sleep_until(wake) => {}
        }
    }

    fn plan_for(&mut self, number: u32) {
        let device = self.devices.get(number as usize).and_then(Option::as_ref);
        let due = device.and_then(|device| device.due(self.is_settling));
        if let Some(planned) = self.planned.get_mut(number as usize) {
            *planned = due;
        }
        self.plan.extend(due.map(|at| Reverse((at, number))));
    }

    fn start_due(&mut self) {
        let now = self.shared.now().mono;
        while let Some(Reverse((at, number))) = self.plan.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.plan.pop();
            let planned = self.planned.get_mut(number as usize);
            if planned.and_then(|it| it.take_if(|planned| *planned == at)).is_some() {
                self.ready.push_back((at, number));
            }
        }
        while self.running.len() < self.running_max
            && let Some((at, number)) = self.ready.pop_front()
        {
            self.start(at, number);
        }
    }

    fn start(&mut self, due: Mono, number: u32) {
        let Some(slot) = self.devices.get_mut(number as usize) else { return };
        let Some(mut device) = slot.take() else { return };
        let now = self.shared.now();
        let mut cx = Context { now, world: &self.shared.world, tally: &mut self.account.tally };
        let wake = device.wake(&mut cx);
        let shared = Arc::clone(&self.shared);
        match wake {
            Wake::Idle => {
                *slot = Some(device);
                self.plan_for(number);
            }
            Wake::Session => {
                self.account.late.record(now.mono.saturating_since(due));
                self.running.spawn(async move { hold_session(&shared, device).await });
            }
            Wake::Transfer(transfer) => {
                let cnonce = self.dice.bytes();
                self.running.spawn(async move { transfer_file(&shared, device, &transfer, cnonce).await });
            }
        }
    }

    fn take_back(&mut self, done: Done) {
        let Done { mut device, mut tally, ended } = done;
        std::mem::take(&mut tally.deeds).iter().for_each(|deed| self.account.ledger.write(deed));
        self.account.tally.add(tally);
        if let Some(ended) = ended {
            let account = &mut self.account;
            match ended.failure {
                None => {
                    account.complete += 1;
                    account.session.record(ended.took);
                }
                Some(failure) => *account.failed.entry(failure).or_default() += 1,
            }
            if let Some(informed) = ended.informed {
                account.inform.record(informed);
                if device.first_heard() {
                    account.booted += 1;
                    self.heard.add(device.facts.number);
                    if account.booted == self.devices.len() as u64 {
                        account.all_booted = Some(self.shared.began.elapsed());
                    }
                }
            }
        }
        let number = device.facts.number;
        let cx = Context { now: self.shared.now(), world: &self.shared.world, tally: &mut self.account.tally };
        self.calls.bind(&cx, &device);
        if let Some(slot) = self.devices.get_mut(number as usize) {
            *slot = Some(device);
        }
        self.plan_for(number);
    }

    /// A connection request.
    fn answer(&mut self, asked: Asked) {
        let said = self.said(&asked);
        let what = match &said {
            Said::Accepted => "accepted",
            Said::Busy => "busy",
            Said::Challenge(_) => "challenged",
            Said::Unknown => "unknown",
        };
        *self.account.connection_requests.entry(what).or_default() += 1;
        let is_accepted = said == Said::Accepted;
        // Whoever asked may be gone.
        drop(asked.answer.send(said));
        if is_accepted {
            self.plan_for(asked.number);
        }
    }

    fn said(&mut self, asked: &Asked) -> Said {
        let now = self.shared.now();
        let device = match self.devices.get_mut(asked.number as usize) {
            None => return Said::Unknown,
            Some(None) => return Said::Busy,
            Some(Some(device)) => device,
        };
        let mut cx = Context { now, world: &self.shared.world, tally: &mut self.account.tally };
        self.calls.said(&mut cx, device, asked)
    }

    /// Something came to the socket of the binding. A device that is in a session hears nothing: it is asked again.
    fn hear(&mut self, heard: &Heard) {
        let now = self.shared.now();
        let mut cx = Context { now, world: &self.shared.world, tally: &mut self.account.tally };
        let number = match heard {
            Heard::Mapped(number, _) => Some(*number),
            Heard::Request(request) => {
                let mut idle = self.devices.iter().flatten();
                idle.find(|device| device.call_login(&cx).0 == request.username).map(|device| device.facts.number)
            }
        };
        let device = number.and_then(|number| self.devices.get_mut(number as usize)?.as_mut());
        let said = match (heard, device) {
            (Heard::Mapped(_, address), Some(device)) => {
                self.calls.mapped(&mut cx, device, *address);
                None
            }
            (Heard::Request(request), Some(device)) => Some(self.calls.take(&mut cx, device, request)),
            (Heard::Mapped(..), None) => None,
            (Heard::Request(_), None) => Some("udp_unheard"),
        };
        if let Some(said) = said {
            *self.account.connection_requests.entry(said).or_default() += 1;
        }
        if let Some(number) = number {
            self.plan_for(number);
        }
    }

    fn refresh_binding(&mut self) {
        let Some(number) = self.calls.refreshes() else { return };
        let cx = Context { now: self.shared.now(), world: &self.shared.world, tally: &mut self.account.tally };
        if let Some(Some(device)) = self.devices.get(number as usize) {
            self.calls.refresh(&cx, device);
        }
    }
}

async fn hold_session(shared: &Shared, mut device: Box<Device>) -> Done {
    let mut tally = Tally::default();
    let mut connection = None;
    let number = device.facts.number;
    let mut post = device.begin(&mut Context { now: shared.now(), world: &shared.world, tally: &mut tally });
    let ended = loop {
        let mishap = Mishap::draw(&mut device.dice, shared.world.mishaps);
        let exchange = async {
            match mishap {
                None => shared.acs.exchange(&mut connection, &post, number, &mut tally).await,
                Some(mishap) => shared.acs.exchange_with(&mut connection, post, mishap, number, &mut tally).await,
            }
        };
        let exchanged = timeout(shared.answer_timeout, exchange).await.unwrap_or(Err(Failure::Timeout));
        let mut cx = Context { now: shared.now(), world: &shared.world, tally: &mut tally };
        match exchanged {
            Ok(reply) => match device.reply(&mut cx, &reply) {
                Step::Post(next) => post = next,
                Step::End(ended) => break ended,
            },
            Err(failure) => break device.broken(&mut cx, failure),
        }
    };
    Done { device, tally, ended: Some(ended) }
}

async fn transfer_file(shared: &Shared, mut device: Box<Device>, transfer: &Transfer, cnonce: [u8; 16]) -> Done {
    let mut tally = Tally::default();
    let result: Result<(), FaultCode> =
        file_transfer::run(&shared.acs, transfer, device.facts.number, cnonce, &mut tally.transfers_resumed).await;
    let mut cx = Context { now: shared.now(), world: &shared.world, tally: &mut tally };
    device.transferred(&mut cx, result);
    Done { device, tally, ended: None }
}
