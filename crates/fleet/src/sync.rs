//! The scenario: devices edit shared entities, are cut off, come back; in the end it is quiet, and the account is made.

mod account;
mod device;
mod options;
mod report;
mod store;
mod verdict;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sangam_sync_client::{Client, ClientOptions};
use sangam_sync_proto::Name;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

pub use self::options::{MintToken, SyncOptions, SyncOptionsError, SyncTokens};
pub use self::report::SyncReport;
pub use self::verdict::SyncFaults;

use self::account::Account;
use self::device::{Device, Tally, collection_name};
use self::store::Watch;
use self::verdict::{Log, fold, is_converged, judge};
use crate::connection::{FleetError, Trust};
use crate::histogram::Histogram;

/// How far a fleet of devices is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncProgress {
    /// What is being done.
    pub phase: &'static str,
    /// Since the start.
    pub elapsed: Duration,
    /// How long they edit.
    pub total: Duration,
    /// Devices that are not cut off.
    pub online: usize,
    /// Devices there are.
    pub devices: u32,
    /// Changes that were accepted.
    pub accepted: u64,
    /// Changes that were refused.
    pub conflicts: u64,
    /// Changes that wait on devices.
    pub waiting: u64,
}

/// How often progress is told.
const TICK: Duration = Duration::from_millis(200);
/// For one attempt of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Devices that settle at once.
const SETTLING_MAX: usize = 256;

/// Runs a fleet of devices to its end; `progress` is told several times a second.
///
/// # Errors
/// It could not start: senseless options, a URL or a token that cannot be used. A server that refuses, or is down, is a report
/// whose answer is no.
pub async fn simulate_sync(
    options: SyncOptions,
    trust: &Trust,
    progress: &(dyn Fn(SyncProgress) + Sync),
) -> Result<SyncReport, FleetError> {
    options.check()?;
    let mut scenario = Scenario::new(options, trust, progress)?;
    scenario.read_heads().await;
    scenario.live().await;
    let unfinished = scenario.quiet().await;
    Ok(scenario.report(unfinished).await)
}

struct Database {
    name: Name,
    account: Arc<Mutex<Account>>,
    /// Whose look at the log is nobody else's.
    reader: Client,
    head_before: u64,
}

struct Scenario<'a> {
    options: Arc<SyncOptions>,
    databases: Vec<Database>,
    devices: Vec<(usize, Device)>,
    clients: Vec<Client>,
    began: Instant,
    progress: &'a (dyn Fn(SyncProgress) + Sync),
}

