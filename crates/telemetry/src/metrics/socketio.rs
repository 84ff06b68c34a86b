//! What Socket.IO counts.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// One reading of the counters. Totals since the start, except the first three. Reasons are words of the program.
#[derive(Clone, Debug, Default)]
pub struct SocketioFigures {
    /// Sessions open now.
    pub sessions: u64,
    /// Clients in a namespace now.
    pub sockets: u64,
    /// Clients that lost their connection and may come back.
    pub waiting: u64,
    /// Sessions that began.
    pub opened: u64,
    /// Sessions that changed from polling to WebSocket.
    pub upgraded: u64,
    /// Messages received.
    pub received: u64,
    /// Packets sent.
    pub sent: u64,
    /// How often a client was read more slowly because it sent too fast.
    pub throttled: u64,
    /// Clients that came back as if nothing had been.
    pub recovered: u64,
    /// Events that were given up before their time for want of room.
    pub events_dropped: u64,
    /// Requests and clients that were refused.
    pub refusals: Vec<(&'static str, u64)>,
    /// Sessions that ended.
    pub closes: Vec<(&'static str, u64)>,
    /// Clients that came back and had to begin anew.
    pub recovery_refusals: Vec<(&'static str, u64)>,
}

/// Reads the counters.
pub type ReadSocketio = Arc<dyn Fn() -> SocketioFigures + Send + Sync>;

/// What Socket.IO counts, read at each scrape.
pub struct SocketioMetrics {
    read: ReadSocketio,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct OfReason {
    reason: &'static str,
}

impl SocketioMetrics {
    /// Adds the figures to the root registry.
    pub fn register(registry: &mut Registry, read: ReadSocketio) {
        registry.register_collector(Box::new(Self { read }));
    }
}

impl fmt::Debug for SocketioMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketioMetrics").finish_non_exhaustive()
    }
}

impl Collector for SocketioMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let figures = (self.read)();
        for (name, help, of) in GAUGES {
            let value = ConstGauge::new(i64::try_from(of(&figures)).unwrap_or(i64::MAX));
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        for (name, help, of) in TOTALS {
            let value = ConstCounter::new(of(&figures));
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        for (name, help, of) in BY_REASON {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (reason, count) in of(&figures) {
                ConstCounter::new(*count).encode(family.encode_family(&OfReason { reason })?)?;
            }
        }
        Ok(())
    }
}

/// Name, help and value.
type Number = (&'static str, &'static str, fn(&SocketioFigures) -> u64);
/// Name, help and values by reason.
type ByReason = (&'static str, &'static str, fn(&SocketioFigures) -> &[(&'static str, u64)]);

const GAUGES: [Number; 3] = [
    ("sangam_socketio_sessions", "Sessions open now.", |it| it.sessions),
    ("sangam_socketio_sockets", "Clients in a namespace now.", |it| it.sockets),
    ("sangam_socketio_waiting_sessions", "Clients that lost their connection and may come back.", |it| it.waiting),
];

const TOTALS: [Number; 7] = [
    ("sangam_socketio_sessions_opened", "Sessions that began.", |it| it.opened),
    ("sangam_socketio_upgrades", "Sessions that changed from polling to WebSocket.", |it| it.upgraded),
    ("sangam_socketio_received_messages", "Messages received.", |it| it.received),
    ("sangam_socketio_sent_packets", "Packets sent.", |it| it.sent),
    ("sangam_socketio_throttles", "How often a client was read more slowly because it sent too fast.", |it| {
        it.throttled
    }),
    ("sangam_socketio_recoveries", "Clients that came back as if nothing had been.", |it| it.recovered),
    ("sangam_socketio_events_dropped", "Events given up before their time for want of room.", |it| it.events_dropped),
];

const BY_REASON: [ByReason; 3] = [
    ("sangam_socketio_refusals", "Requests and clients that were refused.", |it| &it.refusals),
    ("sangam_socketio_closes", "Sessions that ended.", |it| &it.closes),
    ("sangam_socketio_recovery_refusals", "Clients that came back and had to begin anew.", |it| &it.recovery_refusals),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::{check, exposition};

    #[test]
    fn each_count_stands_in_the_exposition_under_its_name() {
        let figures = SocketioFigures {
            sessions: 1,
            recovered: 2,
            refusals: vec![("draining", 3)],
            closes: vec![("ping timeout", 4)],
            ..SocketioFigures::default()
        };
        let mut registry = Registry::default();
        SocketioMetrics::register(&mut registry, Arc::new(move || figures.clone()));
        check(
            &exposition(&registry),
            &[
                "sangam_socketio_sessions 1",
                "sangam_socketio_recoveries_total 2",
                r#"sangam_socketio_refusals_total{reason="draining"} 3"#,
                r#"sangam_socketio_closes_total{reason="ping timeout"} 4"#,
            ],
        );
    }
}
