//! Devices of TR-069 in one process, against any ACS: they boot, come by themselves, change, do what they are told; in the end
//! the account of their events is made.

mod acs;
mod connection_requests;
mod date;
mod device;
mod file_transfer;
mod model;
mod noise;
mod options;
mod quirks;
mod report;
mod retry;
mod scheduler;
mod session;
mod tally;
mod transfer;
mod tree;
mod world;

use std::sync::Arc;
use std::time::Duration;

use sangam_types::Mono;
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use self::options::{CpeModel, CpeOptions, CpeOptionsError};
pub use self::report::{CpeFaults, CpeReport};
pub use self::tally::EventCount;

use self::acs::Acs;
use self::connection_requests::listen;
use self::model::{Model, Root};
use self::noise::Dice;
use self::scheduler::{Scheduler, Shared};
use self::world::World;
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
    let acs = Acs::find(&options.url, trust).await?;
    let (sender, asked) = mpsc::channel(ASKED_MAX);
    let listening = match options.connection_requests {
        Some(address) => Some(listen(address, sender.clone()).await?),
        None => None,
    };
    let world = world(&options, &acs, listening.as_ref().map(|it| it.url.clone()));
    let shared = Shared { world, acs, began: Instant::now(), answer_timeout: options.answer_timeout };
    let mut run = Run { scheduler: Scheduler::new(Arc::new(shared), options.sessions_max, asked), options, progress };
    run.add_devices();
    let began = Instant::now();
    let unfinished = run.live(began).await;
    Ok(run.report(began, unfinished))
}

fn world(options: &CpeOptions, acs: &Acs, requests_url: Option<String>) -> World {
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
        requests_url,
        quirks: options.quirks,
        first: Model::new(first, options.seed),
        second: second.map(|root| Model::new(root, options.seed)),
    }
}

struct Run<'a> {
    scheduler: Scheduler,
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

    /// Boots, lives, settles. How many sessions were open when the time was over.
    async fn live(&mut self, began: Instant) -> u64 {
        let settles = began + self.options.boot_within + self.options.duration;
        self.run_until(began, settles, "living").await;
        self.scheduler.settle();
        self.run_until(began, settles + self.options.settle_timeout, "settling").await;
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
        let living = (self.options.boot_within + self.options.duration).as_secs_f64();
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
        self.transfers_failed = tally.transfers_failed;
        self.transfers_acknowledged = tally.transfers_acknowledged;
        self.boots = tally.boots;
        self.resets = tally.resets;
        self.changes = tally.changes;
        self.requests = tally.requests;
        self.sent_bytes = tally.sent_bytes;
        self.received_bytes = tally.received_bytes;
    }
}

fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}
