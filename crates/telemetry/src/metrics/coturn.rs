//! The relay's figures under the names that coturn gives them, for dashboards made for it.
//!
//! coturn's counters have no `_total` behind their names, which OpenMetrics demands of a counter: the type is shown as
//! unknown. What we do not count as coturn does is left out.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::relay::{Labelled, RelayMetrics, RelaySnapshot};

/// The relay's figures under coturn's names.
#[derive(Debug)]
pub struct CoturnAliases {
    relay: RelayMetrics,
    realm: String,
}

impl CoturnAliases {
    /// Shows what `relay` counts under coturn's names too; `realm` is the label of those that are by realm.
    pub fn register(registry: &mut Registry, relay: &RelayMetrics, realm: &str) {
        registry.register_collector(Box::new(Self { relay: relay.clone(), realm: realm.to_owned() }));
    }
}

impl Collector for CoturnAliases {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(snapshot) = self.relay.snapshot() else { return Ok(()) };
        let help = "Allocations alive, by the transport of their client (coturn's name)";
        let mut family = encoder.encode_descriptor("turn_total_allocations", help, None, MetricType::Gauge)?;
        for (ours, theirs) in TRANSPORTS {
            let labels = [("type", theirs)];
            ConstGauge::new(of(&snapshot.allocations_over, ours)).encode(family.encode_family(&labels)?)?;
        }
        for (name, help, value) in binding(&snapshot) {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Unknown)?)?;
        }
        for (what, help, value) in traffic(&snapshot) {
            let (total, by_realm) = (format!("turn_total_traffic_{what}"), format!("turn_traffic_{what}"));
            ConstGauge::new(value).encode(encoder.encode_descriptor(&total, help, None, MetricType::Unknown)?)?;
            let mut family = encoder.encode_descriptor(&by_realm, help, None, MetricType::Unknown)?;
            let labels = [("realm", self.realm.as_str())];
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// Our names of transports, and coturn's.
const TRANSPORTS: [(&str, &str); 3] = [("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS/TCP")];

fn of(values: &Labelled, label: &str) -> u64 {
    values.iter().find(|(name, _)| *name == label).map_or(0, |(_, value)| *value)
}

/// Every Binding request that is well-formed is answered, but those without a cookie beyond their bound.
fn binding(snapshot: &RelaySnapshot) -> [(&'static str, &'static str, u64); 3] {
    let requests = of(&snapshot.requests, "binding") + of(&snapshot.requests, "classic_binding");
    let (errors, silent) = (snapshot.binding_errors, of(&snapshot.limited, "classic_bindings"));
    [
        ("stun_binding_request", "Binding requests (coturn's name)", requests),
        (
            "stun_binding_response",
            "Binding success responses (coturn's name)",
            requests.saturating_sub(errors + silent),
        ),
        ("stun_binding_error", "Binding error responses (coturn's name)", errors),
    ]
}

/// With coturn, received and sent are the client's side unless the name says peer.
fn traffic(snapshot: &RelaySnapshot) -> [(&'static str, &'static str, u64); 8] {
    let RelaySnapshot { client_messages, client_bytes, packets, bytes, .. } = snapshot;
    [
        ("rcvp", "Messages from clients (coturn's name)", of(client_messages, "from_client")),
        ("rcvb", "Bytes of messages from clients (coturn's name)", of(client_bytes, "from_client")),
        ("sentp", "Messages to clients (coturn's name)", of(client_messages, "to_client")),
        ("sentb", "Bytes of messages to clients (coturn's name)", of(client_bytes, "to_client")),
        ("peer_rcvp", "Datagrams relayed from peers (coturn's name)", of(packets, "to_client")),
        ("peer_rcvb", "Bytes relayed from peers (coturn's name)", of(bytes, "to_client")),
        ("peer_sentp", "Datagrams relayed to peers (coturn's name)", of(packets, "to_peer")),
        ("peer_sentb", "Bytes relayed to peers (coturn's name)", of(bytes, "to_peer")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::{check, exposition};

    fn shown(snapshot: RelaySnapshot) -> String {
        let mut registry = Registry::default();
        let metrics = RelayMetrics::default();
        metrics.publish(move || snapshot.clone());
        CoturnAliases::register(&mut registry, &metrics, "example.org");
        exposition(&registry)
    }

    #[test]
    fn figures_stand_under_the_names_and_meanings_of_coturn() {
        let text = shown(RelaySnapshot {
            allocations_over: vec![("udp", 3), ("tcp", 2), ("tls", 1)],
            requests: vec![("binding", 9)],
            binding_errors: 2,
            client_messages: vec![("from_client", 10), ("to_client", 20)],
            client_bytes: vec![("from_client", 1_000), ("to_client", 2_000)],
            packets: vec![("to_peer", 5), ("to_client", 6)],
            bytes: vec![("to_peer", 500), ("to_client", 600)],
            ..RelaySnapshot::default()
        });
        check(
            &text,
            &[
                r#"turn_total_allocations{type="UDP"} 3"#,
                r#"turn_total_allocations{type="TLS/TCP"} 1"#,
                "stun_binding_request 9",
                "stun_binding_response 7",
                "stun_binding_error 2",
                "turn_total_traffic_rcvp 10",
                "turn_total_traffic_sentb 2000",
                "turn_total_traffic_peer_rcvb 600",
                r#"turn_traffic_rcvb{realm="example.org"} 1000"#,
                r#"turn_traffic_peer_sentp{realm="example.org"} 5"#,
            ],
        );
    }

    #[test]
    fn the_operators_page_names_each_alias() {
        let page = include_str!("../../../../docs/operate/monitor.md");
        let text = shown(RelaySnapshot::default());
        let names: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        assert_eq!(names.len(), 20);
        for name in names {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
