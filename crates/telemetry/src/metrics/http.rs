//! What the health, metrics and administration routes count.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the health, metrics and administration routes count.
#[derive(Clone, Debug, Default)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    refusals: Family<ReasonLabels, Counter>,
    part_ready: Family<PartLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabels {
    part: &'static str,
}

impl HttpMetrics {
    /// Defines the metrics in the root registry, which has no prefix of its own.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("sangam");
        registry.register(
            "http_requests",
            "Requests to the health, metrics and administration routes, by route and status",
            metrics.requests.clone(),
        );
        registry.register(
            "http_access_refusals",
            "Requests refused for lack of a fitting token or address, by reason",
            metrics.refusals.clone(),
        );
        registry.register(
            "part_ready",
            "Whether a part of the server takes work: 1 or 0, checked when scraped",
            metrics.part_ready.clone(),
        );
        metrics
    }

    /// Counts an answered request. `route` is the pattern that matched, never the path that was asked for.
    pub fn answered(&self, route: &str, status: u16) {
        self.requests.get_or_create(&RequestLabels { route: route.to_owned(), status }).inc();
    }

    /// Counts a request refused for `reason`.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Notes whether `part` takes work.
    pub fn part_checked(&self, part: &'static str, ready: bool) {
        self.part_ready.get_or_create(&PartLabels { part }).set(i64::from(ready));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::{check, exposition};

    #[test]
    fn each_count_stands_in_the_exposition_under_its_name() {
        let mut registry = Registry::default();
        let metrics = HttpMetrics::register(&mut registry);
        metrics.answered("/health", 200);
        metrics.refused("token_expired");
        metrics.part_checked("relay", true);
        metrics.part_checked("relay", false);
        check(
            &exposition(&registry),
            &[
                r#"sangam_http_requests_total{route="/health",status="200"} 1"#,
                r#"sangam_http_access_refusals_total{reason="token_expired"} 1"#,
                r#"sangam_part_ready{part="relay"} 0"#,
            ],
        );
    }
}
