//! What logging counts.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;
use tracing_appender::non_blocking::ErrorCounter;

/// What logging counts.
#[derive(Debug)]
pub struct LogMetrics {
    dropped: Vec<ErrorCounter>,
}

impl LogMetrics {
    /// Adds the figures to the root registry, which has no prefix of its own. There is one counter for each place that
    /// lines are written to.
    pub fn register(registry: &mut Registry, dropped: Vec<ErrorCounter>) {
        registry.register_collector(Box::new(Self { dropped }));
    }
}

impl Collector for LogMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let dropped = self.dropped.iter().map(|counter| counter.dropped_lines() as u64).sum::<u64>();
        let counter = ConstCounter::new(dropped);
        let help = "Log lines dropped because nobody took them in time.";
        counter.encode(encoder.encode_descriptor("sangam_log_lines_dropped", help, None, counter.metric_type())?)
    }
}
