//! Agents of TR-369 in one process, against any controller: they connect, ask to be taken on, tell what happens, do what they are
//! told; in the end the account of their notifications and of what they were asked is made.

mod account;
mod device;
mod file_transfer;
mod life;
mod model;
mod options;
mod quirks;
mod report;
mod server;
mod tally;
mod transfer;
mod values;
mod way;
mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sangam_types::Mono;
use sangam_usp_proto::EndpointId;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

pub use self::account::Outage;
pub use self::options::{UspMtp, UspOptions, UspOptionsError};
pub use self::report::{UspFaults, UspReport};
pub use self::tally::{CommandCount, FaultCount};

use self::account::Account;
use self::life::{Left, Phase, Shared, live};
use self::model::Model;
use self::quirks::{Quirk, Quirks};
use self::server::Server;
use self::way::{Caller, Way};
use self::world::World;
use crate::connection::{FleetError, Trust};
use crate::cpe::noise::Dice;

/// How far a fleet of agents is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UspProgress {
    /// What is being done.
    pub phase: &'static str,
    /// Since the start.
    pub elapsed: Duration,
    /// How long it takes, without settling.
    pub total: Duration,
    /// Agents that heard from the controller.
    pub heard: u64,
    /// Agents there are.
    pub devices: u32,
    /// Connections that are open.
    pub connected: u64,
    /// Connections that were not opened, or were lost.
    pub failed: u64,
    /// Notifications that the controller took.
    pub delivered: u64,
}

const TICK: Duration = Duration::from_millis(200);
/// How long agents have to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// Runs a fleet of agents to its end, or until `stop`; `progress` is told several times a second.
///
/// # Errors
/// It could not start: senseless options, a URL that cannot be used. A controller that refuses, or is down, is a report whose
/// answer is no.
pub async fn simulate_usp(
    options: UspOptions,
    trust: &Trust,
    progress: &(dyn Fn(UspProgress) + Sync),
    stop: impl Future<Output = ()> + Send,
) -> Result<UspReport, FleetError> {
    options.check()?;
    let server = Server::find(&options.url, options.mtp, trust).await?;
    let controller = controller(&options, &server).await?;
    let shared = Arc::new(Shared {
        world: Arc::new(world(&options, controller)),
        server,
        options,
        began: Instant::now(),
        account: Mutex::new(Account::default()),
    });
    let (phase, receiver) = watch::channel(Phase::Living);
    let mut run = Run { agents: spawn_all(&shared, &receiver), left: Vec::new(), shared, phase, progress };
    let was_stopped = run.live(stop).await;
    Ok(run.report(was_stopped))
}

/// Who agents are configured to talk to.
async fn controller(options: &UspOptions, server: &Server) -> Result<EndpointId, FleetError> {
    if let Some(controller) = &options.controller {
        return Ok(controller.clone());
    }
    let unknown = || FleetError::Controller;
    let asker: EndpointId =
        format!("self::sangam-fleet-{:016x}", rand::random::<u64>()).parse().map_err(|_| unknown())?;
    let caller = Caller {
        number: options.first,
        endpoint: &asker,
        quirks: Quirks::NONE.with(Quirk::Extension),
        user: &options.user,
        password: options.password.as_ref(),
        destination: &options.destination,
        own_destination: &options.own_destination,
    };
    match timeout(options.open_timeout, Way::ask_controller(server, options.mtp, &caller)).await {
        Ok(Ok(told)) => told.ok_or_else(unknown),
        // Nobody is there, or it lets nobody in: agents find out, and the report says so.
        Ok(Err(_)) | Err(_) => Ok(asker),
    }
}

fn world(options: &UspOptions, controller: EndpointId) -> World {
    let by_itself = |every: Duration| if options.is_idle { Duration::ZERO } else { every };
    let change = by_itself(options.change_interval);
    World {
        seed: options.seed,
        controller,
        mtp: options.mtp,
        interval: by_itself(options.interval),
        change_interval: (!change.is_zero()).then_some(change),
        quirks: options.quirks,
        sessions: options.sessions,
        faults: options.faults,
        gateway: Model::new(false),
        slim: Model::new(true),
    }
}

fn spawn_all(shared: &Arc<Shared>, phase: &watch::Receiver<Phase>) -> JoinSet<Left> {
    let options = &shared.options;
    let mut dice = Dice::new(&[options.seed, u64::from(options.first), 0xb007]);
    let mut agents = JoinSet::new();
    for number in options.first..options.first.saturating_add(options.devices) {
        let boot = Mono::from_start(dice.within(options.boot_within));
        agents.spawn(live(Arc::clone(shared), number, boot, phase.clone()));
    }
    agents
}

