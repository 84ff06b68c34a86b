use std::sync::atomic::{self, AtomicBool};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::Router;
use sangam_auth::digest::{DigestOptions, DigestServer, NonceKey, OptionsError};
use sangam_control::{Brokers, DeviceAdmin, Figures, KeptBinding, Part, StunSocket};
use sangam_net::TcpFront;
use sangam_storage::devices::Store;
use sangam_storage::{Room, StoreError};
use sangam_telemetry::metrics::devices::DeviceMetrics;
use sangam_types::Wall;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::Admin;
use crate::aftermath::{self, Aftermath};
use crate::alarms::Alarms;
use crate::calling::{Calls, hear_bindings, run_xmpp};
use crate::committer::{Committer, CommitterDeps};
use crate::cwmp::{self, Sessions};
use crate::figures::DeviceFigures;
use crate::files::Files;
use crate::heads::Heads;
use crate::names::Names;
use crate::news::News;
use crate::numbers::Numbers;
use crate::options::{Live, Options};
use crate::ordering::Ordering;
use crate::part::DevicesPart;
use crate::population::Population;
use crate::provisioning::Provisioning;
use crate::rounds::{self, Presence};
use crate::service::Service;
use crate::task_clock;
use crate::task_watch::TaskWatch;
use crate::usp::{self, Carriers, Hub};

/// What the binary hands in.
pub struct Deps {
    /// Where the data is.
    pub store: Store,
    /// Where the counters are.
    pub metrics: Arc<DeviceMetrics>,
    /// Reads the time of day.
    pub clock: Arc<dyn Fn() -> Wall + Send + Sync>,
    /// The STUN listener of this process, by which devices behind NAT are called; `None`: there is none.
    pub stun: Option<Stun>,
}

/// The STUN listener of this process.
pub struct Stun {
    /// Sends from its socket.
    pub socket: Arc<dyn StunSocket>,
    /// The bindings that it hears of.
    pub kept_bindings: mpsc::Receiver<KeptBinding>,
}

/// Device management.
///
/// Every request that reaches its router must carry a [`sangam_net::http::Client`] in its extensions.
#[derive(Clone)]
pub struct DeviceServer {
    service: Arc<Service>,
    /// `None`: agents of USP are not served.
    hub: Option<Arc<Hub>>,
    /// What carries the records of agents beside WebSocket.
    carriers: Arc<Carriers>,
    /// What runs beside requests.
    tasks: TaskTracker,
    ending: CancellationToken,
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Devices cannot be challenged so.
    #[error("devices cannot be asked to log in: {0}")]
    Login(#[from] OptionsError),
}

impl DeviceServer {
    /// Starts the writer's thread, and what ends sessions that went silent.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or no device can be challenged with these options.
    pub fn start(options: Options, live: Live, deps: Deps) -> Result<Self, StartError> {
        let Deps { store, metrics, clock, stun } = deps;
        let (stun, kept_bindings) = stun.map(|Stun { socket, kept_bindings }| (socket, kept_bindings)).unzip();
        let Store { mut writer, readers } = store;
        let last = writer.last_ids()?;
        let seen = Arc::default();
        let news = Arc::new(News::new(&options.news));
        let (aftermath, happened) = Aftermath::new();
        let digest = DigestServer::new(&options.realm, NonceKey::new(rand::random()), digest_options(&options))?;
        let committer_deps = CommitterDeps {
            writer,
            seen: Arc::clone(&seen),
            news: Arc::clone(&news),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            last_event: last.event.0,
        };
        let (population, totals) = Population::of(&readers)?;
        let files = Files::open(&options.files, &readers)?;
        let service = Arc::new(Service {
            reading: Arc::new(Room::new(options.queue_rows_max, options.queue_bytes_max)),
            committer: Committer::start(&options, committer_deps)?,
            names: Names::new(&options, totals.schemas),
            live: Arc::new(ArcSwap::from_pointee(live)),
            numbers: Numbers::after(&last),
            seen,
            heads: Heads::new(options.heads_max),
            population,
            provisioning: Provisioning::open(&readers, options.devices_max)?,
            alarms: Alarms::open(&readers, options.alarms)?,
            aftermath,
            news,
            presence: Presence::default(),
            readers,
            sessions: Sessions::default(),
            calls: Calls::new(&options.calls, clock()),
            stun,
            files,
            agents: Arc::default(),
            task_watch: TaskWatch::new(options.calls.waits_max),
            ordering: Ordering::default(),
            closing: AtomicBool::new(false),
            digest: Mutex::new(digest),
            metrics,
            began_ms: clock().unix_millis(),
            clock,
            began: Instant::now(),
            options,
        });
        let (tasks, ending) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(ending.clone().run_until_cancelled_owned(cwmp::watch(Arc::downgrade(&service))));
        tasks.spawn(ending.clone().run_until_cancelled_owned(task_clock::run(Arc::downgrade(&service))));
        tasks.spawn(ending.clone().run_until_cancelled_owned(rounds::run(Arc::downgrade(&service))));
        for lane in happened {
            tasks.spawn(ending.clone().run_until_cancelled_owned(aftermath::run(Arc::downgrade(&service), lane)));
        }
        tasks.spawn(ending.clone().run_until_cancelled_owned(run_xmpp(Arc::downgrade(&service))));
        if let Some(heard) = kept_bindings {
            tasks.spawn(ending.clone().run_until_cancelled_owned(hear_bindings(Arc::downgrade(&service), heard)));
        }
        let hub = Hub::new(Arc::clone(&service));
        if let Some(hub) = &hub {
            let watch = usp::watch(Arc::downgrade(hub), Arc::downgrade(&service));
            tasks.spawn(ending.clone().run_until_cancelled_owned(watch));
        }
        let (brokers, stomp) = (&service.options.brokers, service.options.stomp.clone());
        let carriers = Carriers::start(brokers, stomp, hub.as_ref(), (&tasks, &ending));
        Ok(Self { service, hub, carriers, tasks, ending })
    }

