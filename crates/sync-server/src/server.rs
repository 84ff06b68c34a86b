use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use sangam_auth::token::TokenIdentity;
use sangam_control::{Part, SyncAdmin};
use sangam_storage::StoreError;
use sangam_storage::sync::{Readers, Snapshot, Store};
use sangam_sync_proto::rows::Database;
use sangam_telemetry::metrics::sync::SyncMetrics;
use sangam_types::Wall;
use tokio::sync::oneshot;

use crate::admin::Admin;
use crate::committer::{Committer, CommitterDeps};
use crate::feed::Feeds;
use crate::heads::Heads;
use crate::options::{Live, Options};
use crate::packers::Packers;
use crate::pages::Pages;
use crate::part::SyncPart;
use crate::rate::Limiter;
use crate::replicas::Replicas;
use crate::routes;
use crate::service::Service;

/// What the binary hands in.
pub struct Deps {
    /// Where the data is.
    pub store: Store,
    /// Where the counters are.
    pub metrics: Arc<SyncMetrics>,
    /// Reads the time of day.
    pub clock: Arc<dyn Fn() -> Wall + Send + Sync>,
}

/// The sync server.
///
/// Every request that reaches its router must carry a [`sangam_net::http::Client`] in its extensions.
#[derive(Clone)]
pub struct SyncServer {
    pub(crate) service: Arc<Service>,
}

/// Databases that one step of the start reads.
const START_STEP: usize = 1_024;

impl SyncServer {
    /// Starts the writer's thread and what runs beside it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn start(options: Options, live: Live, deps: Deps) -> Result<Self, StoreError> {
        let Deps { store, metrics, clock } = deps;
        let Store { writer, readers } = store;
        let heads = Arc::new(Heads::new(databases(&readers).await?));
        let live = Arc::new(ArcSwap::from_pointee(live));
        let feeds = Arc::new(feeds(&options, &live, &metrics, &clock));
        let shared = (Arc::clone(&readers), Arc::clone(&heads), Arc::clone(&metrics));
        let replicas = Arc::new(Replicas::new(&options, shared.0, shared.1, shared.2, Arc::clone(&clock)));
        let shared = (Arc::clone(&readers), Arc::clone(&heads), Arc::clone(&replicas), Arc::clone(&metrics));
        let pages = Pages::new(&options, shared.0, shared.1, shared.2, shared.3);
        let deps = CommitterDeps {
            writer,
            readers: Arc::clone(&readers),
            heads: Arc::clone(&heads),
            replicas: Arc::clone(&replicas),
            pages: pages.clone(),
            feeds: Arc::clone(&feeds),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
        };
        let committer = Committer::start(&options, deps)?;
        let limiter = Limiter::default();
        let packers = Packers::new(options.page_cache_bytes / 2);
        let service = Service {
            options,
            live,
            committer,
            heads,
            replicas,
            pages,
            readers,
            feeds,
            metrics,
            clock,
            limiter,
            packers,
        };
        Ok(Self { service: Arc::new(service) })
    }

    /// `/v1/version`, `/v1/handshake`, `/v1/pull`, `/v1/push`, `/v1/events` and `/v1/stream`, `/v1/ws`, `/v1/stats`.
    pub fn router(&self) -> Router {
        routes::router(Arc::clone(&self.service))
    }

    /// Replaces the live settings. Open streams stay.
    pub fn reload(&self, live: Live) {
        self.service.live.store(Arc::new(live));
    }

    /// Takes no more pushes, closes the streams, and ends when everything that was taken is on the disk.
    pub async fn drain(&self) {
        self.service.committer.drain().await;
        self.service.feeds.stop().await;
    }

    /// How sync is: asks the writer's thread.
    pub fn part(&self) -> Arc<dyn Part> {
        Arc::new(SyncPart { service: Arc::clone(&self.service) })
    }

    /// What operators see and mend.
    pub fn admin(&self) -> Arc<dyn SyncAdmin> {
        Arc::new(Admin { service: Arc::clone(&self.service) })
    }
}

fn feeds(
    options: &Options,
    live: &Arc<ArcSwap<Live>>,
    metrics: &Arc<SyncMetrics>,
    clock: &crate::service::WallClock,
) -> Feeds {
    let live = Arc::clone(live);
    let is_revoked = Arc::new(move |token: &TokenIdentity, now| live.load().access.keyring.is_revoked(token, now));
    Feeds::new(options.streams.clone(), Arc::clone(metrics), Arc::clone(clock), is_revoked)
}

/// Every database there is.
async fn databases(readers: &Arc<dyn Readers>) -> Result<Vec<Database>, StoreError> {
    let (answer, answered) = oneshot::channel();
    readers.read(Box::new(move |snapshot| {
        // If nobody waits any more, the server does not start.
        let _: Result<(), _> = answer.send(all(snapshot));
    }))?;
    answered.await.unwrap_or(Err(StoreError::Busy))
}

fn all(snapshot: &mut dyn Snapshot) -> Result<Vec<Database>, StoreError> {
    let mut databases: Vec<Database> = Vec::new();
    loop {
        let after = databases.last().map(|database| database.name.clone());
        let step = snapshot.databases(after.as_deref(), START_STEP)?;
        let last = step.len() < START_STEP;
        databases.extend(step);
        if last {
            return Ok(databases);
        }
    }
}