struct Run<'a> {
    shared: Arc<Shared>,
    agents: JoinSet<Left>,
    left: Vec<Left>,
    phase: watch::Sender<Phase>,
    progress: &'a (dyn Fn(UspProgress) + Sync),
}

impl Run<'_> {
    /// Boots, lives, settles. Whether somebody stopped it.
    async fn live(&mut self, stop: impl Future<Output = ()> + Send) -> bool {
        let options = &self.shared.options;
        let settles = self.shared.began + options.boot_within + options.duration;
        let ends = settles + options.settle_timeout;
        let was_stopped = {
            tokio::pin!(stop);
            let all = async {
                self.run_until(settles, "living").await;
                self.shared.account().settles();
                // Nobody listens once all are gone.
                self.phase.send_replace(Phase::Settling);
                self.run_until(ends, "settling").await;
            };
            tokio::select! {
                () = all => false,
                () = stop => true,
            }
        };
        self.shared.account().settles();
        self.phase.send_replace(Phase::Over);
        self.run_until(Instant::now() + GOODBYE, "ending").await;
        was_stopped
    }

    async fn run_until(&mut self, end: Instant, phase: &'static str) {
        while Instant::now() < end && !self.agents.is_empty() {
            self.tell_progress(phase);
            let tick = end.min(Instant::now() + TICK);
            loop {
                tokio::select! {
                    left = self.agents.join_next() => match left {
                        Some(Ok(left)) => self.left.push(left),
                        Some(Err(_)) => {}
                        None => break,
                    },
                    () = sleep_until(tick) => break,
                }
            }
        }
    }

    fn tell_progress(&self, phase: &'static str) {
        let options = &self.shared.options;
        let account = self.shared.account();
        let far = UspProgress {
            phase,
            elapsed: self.shared.began.elapsed(),
            total: options.boot_within + options.duration,
            heard: account.heard,
            devices: options.devices,
            connected: account.connected,
            failed: account.not_opened.values().chain(account.ended.values()).sum(),
            delivered: account.tally.delivered.values().sum(),
        };
        drop(account);
        (self.progress)(far);
    }

    fn report(self, was_stopped: bool) -> UspReport {
        let mut account = std::mem::take(&mut *self.shared.account());
        account.settles();
        let devices = self.shared.options.devices;
        let mut report = UspReport {
            devices,
            was_stopped,
            took_secs: rounded(self.shared.began.elapsed()),
            heard: account.heard,
            boot_storm_secs: account.all_heard.map(rounded),
            connected: account.connected_settling.unwrap_or_default(),
            connections: account.opened,
            open: account.open.percentiles(),
            first_word: account.first_word.percentiles(),
            ..UspReport::default()
        };
        report.faulty.away = account.away();
        report.faulty.unheard = u64::from(devices).saturating_sub(account.heard);
        for left in &self.left {
            report.faulty.undelivered += left.undelivered;
            report.faulty.unfinished += left.unfinished;
            for name in left.quirks.names() {
                *report.quirks.entry(name).or_default() += 1;
            }
        }
        report.connections_refused = account.not_opened;
        report.connections_lost = account.ended;
        report.outages = account.outages;
        report.count(account.tally);
        report
    }
}

impl UspReport {
    fn count(&mut self, tally: tally::Tally) {
        for ((kind, code), count) in tally.served {
            *self.served.entry(kind).or_default() += count;
            if code != 0 {
                *self.errors.entry(code).or_default() += count;
            }
        }
        self.commands = tally.commands;
        self.happened = tally.happened;
        self.delivered = tally.delivered;
        self.given_up = tally.given_up;
        self.not_taken = tally.not_taken;
        self.faulty.broken = tally.broken;
        self.goodbyes = tally.goodbyes;
        self.boots = tally.boots;
        self.resets = tally.resets;
        self.changes = tally.changes;
        self.transfers_ended = tally.transfers_ended;
        self.transfers_failed = tally.transfers_failed;
        self.faults = tally.faults;
        self.records_sent = tally.records_sent;
        self.records_received = tally.records_received;
        self.sent_bytes = tally.sent_bytes;
        self.received_bytes = tally.received_bytes;
    }
}

fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}