    /// CWMP at any path, and USP over WebSocket at [`Self::USP_PATH`].
    pub fn router(&self) -> Router {
        cwmp::router(Arc::clone(&self.service), self.hub.clone())
    }

    /// Where agents of USP open their WebSockets; what does not want one is a session of CWMP there too.
    pub const USP_PATH: &str = "/usp";

    /// Replaces the live settings. Open sessions go on.
    pub fn reload(&self, live: Live) {
        self.service.live.store(Arc::new(live));
    }

    /// Lets no session begin any more, and gives those that are open until `limit` to end by themselves, unless their devices went silent. These have to
    /// be heard meanwhile. Agents of USP are told to go, one after the other within that time.
    pub async fn finish_sessions(&self, limit: Duration) {
        self.service.closing.store(true, atomic::Ordering::Release);
        let agents = async {
            let Some(hub) = &self.hub else { return };
            if tokio::time::timeout(limit, hub.dismiss(limit)).await.is_err() {
                tracing::warn!(
                    open = self.service.agents.len(),
                    "agents could not be told to go in time; they are cut off"
                );
            }
        };
        let sessions = async {
            let closed = self.service.sessions.all_closed(|| self.service.mono());
            if tokio::time::timeout(limit, closed).await.is_err() {
                let open = self.service.sessions.len();
                tracing::warn!(open, "sessions of devices did not end in time; they are cut off");
            }
        };
        tokio::join!(agents, sessions);
    }

    /// Ends the sessions that are open, takes no more changes, and returns when everything that was taken is on the disk.
    pub async fn drain(&self) {
        if let Some(hub) = &self.hub {
            // Those who are there yet: at once.
            hub.dismiss(Duration::ZERO).await;
        }
        self.ending.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        cwmp::end_all(&self.service).await;
        self.service.task_watch.close();
        self.service.news.close();
        self.service.committer.drain().await;
    }

    /// Accepts agents of USP that speak STOMP there, until it is drained. `false`: agents are not served, or at as many addresses as may be.
    pub fn serve_stomp(&self, front: TcpFront) -> bool {
        self.carriers.serve_stomp(front)
    }

    /// How the message brokers are at which agents are met, our own included.
    pub fn brokers(&self) -> Arc<dyn Brokers> {
        Arc::clone(&self.carriers) as Arc<dyn Brokers>
    }

    /// What operators see and do.
    pub fn admin(&self) -> Arc<dyn DeviceAdmin> {
        Arc::new(Admin { service: Arc::clone(&self.service) })
    }

    #[cfg(test)]
    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// What it says of itself in figures.
    pub fn figures(&self) -> Arc<dyn Figures> {
        Arc::new(DeviceFigures { service: Arc::clone(&self.service) })
    }

    /// How device management is: asks the writer's thread.
    pub fn part(&self) -> Arc<dyn Part> {
        Arc::new(DevicesPart { service: Arc::clone(&self.service) })
    }
}

/// Devices in the field send their answer for another path, or the whole URL, as proxies and their own mistakes have it; a nonce
/// serves one session and is ours, which is what counts.
fn digest_options(options: &Options) -> DigestOptions {
    DigestOptions { nonce_lifetime: options.nonce_lifetime, uri_must_match: false, ..DigestOptions::default() }
}
