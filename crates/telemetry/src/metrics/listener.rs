//! What TCP listeners count.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// One reading of a listener's counters. Totals since it was opened, except `active`.
#[derive(Clone, Debug, Default)]
pub struct ListenerFigures {
    /// Connections open now.
    pub active: u64,
    /// Connections taken from the kernel.
    pub accepted: u64,
    /// Requests handed on.
    pub requests: u64,
    /// Connections and requests that did not get through, by reason. The reasons are words of the program.
    pub refused: Vec<(&'static str, u64)>,
    /// TLS handshakes by outcome.
    pub handshakes: Vec<(&'static str, u64)>,
}

/// Reads a listener's counters.
pub type ReadListener = Arc<dyn Fn() -> ListenerFigures + Send + Sync>;

/// What TCP listeners count, read at each scrape.
pub struct ListenerMetrics {
    listeners: Vec<(&'static str, ReadListener)>,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct Of {
    listener: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct OfReason {
    listener: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct OfOutcome {
    listener: &'static str,
    outcome: &'static str,
}

impl ListenerMetrics {
    /// Adds the figures of `listeners`, each with its name, to the root registry. Names differ.
    pub fn register(registry: &mut Registry, listeners: Vec<(&'static str, ReadListener)>) {
        registry.register_collector(Box::new(Self { listeners }));
    }
}

impl fmt::Debug for ListenerMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.listeners.iter().map(|(name, _)| name)).finish()
    }
}

impl Collector for ListenerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let read: Vec<_> = self.listeners.iter().map(|(listener, read)| (Of { listener }, read())).collect();
        let mut active = encoder.encode_descriptor(
            "sangam_listener_connections",
            "Connections open now.",
            None,
            MetricType::Gauge,
        )?;
        for (of, figures) in &read {
            ConstGauge::new(i64::try_from(figures.active).unwrap_or(i64::MAX)).encode(active.encode_family(of)?)?;
        }
        for (name, help, of_listener) in TOTALS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (of, figures) in &read {
                ConstCounter::new(of_listener(figures)).encode(family.encode_family(of)?)?;
            }
        }
        let help = "Connections and requests that did not get through.";
        let mut refused = encoder.encode_descriptor("sangam_listener_refusals", help, None, MetricType::Counter)?;
        for (Of { listener }, figures) in &read {
            for (reason, count) in &figures.refused {
                ConstCounter::new(*count).encode(refused.encode_family(&OfReason { listener, reason })?)?;
            }
        }
        let help = "TLS handshakes.";
        let mut handshakes = encoder.encode_descriptor("sangam_tls_handshakes", help, None, MetricType::Counter)?;
        for (Of { listener }, figures) in &read {
            for (outcome, count) in &figures.handshakes {
                ConstCounter::new(*count).encode(handshakes.encode_family(&OfOutcome { listener, outcome })?)?;
            }
        }
        Ok(())
    }
}

/// Name, help and value of a total that has no label of its own.
type Total = (&'static str, &'static str, fn(&ListenerFigures) -> u64);

const TOTALS: [Total; 2] = [
    ("sangam_listener_accepted_connections", "Connections taken from the kernel.", |figures| figures.accepted),
    ("sangam_listener_requests", "Requests handed on.", |figures| figures.requests),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::{check, exposition};

    #[test]
    fn each_count_stands_in_the_exposition_under_its_name() {
        let figures = ListenerFigures {
            active: 1,
            accepted: 2,
            requests: 3,
            refused: vec![("too_many", 4)],
            handshakes: vec![("ok", 5)],
        };
        let mut registry = Registry::default();
        ListenerMetrics::register(&mut registry, vec![("http", Arc::new(move || figures.clone()))]);
        check(
            &exposition(&registry),
            &[
                r#"sangam_listener_connections{listener="http"} 1"#,
                r#"sangam_listener_accepted_connections_total{listener="http"} 2"#,
                r#"sangam_listener_requests_total{listener="http"} 3"#,
                r#"sangam_listener_refusals_total{listener="http",reason="too_many"} 4"#,
                r#"sangam_tls_handshakes_total{listener="http",outcome="ok"} 5"#,
            ],
        );
    }
}
