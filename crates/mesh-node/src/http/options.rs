use std::sync::Arc;
use std::time::Duration;

use sangam_telemetry::metrics::mesh::MeshMetrics;
use tokio_util::sync::CancellationToken;

use super::gate::{Gate, LoopbackGate};

/// Bounds of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Longest body of a request, in bytes, but for a gossip packet's.
    pub body_bytes_max: usize,
    /// Longest body of `POST /gossip`, in bytes: it holds the state of a channel.
    pub gossip_bytes_max: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Bodies that are read or worked on at once; more are answered 503.
    pub bodies_max: usize,
    /// Bytes of all of them together; a body for which there is no room is answered 503.
    pub bodies_bytes_max: usize,
    /// How long the node itself may take to answer. The original waits 5 s for most answers and 10 s for a handshake's.
    pub answer_timeout: Duration,
    /// POST requests of one address (IPv6: one /64) each second in the long run.
    pub posts_per_sec: u32,
    /// And at once.
    pub posts_burst: u32,
    /// Other requests of one address each second in the long run.
    pub gets_per_sec: u32,
    /// And at once.
    pub gets_burst: u32,
    /// Addresses counted for that; those beyond share one count.
    pub addresses_max: usize,
    /// `/ws` and event streams at once.
    pub streams_max: usize,
    /// The same, of one address.
    pub streams_per_address_max: usize,
    /// How often `/ws` is told everything anew.
    pub update_interval: Duration,
    /// How long a client of `/ws` may take one frame; then it is cut off.
    pub write_timeout: Duration,
    /// Origins of pages that may read the answers, as browsers write them.
    pub origins: Vec<String>,
    /// The product's version.
    pub version: &'static str,
}

impl HttpOptions {
    /// Where the original's dashboard is served (§1.1 of its compose files).
    pub const DASHBOARD_ORIGINS: [&str; 4] =
        ["http://localhost:15000", "http://127.0.0.1:15000", "http://localhost:8080", "http://127.0.0.1:8080"];
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            body_bytes_max: 256 << 10,
            gossip_bytes_max: 8 << 20,
            body_timeout: Duration::from_secs(10),
            bodies_max: 64,
            bodies_bytes_max: 64 << 20,
            answer_timeout: Duration::from_secs(10),
            posts_per_sec: 50,
            posts_burst: 200,
            gets_per_sec: 50,
            gets_burst: 200,
            addresses_max: 16_384,
            streams_max: 64,
            streams_per_address_max: 16,
            update_interval: Duration::from_secs(1),
            write_timeout: Duration::from_secs(5),
            origins: Self::DASHBOARD_ORIGINS.map(str::to_owned).to_vec(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// What the HTTP API is given.
#[derive(Clone, Debug)]
pub struct HttpDeps {
    /// Decides who is privileged.
    pub gate: Arc<dyn Gate>,
    /// Where requests are counted.
    pub metrics: MeshMetrics,
    /// Ends the streams: they would keep a server that stops waiting.
    pub stop: CancellationToken,
}

impl Default for HttpDeps {
    /// Trusted loopback alone is privileged.
    fn default() -> Self {
        Self { gate: Arc::new(LoopbackGate), metrics: MeshMetrics::default(), stop: CancellationToken::new() }
    }
}
