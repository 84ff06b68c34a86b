//! Devices of TR-069 in one process, against any ACS: they boot, come by themselves, change, do what they are told; in the end
//! the account of their events is made.

mod acs;
mod api;
mod calls;
mod connection_requests;
pub(crate) mod date;
mod device;
mod file_transfer;
mod ledger;
mod live_reads;
mod mishap;
mod model;
pub(crate) mod noise;
mod operator;
mod options;
mod orders;
mod post_body;
mod quirks;
mod report;
mod retry;
mod scheduler;
mod session;
mod tally;
mod task_report;
mod transfer;
mod tree;
mod udp;
mod world;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sangam_device_proto::identity::DeviceKey;
use sangam_types::Mono;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use self::live_reads::LiveReadReport;
pub use self::options::{CpeModel, CpeOptions, CpeOptionsError, CpeTasks, QuirkShare};
pub use self::orders::TaskWish;
pub use self::report::{CpeFaults, CpeReport};
pub use self::tally::EventCount;
pub use self::task_report::{TaskAudit, TaskKindReport, TaskReport};

use self::acs::Acs;
use self::api::Api;
use self::connection_requests::listen;
use self::live_reads::LiveReads;
use self::model::{Model, Root};
use self::noise::Dice;
use self::operator::{Aim, Operator, Orders};
use self::quirks::Quirks;
use self::scheduler::{Scheduler, Shared};
use self::udp::Binding;
use self::world::{Requests, World};
use crate::connection::{FleetError, Trust};

/// How far a fleet of CPEs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpeProgress {
    /// What is being done.
    pub phase: &'static str,
    /// Since the start.
    pub elapsed: Duration,
    /// How long it takes, without settling.
    pub total: Duration,
    /// Devices whose first Inform was acknowledged.
    pub booted: u64,
    /// Devices there are.
    pub devices: u32,
    /// Sessions that are open.
    pub open: usize,
    /// Sessions that were complete.
    pub complete: u64,
    /// Sessions that failed.
    pub failed: u64,
}

const TICK: Duration = Duration::from_millis(200);
/// Connection requests that wait for the fleet.
const ASKED_MAX: usize = 256;

/// Runs a fleet of CPEs to its end; `progress` is told several times a second.
///
/// # Errors
/// It could not start: senseless options, a URL that cannot be used, no place to listen at. An ACS that refuses, or is down, is a
/// report whose answer is no.
pub async fn simulate_cpe(
    options: CpeOptions,
    trust: &Trust,
    progress: &(dyn Fn(CpeProgress) + Sync),
) -> Result<CpeReport, FleetError> {
    options.check()?;
    let mut acs = Acs::find(&options.url, trust).await?;
    // An ACS calls a device where it came from, and nowhere else.
    acs.source = match options.connection_requests {
        Some(IpAddr::V4(address)) if address.is_loopback() => Some(address),
        None if options.stun.is_some() && acs.addr.ip().is_loopback() => Some(Ipv4Addr::LOCALHOST),
        Some(_) | None => None,
    };
    let binding = match &options.stun {
        Some(stun) => {
            let (sender, heard) = mpsc::channel(ASKED_MAX);
            Some((Binding::open(stun, acs.source, sender).await?, heard))
        }
        None => None,
    };
    let (sender, asked) = mpsc::channel(ASKED_MAX);
    let listening = match options.connection_requests {
        Some(address) => Some(listen(address, sender.clone()).await?),
        None => None,
    };
    let world = world(&options, &acs, listening.as_ref().map(|it| it.requests));
    let api = match &options.tasks {
        Some(tasks) => Some(Arc::new(Api::find(&tasks.api, &tasks.token, trust).await?)),
        None => None,
    };
    let shared = Shared { world, acs, began: Instant::now(), answer_timeout: options.answer_timeout };
    let mut run = Run {
        scheduler: Scheduler::new(Arc::new(shared), options.sessions_max, asked, binding),
        office: api.map(|api| Office { api, orders: None, live_reads: None, is_over: Arc::default() }),
        options,
        progress,
    };
    run.add_devices();
    run.open_office();
    let began = Instant::now();
    let unfinished = run.live(began).await;
    let tasks = run.close_office().await;
    Ok(CpeReport { tasks, ..run.report(began, unfinished) })
}

