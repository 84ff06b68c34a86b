//! Owns all devices that are idle, and has each do what is due, a bounded number at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sangam_auth::digest::{Authorization, Credential, DigestOptions, DigestServer, NonceKey, Refusal, RequestLine};
use sangam_cwmp_proto::FaultCode;
use sangam_types::{Mono, Now, Wall};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::acs::Acs;
use super::connection_requests::{Asked, Said};
use super::device::{Context, Device, Wake};
use super::file_transfer;
use super::noise::Dice;
use super::session::{Ended, Failure, Step};
use super::tally::Tally;
use super::transfer::Transfer;
use super::tree::Slot;
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
    digest: Option<DigestServer>,
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
    pub(super) fn new(shared: Arc<Shared>, sessions_max: u32, asked: mpsc::Receiver<Asked>) -> Self {
        let mut dice = Dice::new(&[rand::random()]);
        let key: [u8; 32] = rand::random();
        // Devices in the field know MD5 alone.
        let options =
            DigestOptions { algorithms: vec![sangam_auth::digest::Algorithm::Md5], ..DigestOptions::default() };
        let digest = DigestServer::new("simulated", NonceKey::new(key), options).ok();
        dice.throw();
        Self {
            shared,
            devices: Vec::new(),
            planned: Vec::new(),
            plan: BinaryHeap::new(),
            ready: VecDeque::new(),
            running: JoinSet::new(),
            running_max: sessions_max as usize,
            is_settling: false,
            digest,
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

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    pub(super) fn idle(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().flatten().map(|device| &**device)
    }

    /// Does what is due until `until` at most, or until something was done.
    pub(super) async fn step(&mut self, until: Instant) {
        self.start_due();
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
        let Done { mut device, tally, ended } = done;
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
                    if account.booted == self.devices.len() as u64 {
                        account.all_booted = Some(self.shared.began.elapsed());
                    }
                }
            }
        }
        let number = device.facts.number;
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
        let named = self.shared.world.model(asked.number).named;
        let held = |index| device.differences.get(Slot::fixed(index)).unwrap_or_default();
        let (user, password) = (held(named.request_user), held(named.request_password));
        if let (Some(digest), false) = (&mut self.digest, user.is_empty() && password.is_empty()) {
            let verdict = asked.authorization.as_deref().ok_or(Refusal::Missing).and_then(Authorization::parse);
            let line = RequestLine { method: &asked.method, target: &asked.target };
            let verdict = verdict.and_then(|answer| {
                let credential = (answer.username == user).then(|| Credential::password(password));
                digest.verify(line, &answer, credential.as_ref(), now.wall)
            });
            if let Err(refusal) = verdict {
                let salt = self.dice.throw().to_be_bytes();
                return Said::Challenge(digest.challenges(now.wall, salt, refusal));
            }
        }
        let mut cx = Context { now, world: &self.shared.world, tally: &mut self.account.tally };
        if device.request_connection(&mut cx) { Said::Accepted } else { Said::Busy }
    }
}

async fn hold_session(shared: &Shared, mut device: Box<Device>) -> Done {
    let mut tally = Tally::default();
    let mut connection = None;
    let number = device.facts.number;
    let mut post = device.begin(&mut Context { now: shared.now(), world: &shared.world, tally: &mut tally });
    let ended = loop {
        let exchange = shared.acs.exchange(&mut connection, &post, number, &mut tally);
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
    let result: Result<(), FaultCode> = file_transfer::run(&shared.acs, transfer, device.facts.number, cnonce).await;
    let mut cx = Context { now: shared.now(), world: &shared.world, tally: &mut tally };
    device.transferred(&mut cx, result);
    Done { device, tally, ended: None }
}
