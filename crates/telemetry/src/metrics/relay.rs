//! What the relay counts.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// What the relay counts. Its threads keep the figures, each its own; a scrape adds them up.
#[derive(Clone, Default)]
pub struct RelayMetrics {
    source: Arc<OnceLock<Source>>,
}

type Source = Box<dyn Fn() -> RelaySnapshot + Send + Sync>;

/// The relay's figures at one moment, all threads together. Counters begin with the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelaySnapshot {
    /// Relay threads that run.
    pub threads_running: u64,
    /// Relay threads that hang and were replaced, and have not ended.
    pub threads_hung: u64,
    /// Relay threads that failed, by cause.
    pub thread_failures: Labelled,
    /// Relay threads that took the place of one that failed.
    pub thread_replacements: u64,
    /// Allocations that ended because their thread failed.
    pub allocations_lost: u64,
    /// Allocations alive.
    pub allocations: u64,
    /// Allocations that ever began.
    pub allocations_created: u64,
    /// Of these, allocations of the server's own checks.
    pub probe_allocations: u64,
    /// Allocations whose time ran out.
    pub allocations_expired: u64,
    /// Allocations that ended, by cause.
    pub allocations_ended: Labelled,
    /// Allocations that followed their client to another address, each time.
    pub moves: u64,
    /// Moves refused, by reason.
    pub move_refusals: Labelled,
    /// Relayed addresses that are bound.
    pub ports_in_use: u64,
    /// Relayed addresses that could be bound: the ports of the range on each relay address.
    pub ports: u64,
    /// Connections over TCP and TLS that are open.
    pub connections: u64,
    /// Connections that closed, by reason.
    pub connections_closed: Labelled,
    /// Connections closed at once because their thread was behind.
    pub connections_turned_away: u64,
    /// Datagrams relayed, by direction.
    pub packets: Labelled,
    /// Payload bytes relayed, by direction.
    pub bytes: Labelled,
    /// Datagrams handed from one allocation to another inside the server, by whether both are on one thread.
    pub hairpin: Labelled,
    /// Allocations alive, by the transport of their client.
    pub allocations_over: Labelled,
    /// Whole messages between clients and the relay, by direction.
    pub client_messages: Labelled,
    /// Their bytes, headers of STUN and ChannelData included, those of UDP, TCP and TLS not.
    pub client_bytes: Labelled,
    /// Clients of networks that may not use the relay: datagrams and connections.
    pub clients_refused: Labelled,
    /// Binding requests that were answered with an error.
    pub binding_errors: u64,
    /// Requests, by method.
    pub requests: Labelled,
    /// Error responses, by STUN error code.
    pub refusals: Labelled,
    /// User names for which there was no key, by reason.
    pub credential_refusals: Labelled,
    /// What limits turned away, by limit.
    pub limited: Labelled,
    /// Datagrams dropped, by reason.
    pub drops: Labelled,
    /// Payload bytes dropped because they exceed a rate, by whose rate.
    pub bytes_over_rate: Labelled,
    /// Relay sockets that could not be opened, by reason.
    pub open_failures: Labelled,
    /// Errors that earlier datagrams left on a socket.
    pub socket_errors: u64,
    /// Datagrams of other parts that left from listening sockets.
    pub outward_datagrams: u64,
    /// Bindings that devices keep open, told to who calls them, or missed by them.
    pub kept_bindings: Labelled,
    /// Events of allocations that somebody who follows them was too slow for.
    pub events_missed: u64,
    /// Log lines left out because there were too many.
    pub log_lines_suppressed: u64,
}

/// A figure for each value of one label. The values come from a closed list.
pub type Labelled = Vec<(&'static str, u64)>;

impl RelayMetrics {
    /// Defines the metrics in the root registry, which has no prefix of its own. They show once a relay
    /// [gives its figures](Self::publish).
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Names where the figures come from. The first relay of the process is the one that shows.
    pub fn publish(&self, source: impl Fn() -> RelaySnapshot + Send + Sync + 'static) {
        self.source.set(Box::new(source)).ok();
    }

    /// The figures now; `None` before there is a relay.
    #[must_use]
    pub fn snapshot(&self) -> Option<RelaySnapshot> {
        self.source.get().map(|source| source())
    }
}

impl fmt::Debug for RelayMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayMetrics").field("published", &self.source.get().is_some()).finish()
    }
}

impl Collector for RelayMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(snapshot) = self.snapshot() else { return Ok(()) };
        for (name, help, value) in gauges(&snapshot) {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        for (name, help, value) in counters(&snapshot) {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        for (name, help, label, values) in families(&snapshot) {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            encode_values(&mut family, label, values)?;
        }
        Ok(())
    }
}