fn world(options: &CpeOptions, acs: &Acs, requests: Option<Requests>) -> World {
    let (first, second) = match options.model {
        CpeModel::Tr098 => (Root::Tr098, None),
        CpeModel::Tr181 => (Root::Tr181, None),
        CpeModel::Both => (Root::Tr181, Some(Root::Tr098)),
    };
    World {
        seed: options.seed,
        acs_url: options.url.clone(),
        target: acs.target.clone(),
        user: options.user.clone(),
        password: options.password.clone(),
        interval: options.interval,
        change_interval: (!options.change_interval.is_zero()).then_some(options.change_interval),
        requests,
        quirks: options.quirks,
        retry_wait: options.retry_wait,
        mishaps: options.mishaps,
        is_audited: options.tasks.is_some(),
        first: Model::new(first, options.seed),
        second: second.map(|root| Model::new(root, options.seed)),
    }
}

/// Where tasks are ordered and values read.
struct Office {
    api: Arc<Api>,
    orders: Option<JoinHandle<Orders>>,
    live_reads: Option<JoinHandle<LiveReadReport>>,
    is_over: Arc<AtomicBool>,
}

impl Office {
    fn is_busy(&self) -> bool {
        self.orders.as_ref().is_some_and(|it| !it.is_finished())
    }
}

struct Run<'a> {
    scheduler: Scheduler,
    office: Option<Office>,
    options: CpeOptions,
    progress: &'a (dyn Fn(CpeProgress) + Sync),
}

