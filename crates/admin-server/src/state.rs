use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus_client::registry::Registry;
use sangam_control::{Brokers, DeviceAdmin, Part, RelaySessions, Rooms, SyncAdmin, TokenRevocations};
use sangam_telemetry::metrics::http::HttpMetrics;
use sangam_types::Now;

use crate::access::Access;
use crate::check::Checks;
use crate::renewal_pace::RenewalPace;
use crate::telemetry::Telemetry;

/// Reads both clocks.
pub type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

/// What the routes are made from.
pub struct AdminState {
    /// Whom to ask how they are. Their names differ.
    pub parts: Vec<Arc<dyn Part>>,
    /// The relay's sessions; none without a relay.
    pub relay: Option<Arc<dyn RelaySessions>>,
    /// The rooms of signaling; none without signaling.
    pub rooms: Option<Arc<dyn Rooms>>,
    /// What sync holds; none without sync.
    pub sync: Option<Arc<dyn SyncAdmin>>,
    /// The devices that are managed; none without that role.
    pub devices: Option<Arc<dyn DeviceAdmin>>,
    /// The message brokers at which devices are met; none without that role.
    pub brokers: Option<Arc<dyn Brokers>>,
    /// What the server says of itself in figures.
    pub telemetry: Arc<Telemetry>,
    /// The tokens that are revoked.
    pub tokens: Arc<TokenRevocations>,
    /// What `/metrics` shows.
    pub registry: Arc<Registry>,
    /// What these routes count; registered in `registry`.
    pub metrics: HttpMetrics,
    /// Who is privileged; a reload stores a new one.
    pub access: Arc<ArcSwap<Access>>,
    /// Tells the time.
    pub clock: Clock,
    /// When the process began to serve.
    pub started: Now,
    /// The product's version.
    pub version: &'static str,
    /// Bounds.
    pub options: AdminOptions,
}

/// Bounds of these routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminOptions {
    /// How long one part's check may take; silence is failure.
    pub check_limit: Duration,
    /// For how long after its end a round of checks answers further requests, so that a crowd costs one round.
    pub check_keep: Duration,
    /// Longest request body.
    pub body_bytes_max: usize,
    /// Longest body of an import of devices.
    pub import_bytes_max: usize,
    /// Tokens that one client address (IPv6: one /64) may renew in a minute; the next is answered 429.
    pub renewals_per_minute: u32,
}

impl Default for AdminOptions {
    /// 1 s, 250 ms, 64 KiB, 1 MiB, 60 renewals.
    fn default() -> Self {
        Self {
            check_limit: Duration::from_secs(1),
            check_keep: Duration::from_millis(250),
            body_bytes_max: 64 * 1_024,
            import_bytes_max: 1 << 20,
            renewals_per_minute: 60,
        }
    }
}

/// What the routes share.
pub(crate) struct Shared {
    pub(crate) checks: Checks,
    pub(crate) relay: Option<Arc<dyn RelaySessions>>,
    pub(crate) rooms: Option<Arc<dyn Rooms>>,
    pub(crate) sync: Option<Arc<dyn SyncAdmin>>,
    pub(crate) devices: Option<Arc<dyn DeviceAdmin>>,
    pub(crate) brokers: Option<Arc<dyn Brokers>>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) tokens: Arc<TokenRevocations>,
    pub(crate) renewals: RenewalPace,
    pub(crate) registry: Arc<Registry>,
    pub(crate) metrics: HttpMetrics,
    pub(crate) access: Arc<ArcSwap<Access>>,
    pub(crate) clock: Clock,
    pub(crate) started: Now,
    pub(crate) version: &'static str,
}

impl Shared {
    pub(crate) fn new(state: AdminState) -> Arc<Self> {
        let AdminState {
            parts,
            relay,
            rooms,
            sync,
            devices,
            brokers,
            telemetry,
            tokens,
            registry,
            metrics,
            access,
            clock,
            started,
            version,
            options,
        } = state;
        let checks = Checks::new(parts, metrics.clone(), options.check_limit, options.check_keep);
        let renewals = RenewalPace::new(options.renewals_per_minute);
        Arc::new(Self {
            checks,
            relay,
            rooms,
            sync,
            devices,
            brokers,
            telemetry,
            tokens,
            renewals,
            registry,
            metrics,
            access,
            clock,
            started,
            version,
        })
    }

    pub(crate) fn now(&self) -> Now {
        (self.clock)()
    }
}