impl<'a> Scenario<'a> {
    fn new(
        options: SyncOptions,
        trust: &Trust,
        progress: &'a (dyn Fn(SyncProgress) + Sync),
    ) -> Result<Self, FleetError> {
        let options = Arc::new(options);
        // In every name, so that no fleet meets another, or what is left of it.
        let key = format!("simulated-{:08x}-", rand::random::<u32>());
        let client_options = ClientOptions {
            timeout: REQUEST_TIMEOUT,
            // Devices try again themselves, and are counted.
            attempts_max: 1,
            trust: trust.of_sync(),
            ..ClientOptions::default()
        };
        let connect = |db: &str, device: &str| -> Result<Client, FleetError> {
            let token = options.token(db, device)?;
            Client::new(&options.url, token, client_options.clone()).map_err(FleetError::Sync)
        };
        let (mut databases, mut devices, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..options.databases() {
            let given = options.names.get(at as usize).cloned();
            let name: Name = given.unwrap_or_else(|| format!("{key}{at}")).into();
            // By turns: database 0 has device 0 of all, and so on.
            let count = (options.devices - at).div_ceil(options.databases());
            let names: Vec<Name> = (0..count).map(|number| format!("{key}{at}-{number}").into()).collect();
            let account = Account::new(Arc::clone(&name), key.clone(), names.iter().cloned());
            let account = Arc::new(Mutex::new(account));
            for (number, device) in (0..).zip(names) {
                let client = connect(&name, &device)?;
                let watch = Watch::new(device, Arc::clone(&account));
                clients.push(client.clone());
                devices.push((at as usize, Device::new(&options, client, &name, watch, number)));
            }
            let reader = connect(&name, &format!("{key}{at}-reader"))?;
            databases.push(Database { name, account, reader, head_before: 0 });
        }
        Ok(Self { options, databases, devices, clients, began: Instant::now(), progress })
    }

    /// Where the logs of databases are that were there before.
    async fn read_heads(&mut self) {
        if self.options.names.is_empty() {
            return;
        }
        for database in &mut self.databases {
            // A database that cannot be read now is told in the end.
            let log = database.reader.pull_all(&database.name, 0, None).await;
            database.head_before = log.map(|(_, head)| head).unwrap_or_default();
        }
    }

    async fn live(&mut self) {
        self.began = Instant::now();
        let end = self.began + self.options.duration;
        let mut living = JoinSet::new();
        for (at, device) in self.devices.drain(..) {
            living.spawn(async move { (at, device.live(end).await) });
        }
        let mut ticks = interval(TICK);
        loop {
            tokio::select! {
                ended = living.join_next() => match ended {
                    Some(Ok(device)) => self.devices.push(device),
                    // A device that panicked is missing in the end.
                    Some(Err(_)) => {}
                    None => return,
                },
                _ = ticks.tick() => self.tell_progress("editing"),
            }
        }
    }

    /// First all push what they hold, then all pull: nothing changes any more. How many could not.
    async fn quiet(&mut self) -> u64 {
        let until = Instant::now() + self.options.settle_timeout;
        let pushed = self.settle(until, "settling").await;
        let pulled = self.settle(until, "comparing").await;
        u64::from(self.options.devices).saturating_sub(pushed.min(pulled))
    }

    async fn settle(&mut self, until: Instant, phase: &'static str) -> u64 {
        let permits = Arc::new(Semaphore::new(SETTLING_MAX));
        let mut settling = JoinSet::new();
        for (at, mut device) in self.devices.drain(..) {
            let permits = Arc::clone(&permits);
            settling.spawn(async move {
                let _permit = permits.acquire().await;
                let is_settled = device.settle(until).await;
                (at, device, is_settled)
            });
        }
        let (mut settled, mut ticks) = (0, interval(TICK));
        loop {
            tokio::select! {
                ended = settling.join_next() => match ended {
                    Some(Ok((at, device, is_settled))) => {
                        settled += u64::from(is_settled);
                        self.devices.push((at, device));
                    }
                    Some(Err(_)) => {}
                    None => return settled,
                },
                _ = ticks.tick() => self.tell_progress(phase),
            }
        }
    }

    async fn report(&self, unfinished: u64) -> SyncReport {
        let mut faults = SyncFaults { unfinished, foreign: self.opened_by_others().await, ..SyncFaults::default() };
        for (at, database) in self.databases.iter().enumerate() {
            let Ok((ops, head)) = database.reader.pull_all(&database.name, 0, None).await else {
                faults.unread += 1;
                continue;
            };
            let log = Log { ops, head };
            faults.add(judge(&account(database), &log, database.head_before));
            faults.diverged += self.diverged(at, &log);
        }
        self.count(faults)
    }

    /// Devices of a database that have another state than its log.
    fn diverged(&self, at: usize, log: &Log) -> u64 {
        let state = fold(log);
        let of_database = self.devices.iter().filter(|(of, _)| *of == at);
        let has_diverged = |device: &Device| {
            let pulled: Vec<String> = (0..device.collections).map(collection_name).collect();
            let pulls_all = device.collections == self.options.collections;
            let pulls = |collection: &str| pulls_all || pulled.iter().any(|name| name == collection);
            !is_converged(&state, device.replica.store().memory().entities(), pulls)
        };
        of_database.filter(|(_, device)| has_diverged(device)).count() as u64
    }

    /// Databases that the token of another opens.
    async fn opened_by_others(&self) -> u64 {
        if !matches!(self.options.tokens, SyncTokens::Each(_)) || self.databases.len() < 2 {
            return 0;
        }
        let mut opened = 0;
        for (at, database) in self.databases.iter().enumerate() {
            let Some(other) = self.databases.get((at + 1) % self.databases.len()) else { continue };
            let pulled = other.reader.pull_all(&database.name, 0, None).await;
            opened += u64::from(pulled.is_ok());
        }
        opened
    }

    fn count(&self, faults: SyncFaults) -> SyncReport {
        let mut report = SyncReport {
            databases: self.databases.iter().map(|database| database.name.to_string()).collect(),
            devices: self.options.devices,
            took_secs: (self.began.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            faults,
            ..SyncReport::default()
        };
        for (_, device) in &self.devices {
            report.add_device(&device.tally, device.watch.resolved());
        }
        for client in &self.clients {
            let usage = client.usage();
            report.requests += usage.requests;
            report.sent_bytes += usage.sent_bytes;
            report.received_bytes += usage.received_bytes;
        }
        let (mut lag, mut catch_up, mut cycle) = (Histogram::default(), Histogram::default(), Histogram::default());
        for database in &self.databases {
            let account = account(database);
            report.add_account(&account);
            lag.add(&account.lag);
            catch_up.add(&account.catch_up);
            cycle.add(&account.cycle);
        }
        SyncReport { lag: lag.percentiles(), catch_up: catch_up.percentiles(), cycle: cycle.percentiles(), ..report }
    }

    fn tell_progress(&self, phase: &'static str) {
        let mut told = SyncProgress {
            phase,
            elapsed: self.began.elapsed(),
            total: self.options.duration,
            online: 0,
            devices: self.options.devices,
            accepted: 0,
            conflicts: 0,
            waiting: 0,
        };
        for database in &self.databases {
            let account = account(database);
            told.online += account.online_count();
            told.accepted += account.accepted;
            told.conflicts += account.refused;
            told.waiting += account.waiting();
        }
        (self.progress)(told);
    }
}

fn account(database: &Database) -> MutexGuard<'_, Account> {
    database.account.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SyncOptions {
    fn token(&self, db: &str, device: &str) -> Result<Option<SecretString>, FleetError> {
        Ok(match &self.tokens {
            SyncTokens::Nothing => None,
            SyncTokens::Shared(token) => Some(token.clone()),
            SyncTokens::Each(mint) => Some(mint(db, device).map_err(FleetError::Mint)?),
        })
    }
}

impl SyncReport {
    fn add_device(&mut self, tally: &Tally, (kept_server, kept_local): (u64, u64)) {
        self.edits += tally.edits;
        self.cut += tally.cut;
        self.answers_lost += tally.answers_lost;
        self.retries += tally.retries;
        self.resets += tally.resets;
        self.contended += tally.contended;
        self.unreached += tally.unreached;
        self.kept_server += kept_server;
        self.kept_local += kept_local;
        for (why, count) in &tally.refused {
            *self.refused.entry(why.clone()).or_default() += count;
        }
    }

    fn add_account(&mut self, account: &Account) {
        self.accepted += account.accepted;
        self.conflicts += account.refused;
        self.pushed += account.pushed();
        self.sent_again += account.sent_again();
        self.pulled += account.pulled;
    }
}