impl Run<'_> {
    fn add_devices(&mut self) {
        let mut dice = Dice::new(&[self.options.seed, 0xb007]);
        for _ in 0..self.options.devices {
            let boot = Mono::from_start(dice.within(self.options.boot_within));
            self.scheduler.add(boot, self.options.are_known);
        }
    }

    fn open_office(&mut self) {
        let (Some(office), Some(tasks)) = (&mut self.office, self.options.tasks.clone()) else { return };
        let heard = Arc::clone(&self.scheduler.heard);
        let world = self.scheduler.world();
        if tasks.live_reads > 0.0 {
            let reads = LiveReads {
                api: Arc::clone(&office.api),
                heard: Arc::clone(&heard),
                per_sec: tasks.live_reads,
                aim: Arc::new(move |number| aim(&world.world, number)),
                is_over: Arc::clone(&office.is_over),
            };
            office.live_reads = Some(tokio::spawn(reads.run()));
        }
        let world = self.scheduler.world();
        let aims = (0..tasks.devices.min(self.options.devices)).map(|number| aim(&world.world, number)).collect();
        let operator = Operator { api: Arc::clone(&office.api), tasks, aims, heard, run: rand::random() };
        office.orders = Some(tokio::spawn(operator.run()));
    }

    /// What became of all that was ordered, once devices have told what they had to.
    async fn close_office(&mut self) -> Option<TaskReport> {
        let Office { api, orders, live_reads, is_over } = self.office.take()?;
        is_over.store(true, Ordering::Relaxed);
        let mut orders = orders?.await.unwrap_or_default();
        orders.look_again(&api).await;
        let mut report = TaskReport::of(&orders, &self.scheduler.account.ledger);
        if let Some(live_reads) = live_reads {
            report.live_reads = live_reads.await.ok();
        }
        Some(report)
    }

    /// Boots, lives, settles. How many sessions were open when the time was over.
    async fn live(&mut self, began: Instant) -> u64 {
        let settles = began + self.options.boot_within + self.options.duration;
        self.run_until(began, settles, "living").await;
        while self.office.as_ref().is_some_and(Office::is_busy) {
            self.run_until(began, Instant::now() + TICK, "ordering").await;
        }
        if let Some(office) = &self.office {
            office.is_over.store(true, Ordering::Relaxed);
        }
        self.scheduler.settle();
        self.run_until(began, Instant::now() + self.options.settle_timeout, "settling").await;
        self.scheduler.running() as u64
    }

    async fn run_until(&mut self, began: Instant, end: Instant, phase: &'static str) {
        let mut tick = Instant::now();
        while Instant::now() < end && !self.scheduler.is_quiet() {
            if Instant::now() >= tick {
                self.tell_progress(began, phase);
                tick = Instant::now() + TICK;
            }
            self.scheduler.step(tick.min(end)).await;
        }
    }

    fn tell_progress(&self, began: Instant, phase: &'static str) {
        let account = &self.scheduler.account;
        (self.progress)(CpeProgress {
            phase,
            elapsed: began.elapsed(),
            total: self.options.boot_within + self.options.duration,
            booted: account.booted,
            devices: self.options.devices,
            open: self.scheduler.running(),
            complete: account.complete,
            failed: account.failed.values().sum(),
        });
    }

    fn report(mut self, began: Instant, unfinished: u64) -> CpeReport {
        let account = std::mem::take(&mut self.scheduler.account);
        let mut report = CpeReport {
            devices: self.options.devices,
            took_secs: rounded(began.elapsed()),
            booted: account.booted,
            boot_storm_secs: account.all_booted.map(rounded),
            sessions_complete: account.complete,
            sessions_failed: account.failed.iter().map(|(failure, count)| (failure.to_string(), *count)).collect(),
            connection_requests: account.connection_requests,
            inform: account.inform.percentiles(),
            session: account.session.percentiles(),
            late: account.late.percentiles(),
            ..CpeReport::default()
        };
        let living = self.scheduler.lived().as_secs_f64();
        let per_sec = account.complete_living as f64 / living.max(f64::MIN_POSITIVE);
        report.sessions_per_sec = (per_sec * 1e3).round() / 1e3;
        report.count(account.tally);
        report.faulty.unfinished = unfinished;
        report.faulty.unheard = u64::from(self.options.devices).saturating_sub(account.booted);
        let broken = account.failed.iter().filter(|(failure, _)| failure.is_broken());
        report.faulty.broken = broken.map(|(_, count)| count).sum();
        for device in self.scheduler.idle() {
            report.faulty.undelivered += device.events.len() as u64;
            report.faulty.untold_transfers += device.transfers.len() as u64;
            for name in device.quirks.names() {
                *report.quirks.entry(name).or_default() += 1;
            }
        }
        report
    }
}

impl CpeReport {
    fn count(&mut self, tally: tally::Tally) {
        self.informs_sent = tally.informs_sent;
        self.informs_acknowledged = tally.informs_acknowledged;
        self.events = tally.events.into_iter().map(|(code, count)| (code.to_string(), count)).collect();
        self.unauthorized = tally.unauthorized;
        self.busy = tally.busy;
        self.retries = tally.retries;
        self.served = tally.served;
        self.faults = tally.faults;
        self.asked = tally.asked;
        self.logins_taken = tally.logins_taken;
        self.transfers_ended = tally.transfers_ended;
        self.transfers_resumed = tally.transfers_resumed;
        self.transfers_failed = tally.transfers_failed;
        self.transfers_acknowledged = tally.transfers_acknowledged;
        self.mishaps = tally.mishaps;
        self.boots = tally.boots;
        self.resets = tally.resets;
        self.changes = tally.changes;
        self.requests = tally.requests;
        self.sent_bytes = tally.sent_bytes;
        self.received_bytes = tally.received_bytes;
    }
}

/// A device as the API knows it.
fn aim(world: &World, number: u32) -> Aim {
    let quirks = Quirks::of(world.seed, number, world.quirks);
    let id = world.identity(number, quirks);
    let key = DeviceKey::new(&id.oui, &id.product_class, &id.serial_number);
    Aim { number, name: key.map(|key| key.to_string()).unwrap_or_default(), root: world.model(number).root }
}

fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}
