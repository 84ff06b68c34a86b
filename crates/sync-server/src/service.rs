use std::sync::Arc;

use arc_swap::ArcSwap;
use sangam_telemetry::metrics::sync::SyncMetrics;
use sangam_types::Wall;

use crate::committer::Committer;
use crate::feed::Feeds;
use crate::heads::Heads;
use crate::options::{Live, Options};
use crate::packers::Packers;
use crate::pages::Pages;
use crate::rate::Limiter;
use crate::replicas::Replicas;

/// Reads the time of day.
pub(crate) type WallClock = Arc<dyn Fn() -> Wall + Send + Sync>;

/// What all requests and streams use.
pub(crate) struct Service {
    pub(crate) options: Options,
    pub(crate) live: Arc<ArcSwap<Live>>,
    pub(crate) committer: Committer,
    /// The state of every database, at hand.
    pub(crate) heads: Arc<Heads>,
    pub(crate) replicas: Arc<Replicas>,
    pub(crate) pages: Pages,
    pub(crate) readers: Arc<dyn sangam_storage::sync::Readers>,
    pub(crate) feeds: Arc<Feeds>,
    pub(crate) metrics: Arc<SyncMetrics>,
    pub(crate) clock: WallClock,
    pub(crate) limiter: Limiter,
    pub(crate) packers: Packers,
}
