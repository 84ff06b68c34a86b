use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use sangam_net::http::Client;
use sangam_net::{AddressRates, Admission};
use sangam_telemetry::metrics::mesh::MeshMetrics;
use sangam_types::Mono;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answer::Unanswered;
use super::gate::Gate;
use super::options::{HttpDeps, HttpOptions};
use crate::node::{Command, Node};

/// What the routes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) node: Node,
    pub(super) options: HttpOptions,
    pub(super) gate: Arc<dyn Gate>,
    pub(super) metrics: MeshMetrics,
    pub(super) stop: CancellationToken,
    pub(super) posts: AddressRates,
    pub(super) gets: AddressRates,
    pub(super) bodies: Arc<Semaphore>,
    /// One permit for each byte of theirs.
    pub(super) body_room: Arc<Semaphore>,
    pub(super) streams: Arc<Admission>,
    /// What every client of `/ws` is told, made once for all of them.
    pub(super) updates: watch::Sender<Option<Utf8Bytes>>,
    started: Instant,
}

impl Shared {
    pub(super) fn new(node: Node, options: HttpOptions, deps: HttpDeps) -> Self {
        let HttpDeps { gate, metrics, stop } = deps;
        let it = &options;
        Self {
            posts: AddressRates::new(it.posts_per_sec, it.posts_burst, it.addresses_max),
            gets: AddressRates::new(it.gets_per_sec, it.gets_burst, it.addresses_max),
            bodies: Arc::new(Semaphore::new(it.bodies_max)),
            body_room: Arc::new(Semaphore::new(it.bodies_bytes_max.min(Semaphore::MAX_PERMITS))),
            streams: Arc::new(Admission::new(it.streams_max, it.streams_per_address_max)),
            updates: watch::Sender::new(None),
            started: Instant::now(),
            node,
            options,
            gate,
            metrics,
            stop,
        }
    }

    /// Asks the node; the error is the answer to whoever asked us.
    pub(super) async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Unanswered> {
        let answer = timeout(self.options.answer_timeout, self.node.ask(question)).await.ok().flatten();
        answer.ok_or(Unanswered)
    }

    pub(super) fn now(&self) -> Mono {
        Mono::from_start(self.started.elapsed())
    }
}

/// Where a request comes from; requests that `net` did not describe are from one place.
pub(super) fn address(client: Option<&Client>) -> IpAddr {
    client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.addr.ip())
}
