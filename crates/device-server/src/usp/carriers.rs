use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sangam_control::{BrokerReport, Brokers};
use sangam_net::TcpFront;
use sangam_telemetry::metrics::devices::BrokerMetrics;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::broker::account::Clocks;
use super::broker::{Broker, BrokerOptions};
use super::link::Hub;
use super::stomp::{StompEndpoint, StompOptions};

/// What carries records beside WebSocket: brokers of others, and our own STOMP endpoints.
#[derive(Debug)]
pub(crate) struct Carriers {
    brokers: Vec<Arc<Broker>>,
    endpoints: Vec<OnceLock<Arc<StompEndpoint>>>,
    options: StompOptions,
    deps: Option<Deps>,
}

/// What each of them is driven with.
#[derive(Clone, Debug)]
pub(super) struct Deps {
    pub(super) hub: Arc<Hub>,
    pub(super) clocks: Clocks,
    pub(super) metrics: BrokerMetrics,
    pub(super) tasks: TaskTracker,
    /// Ends them: what waits is sent, then they say goodbye.
    pub(super) ending: CancellationToken,
}

/// Addresses at which our own endpoint may listen.
const ENDPOINTS_MAX: usize = 16;

impl Carriers {
    /// Connects with brokers; without a hub there is nobody to carry for.
    pub(crate) fn start(
        brokers: &[BrokerOptions],
        stomp: StompOptions,
        hub: Option<&Arc<Hub>>,
        (tasks, ending): (&TaskTracker, &CancellationToken),
    ) -> Arc<Self> {
        let deps = hub.map(|hub| Deps {
            hub: Arc::clone(hub),
            clocks: hub.clocks(),
            metrics: hub.broker_metrics(),
            tasks: tasks.clone(),
            ending: ending.clone(),
        });
        let started =
            deps.iter().flat_map(|deps| brokers.iter().map(|options| Broker::start(options.clone(), deps.clone())));
        let brokers = started.collect();
        let endpoints = std::iter::repeat_with(OnceLock::new).take(ENDPOINTS_MAX).collect();
        Arc::new(Self { brokers, endpoints, options: stomp, deps })
    }

    /// Accepts agents that speak STOMP there. `false`: agents are not served, or at as many addresses as may be.
    pub(crate) fn serve_stomp(&self, front: TcpFront) -> bool {
        let (Some(deps), Some(place)) = (&self.deps, self.endpoints.iter().find(|place| place.get().is_none())) else {
            return false;
        };
        place.set(StompEndpoint::start(self.options.clone(), front, deps.clone())).is_ok()
    }
}

impl Brokers for Carriers {
    fn reports(&self, history: Duration) -> Vec<BrokerReport> {
        let Some(deps) = &self.deps else { return Vec::new() };
        // One reading of the clock, so that the minutes of all are the same.
        let now = deps.clocks.now();
        let brokers = self.brokers.iter().map(|broker| broker.report(history, now));
        let endpoints = self.endpoints.iter().filter_map(|place| Some(place.get()?.report(history, now)));
        brokers.chain(endpoints).collect()
    }
}