fn encode_values(family: &mut MetricEncoder<'_>, label: &'static str, values: &Labelled) -> fmt::Result {
    for &(value, count) in values {
        let labels = [(label, value)];
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn gauges(snapshot: &RelaySnapshot) -> [(&'static str, &'static str, u64); 6] {
    [
        ("sangam_relay_threads", "Relay threads that run", snapshot.threads_running),
        ("sangam_relay_threads_hung", "Relay threads that hang and were replaced", snapshot.threads_hung),
        ("sangam_relay_allocations", "Allocations alive", snapshot.allocations),
        ("sangam_relay_connections", "Connections over TCP and TLS that are open", snapshot.connections),
        ("sangam_relay_ports_in_use", "Relayed addresses that are bound", snapshot.ports_in_use),
        ("sangam_relay_ports", "Relayed addresses that could be bound", snapshot.ports),
    ]
}

fn counters(snapshot: &RelaySnapshot) -> [(&'static str, &'static str, u64); 12] {
    [
        ("sangam_relay_thread_replacements", "Relay threads that took a place", snapshot.thread_replacements),
        ("sangam_relay_allocations_lost", "Allocations that ended with their thread", snapshot.allocations_lost),
        ("sangam_relay_allocations_created", "Allocations that began", snapshot.allocations_created),
        ("sangam_relay_probe_allocations", "Allocations of the server's own checks", snapshot.probe_allocations),
        ("sangam_relay_allocations_expired", "Allocations whose time ran out", snapshot.allocations_expired),
        ("sangam_relay_moves", "Allocations that followed their client to another address", snapshot.moves),
        (
            "sangam_relay_connections_turned_away",
            "Connections closed at once because their thread was behind",
            snapshot.connections_turned_away,
        ),
        ("sangam_relay_binding_errors", "Binding requests answered with an error", snapshot.binding_errors),
        ("sangam_relay_socket_errors", "Errors that earlier datagrams left on a socket", snapshot.socket_errors),
        ("sangam_relay_outward_datagrams", "Datagrams sent for other parts", snapshot.outward_datagrams),
        ("sangam_relay_events_missed", "Events that a follower was too slow for", snapshot.events_missed),
        ("sangam_relay_log_lines_suppressed", "Log lines left out for their number", snapshot.log_lines_suppressed),
    ]
}

type Family<'a> = (&'static str, &'static str, &'static str, &'a Labelled);

fn families(snapshot: &RelaySnapshot) -> [Family<'_>; 18] {
    [
        ("sangam_relay_packets", "Datagrams relayed", "direction", &snapshot.packets),
        ("sangam_relay_payload_bytes", "Payload bytes relayed", "direction", &snapshot.bytes),
        ("sangam_relay_allocations_ended", "Allocations that ended", "cause", &snapshot.allocations_ended),
        (
            "sangam_relay_client_messages",
            "Whole messages between clients and the relay",
            "direction",
            &snapshot.client_messages,
        ),
        ("sangam_relay_client_bytes", "Bytes of those messages", "direction", &snapshot.client_bytes),
        (
            "sangam_relay_clients_refused",
            "What came from networks that may not use the relay",
            "kind",
            &snapshot.clients_refused,
        ),
        ("sangam_relay_hairpin_packets", "Datagrams between our own allocations", "thread", &snapshot.hairpin),
        ("sangam_relay_requests", "Requests of clients", "method", &snapshot.requests),
        ("sangam_relay_refusals", "Error responses to clients", "code", &snapshot.refusals),
        (
            "sangam_relay_credential_refusals",
            "User names for which there was no key",
            "reason",
            &snapshot.credential_refusals,
        ),
        ("sangam_relay_thread_failures", "Relay threads that failed", "cause", &snapshot.thread_failures),
        ("sangam_relay_kept_bindings", "Bindings that devices keep open", "outcome", &snapshot.kept_bindings),
        ("sangam_relay_limited", "What a limit turned away", "limit", &snapshot.limited),
        ("sangam_relay_move_refusals", "Moves of allocations refused", "reason", &snapshot.move_refusals),
        ("sangam_relay_drops", "Datagrams dropped", "reason", &snapshot.drops),
        (
            "sangam_relay_over_rate_bytes",
            "Payload bytes dropped because they exceed a rate",
            "rate",
            &snapshot.bytes_over_rate,
        ),
        ("sangam_relay_connections_closed", "Connections that closed", "reason", &snapshot.connections_closed),
        ("sangam_relay_open_failures", "Relay sockets that could not be opened", "reason", &snapshot.open_failures),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::{check, exposition};

    #[test]
    fn figures_show_once_a_relay_gives_them_and_are_read_anew_at_each_scrape() {
        let mut registry = Registry::default();
        let metrics = RelayMetrics::register(&mut registry);
        assert!(!exposition(&registry).contains("relay"));
        let scrapes = std::sync::atomic::AtomicU64::new(0);
        metrics.publish(move || RelaySnapshot {
            allocations: scrapes.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1,
            allocations_created: 9,
            packets: vec![("to_peer", 7), ("to_client", 8)],
            drops: vec![("unroutable", 3)],
            ..RelaySnapshot::default()
        });
        exposition(&registry);
        let text = exposition(&registry);
        check(
            &text,
            &[
                "# TYPE sangam_relay_allocations gauge",
                "sangam_relay_allocations 2",
                "sangam_relay_allocations_created_total 9",
                "# TYPE sangam_relay_packets counter",
                r#"sangam_relay_packets_total{direction="to_peer"} 7"#,
                r#"sangam_relay_packets_total{direction="to_client"} 8"#,
                r#"sangam_relay_drops_total{reason="unroutable"} 3"#,
            ],
        );
    }

    #[test]
    fn the_operators_page_names_each_metric_as_it_is_scraped() {
        let page = include_str!("../../../../docs/operate/relay.md");
        let mut registry = Registry::default();
        RelayMetrics::register(&mut registry).publish(RelaySnapshot::default);
        let text = exposition(&registry);
        let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        assert_eq!(kinds.len(), 36);
        for kind in kinds {
            let name = kind.replace(" counter", "_total").replace(" gauge", "");
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
