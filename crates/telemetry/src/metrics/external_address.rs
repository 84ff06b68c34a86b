//! What is counted about the external addresses that STUN servers are asked for.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is counted about the external addresses that STUN servers are asked for.
#[derive(Clone, Debug, Default)]
pub struct ExternalAddressMetrics {
    changes: Counter,
    known: Gauge,
}

impl ExternalAddressMetrics {
    /// Defines the metrics in the root registry, which has no prefix of its own.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("sangam_relay_external_address");
        registry.register("changes", "Times that an external address was another than before", metrics.changes.clone());
        registry.register("known", "Whether every external address is known: 1 or 0", metrics.known.clone());
        metrics
    }

    /// Counts a change.
    pub fn changed(&self) {
        self.changes.inc();
    }

    /// Notes whether all are known.
    pub fn known(&self, known: bool) {
        self.known.set(i64::from(known));
    }
}
