use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::Router;
use sangam_auth::digest::{DigestOptions, DigestServer, NonceKey, OptionsError};
use sangam_control::{DeviceAdmin, Part};
use sangam_storage::devices::Store;
use sangam_storage::{Room, StoreError};
use sangam_telemetry::metrics::devices::DeviceMetrics;
use sangam_types::Wall;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::Admin;
use crate::calling::Calls;
use crate::committer::{Committer, CommitterDeps};
use crate::cwmp::{self, Sessions};
use crate::files::Files;
use crate::names::Names;
use crate::numbers::Numbers;
use crate::options::{Live, Options};
use crate::part::DevicesPart;
use crate::population::Population;
use crate::service::Service;
use crate::task_clock;
use crate::task_watch::TaskWatch;

/// What the binary hands in.
pub struct Deps {
    /// Where the data is.
    pub store: Store,
    /// Where the counters are.
    pub metrics: Arc<DeviceMetrics>,
    /// Reads the time of day.
    pub clock: Arc<dyn Fn() -> Wall + Send + Sync>,
}

/// Device management.
///
/// Every request that reaches its router must carry a [`sangam_net::http::Client`] in its extensions.
#[derive(Clone)]
pub struct DeviceServer {
    service: Arc<Service>,
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
        let Deps { store, metrics, clock } = deps;
        let Store { mut writer, readers } = store;
        let last = writer.last_ids()?;
        let seen = Arc::default();
        let digest = DigestServer::new(&options.realm, NonceKey::new(rand::random()), digest_options(&options))?;
        let committer_deps = CommitterDeps {
            writer,
            seen: Arc::clone(&seen),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            last_event: last.event.0,
        };
        let files = Files::open(&options.files, &readers)?;
        let service = Arc::new(Service {
            reading: Arc::new(Room::new(options.queue_rows_max, options.queue_bytes_max)),
            committer: Committer::start(&options, committer_deps)?,
            names: Names::new(options.schemas, options.schemas_cached),
            live: Arc::new(ArcSwap::from_pointee(live)),
            numbers: Numbers::after(&last),
            seen,
            population: Population::of(&readers)?,
            readers,
            sessions: Sessions::default(),
            calls: Calls::new(&options.calls),
            files,
            task_watch: TaskWatch::new(options.calls.waits_max),
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
        Ok(Self { service, tasks, ending })
    }

    /// CWMP at any path.
    pub fn router(&self) -> Router {
        cwmp::router(Arc::clone(&self.service))
    }

    /// Replaces the live settings. Open sessions go on.
    pub fn reload(&self, live: Live) {
        self.service.live.store(Arc::new(live));
    }

    /// Lets no session begin any more, and gives those that are open until `limit` to end by themselves, unless their devices went silent. These have to
    /// be heard meanwhile.
    pub async fn finish_sessions(&self, limit: Duration) {
        self.service.closing.store(true, Ordering::Release);
        let closed = self.service.sessions.all_closed(|| self.service.mono());
        if tokio::time::timeout(limit, closed).await.is_err() {
            let open = self.service.sessions.len();
            tracing::warn!(open, "sessions of devices did not end in time; they are cut off");
        }
    }

    /// Ends the sessions that are open, takes no more changes, and returns when everything that was taken is on the disk.
    pub async fn drain(&self) {
        self.ending.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        cwmp::end_all(&self.service).await;
        self.service.task_watch.close();
        self.service.committer.drain().await;
    }

    /// What operators see and do.
    pub fn admin(&self) -> Arc<dyn DeviceAdmin> {
        Arc::new(Admin { service: Arc::clone(&self.service) })
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
