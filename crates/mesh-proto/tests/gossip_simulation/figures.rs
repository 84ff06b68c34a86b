use std::collections::BTreeMap;
use std::time::Duration;

use sangam_mesh_proto::gossip::Frame;

/// What a mesh does from a certain time on, when its tree has settled.
#[derive(Default)]
pub(crate) struct Figures {
    /// From being published to being heard.
    latencies: Vec<Duration>,
    hops: Vec<u8>,
    /// Bytes of payloads that were heard.
    delivered_bytes: u64,
    /// Bytes and frames handed to links, by the frames' first byte.
    sent: BTreeMap<u8, (u64, u64)>,
}

impl Figures {
    pub(crate) fn sent(&mut self, frame: &Frame) {
        let kind = frame.bytes.first().copied().unwrap_or_default();
        let (bytes, frames) = self.sent.entry(kind).or_default();
        *bytes += frame.bytes.len() as u64;
        *frames += 1;
    }

    pub(crate) fn heard(&mut self, after: Duration, hops: u8, bytes: usize) {
        self.latencies.push(after);
        self.hops.push(hops);
        self.delivered_bytes += bytes as u64;
    }

    pub(crate) fn deliveries(&self) -> usize {
        self.latencies.len()
    }

    /// The latency that so many in a thousand deliveries have at most.
    pub(crate) fn latency(&self, per_mille: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() * per_mille / 1_000).or(sorted.last()).copied().unwrap_or_default()
    }

    /// Bytes handed to links for each byte of a payload that was heard.
    pub(crate) fn overhead(&self) -> f64 {
        self.sent_bytes() as f64 / self.delivered_bytes.max(1) as f64
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.sent.values().map(|(bytes, _)| bytes).sum()
    }

    pub(crate) fn frames(&self, kind: u8) -> u64 {
        self.sent.get(&kind).map_or(0, |(_, frames)| *frames)
    }

    pub(crate) fn print(&self, of: &str) {
        let [p50, p90, p99, max] = [500, 900, 990, 1_000].map(|it| self.latency(it).as_millis());
        let hops = self.hops.iter().map(|it| u32::from(*it)).sum::<u32>() as f64 / self.hops.len().max(1) as f64;
        println!("{of}: {} deliveries, {hops:.1} hops", self.deliveries());
        println!(
            "  p50 {p50} ms, p90 {p90} ms, p99 {p99} ms, max {max} ms; {:.1} bytes for each heard",
            self.overhead()
        );
        for (kind, (bytes, frames)) in &self.sent {
            println!("  kind {kind:02x}: {bytes} bytes, {frames} frames");
        }
    }
}
