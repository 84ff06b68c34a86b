//! One device: it edits, keeps in step, is cut off, edits meanwhile, and comes back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sangam_sync_client::{Client, ClientError, Event, EventStream, Replica, ReplicaError};
use sangam_sync_proto::Name;
use tokio::time::{Instant, sleep, sleep_until};

use super::account::body;
use super::options::SyncOptions;
use super::store::{Choice, DeviceResolver, DeviceStore, Watch};

/// What a device went through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) edits: u64,
    pub(crate) cut: u64,
    pub(crate) answers_lost: u64,
    pub(crate) retries: u64,
    pub(crate) resets: u64,
    pub(crate) contended: u64,
    pub(crate) unreached: u64,
    pub(crate) refused: BTreeMap<String, u64>,
}

pub(crate) struct Device {
    options: Arc<SyncOptions>,
    db: Name,
    /// Collections that it pulls and edits: the first so many.
    pub(crate) collections: u32,
    listens: bool,
    client: Client,
    pub(crate) watch: Arc<Watch>,
    pub(crate) replica: Replica<DeviceStore, DeviceResolver>,
    random: StdRng,
    stream: Option<EventStream>,
    next_edit: Instant,
    next_sync: Option<Instant>,
    next_cut: Option<Instant>,
    /// Syncs that failed since one did not.
    failures: u32,
    pub(crate) tally: Tally,
}

/// What a device wakes up for.
enum Woken {
    End,
    Edit,
    Sync,
    Cut,
    Told(Result<Option<Event>, ClientError>),
}

/// Waits before the next attempt: the first, and the longest.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// A device that is cut off amid a push is so within this after it was sent; mostly much earlier.
const CUT_WITHIN: Duration = Duration::from_millis(20);
/// Of ten edits one deletes.
const DELETES: f64 = 0.1;

impl Device {
    /// The device with this number in its database.
    pub(crate) fn new(options: &Arc<SyncOptions>, client: Client, db: &Name, watch: Arc<Watch>, number: u32) -> Self {
        let mut random = StdRng::seed_from_u64(seed_of(options.seed, &watch.device));
        let choice = Choice::ALL[number as usize % Choice::ALL.len()];
        let resolver = DeviceResolver { choice, watch: Arc::clone(&watch) };
        let skew = i64::try_from(options.clock_skew.as_millis()).unwrap_or(i64::MAX);
        let collections = options.collections_of(number);
        let store = DeviceStore::new(Arc::clone(&watch));
        let mut replica = Replica::new(client.clone(), db, &watch.device, store, resolver)
            .with_app("simulation", env!("CARGO_PKG_VERSION"))
            .with_clock_offset_ms(random.random_range(-skew..=skew));
        if collections < options.collections {
            replica = replica.with_collections((0..collections).map(collection_name));
        }
        let now = Instant::now();
        Self {
            options: Arc::clone(options),
            db: Arc::clone(db),
            collections,
            listens: options.listens(number),
            client,
            watch,
            replica,
            random,
            stream: None,
            next_edit: now,
            next_sync: None,
            next_cut: None,
            failures: 0,
            tally: Tally::default(),
        }
    }

    /// Until the time is over.
    pub(crate) async fn live(mut self, end: Instant) -> Self {
        self.next_edit = self.after_edit(Instant::now());
        self.next_cut = self.after_cut(Instant::now());
        self.come_online().await;
        loop {
            match self.wake(end).await {
                Woken::End => break,
                Woken::Edit => {
                    self.edit();
                    self.sync().await;
                }
                Woken::Sync => {
                    self.listen().await;
                    self.sync().await;
                }
                Woken::Cut => self.away(end).await,
                Woken::Told(Ok(Some(Event::Operations { .. }))) => self.sync().await,
                Woken::Told(Ok(Some(_))) => {}
                Woken::Told(Ok(None) | Err(_)) => {
                    self.stream = None;
                    self.next_sync = Some(Instant::now() + self.options.poll);
                }
            }
        }
        self.part().await;
        self.stream = None;
        self
    }

    /// Half lose an answer, the others edit on top of it. What goes wrong earlier may be healed by a later edit; this is not.
    async fn part(&mut self) {
        if self.next_cut.is_none() {
            return;
        }
        if self.random.random_bool(0.5) {
            self.tally.cut += 1;
            self.edit();
            self.lose_answer().await;
        } else {
            sleep(CUT_WITHIN * 2).await;
            self.edit();
            self.edit();
            self.sync().await;
        }
    }

    async fn wake(&mut self, end: Instant) -> Woken {
        let far = end + Duration::from_secs(1);
        let (edit, sync, cut) = (self.next_edit, self.next_sync.unwrap_or(far), self.next_cut.unwrap_or(far));
        let told = async {
            match &mut self.stream {
                Some(stream) => stream.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = sleep_until(end) => Woken::End,
            () = sleep_until(cut) => Woken::Cut,
            () = sleep_until(edit) => Woken::Edit,
            () = sleep_until(sync) => Woken::Sync,
            told = told => Woken::Told(told),
        }
    }

    async fn come_online(&mut self) {
        self.watch.account().set_online(&self.watch.device, Some(std::time::Instant::now()));
        self.listen().await;
        self.sync().await;
    }

    /// Opens a stream, if this device has one and it is not open.
    async fn listen(&mut self) {
        if !self.listens || self.stream.is_some() {
            return;
        }
        let device = Arc::clone(&self.watch.device);
        match self.client.events(&device, None).await {
            Ok(stream) => self.stream = Some(stream),
            Err(error) => self.failed(&error),
        }
    }

    async fn sync(&mut self) {
        let began = Instant::now();
        self.tally.retries += u64::from(self.failures > 0);
        let ended = self.replica.sync().await;
        let wait = match &ended {
            Ok(cycle) => {
                self.failures = 0;
                self.tally.resets += u64::from(cycle.reset);
                self.watch.account().cycle.record(began.elapsed());
                None
            }
            Err(error) => {
                self.failures += 1;
                Some(self.wait_after(error))
            }
        };
        if let Err(error) = &ended {
            self.sync_failed(error);
        }
        let polls = wait.or((self.stream.is_none()).then_some(self.options.poll));
        self.next_sync = polls.map(|wait| Instant::now() + wait);
    }

    /// Pushes what waits and pulls the rest. Whether that was possible in time.
    pub(crate) async fn settle(&mut self, until: Instant) -> bool {
        loop {
            self.sync().await;
            if self.failures == 0 {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            sleep_until(self.next_sync.unwrap_or(until).min(until)).await;
        }
    }

    /// Cut off, half of the times amid a push. Edits go on until the device is back.
    async fn away(&mut self, end: Instant) {
        self.tally.cut += 1;
        if self.random.random_bool(0.5) {
            self.edit();
            self.lose_answer().await;
        }
        self.stream = None;
        let device = Arc::clone(&self.watch.device);
        self.watch.account().set_online(&device, None);
        let away = self.exponential(self.options.away_secs());
        let back = (Instant::now() + away).min(end);
        while self.next_edit < back {
            sleep_until(self.next_edit).await;
            self.edit();
        }
        sleep_until(back).await;
        self.next_cut = self.after_cut(back);
        self.come_online().await;
    }

    /// Sends a push and closes the connection right after it.
    async fn lose_answer(&mut self) {
        let delay = CUT_WITHIN.mul_f64(self.random.random_range(0.0_f64..1.0).powi(3));
        let watch = Arc::clone(&self.watch);
        let cut = async {
            watch.pushing.notified().await;
            sleep(delay).await;
        };
        let error = tokio::select! {
            biased;
            () = cut => {
                self.tally.answers_lost += 1;
                return;
            }
            ended = self.replica.sync() => ended.err(),
        };
        if let Some(error) = error {
            self.sync_failed(&error);
        }
    }

    fn edit(&mut self) {
        self.next_edit = self.after_edit(self.next_edit);
        self.tally.edits += 1;
        let collection = collection_name(self.random.random_range(0..self.collections));
        let entity = format!("e{}", self.random.random_range(0..self.options.entities));
        let edited = if self.random.random_bool(DELETES) {
            self.replica.delete(&collection, &entity)
        } else {
            let body = body(&self.db, &self.watch.device, self.tally.edits, self.options.body_bytes);
            self.replica.upsert(&collection, &entity, body)
        };
        debug_assert!(edited.is_ok(), "memory does not fail");
    }

    fn sync_failed(&mut self, error: &ReplicaError) {
        match error {
            ReplicaError::Client(error) => self.failed(error),
            ReplicaError::Contended(_) => self.tally.contended += 1,
            other => *self.tally.refused.entry(other.to_string()).or_default() += 1,
        }
    }

    fn failed(&mut self, error: &ClientError) {
        match error {
            ClientError::Connection(..) | ClientError::Exchange(_) | ClientError::Timeout(_) => {
                self.tally.unreached += 1;
            }
            other => *self.tally.refused.entry(other.to_string()).or_default() += 1,
        }
    }

    fn wait_after(&mut self, error: &ReplicaError) -> Duration {
        let wished = match error {
            ReplicaError::Client(ClientError::Refused(refusal)) => refusal.retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let doubled = WAIT.0.saturating_mul(1 << self.failures.saturating_sub(1).min(16)).min(WAIT.1);
        doubled.mul_f64(self.random.random_range(0.75..1.25)).max(wished)
    }

    fn after_edit(&mut self, now: Instant) -> Instant {
        now + self.exponential(f64::from(self.options.devices) / self.options.edits_per_sec)
    }

    fn after_cut(&mut self, now: Instant) -> Option<Instant> {
        let per_min = self.options.disconnects_per_min;
        (per_min > 0.0).then(|| now + self.exponential((60.0 / per_min) * (1.0 - self.options.offline_share)))
    }

    /// A wait of so many seconds on average, as between things that happen by chance.
    fn exponential(&mut self, mean_secs: f64) -> Duration {
        let share: f64 = self.random.random_range(f64::MIN_POSITIVE..1.0);
        Duration::try_from_secs_f64(-share.ln() * mean_secs).unwrap_or(FAR).min(FAR)
    }
}

/// Nothing is planned beyond this.
const FAR: Duration = Duration::from_secs(30 * 86_400);

pub(crate) fn collection_name(number: u32) -> String {
    format!("c{number}")
}

/// Devices of the same number of fleets of the same seed are the same.
fn seed_of(seed: u64, device: &str) -> u64 {
    let place = device.splitn(3, '-').nth(2).unwrap_or_default();
    place.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
