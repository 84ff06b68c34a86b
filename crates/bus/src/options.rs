use std::sync::Arc;
use std::time::Duration;

use sangam_types::Wall;

/// Tells the time of day, by which records expire.
pub type WallClock = Arc<dyn Fn() -> Wall + Send + Sync>;

/// Bounds of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// Bytes that live records may take together: area, key, value and [`RECORD_OVERHEAD`](Self::RECORD_OVERHEAD) of
    /// each. They are kept in memory as well as in the file.
    pub bytes_max: usize,
    /// Bytes that one record's value may have. No key is longer than 4 KiB, no area than 255 bytes.
    pub value_bytes_max: usize,
    /// Bytes that may wait for the writer.
    pub queue_bytes_max: usize,
    /// How often the file is synced at most.
    pub sync_interval: Duration,
    /// Below this length the file is not compacted; above, when it is more than twice as long as what lives. Bytes.
    pub compact_bytes_min: u64,
}

impl JournalOptions {
    /// What a record costs beside its texts, for the bound.
    pub const RECORD_OVERHEAD: usize = 128;

    /// Longest key, bytes.
    pub const KEY_BYTES_MAX: usize = 4_096;

    /// Longest area, bytes.
    pub const AREA_BYTES_MAX: usize = 255;

    /// Whether a record is within what one may have.
    pub(crate) fn fits(&self, area: &str, key: &str, value: &[u8]) -> bool {
        area.len() <= Self::AREA_BYTES_MAX && key.len() <= Self::KEY_BYTES_MAX && value.len() <= self.value_bytes_max
    }

    /// How much of a file is read at the start: far more than is written with these options before it is compacted, and
    /// than was with larger ones.
    pub(crate) fn file_bytes_max(&self) -> u64 {
        (self.bytes_max as u64).saturating_mul(4).saturating_add(self.compact_bytes_min).max(1 << 30)
    }
}

impl Default for JournalOptions {
    /// 64 MiB live, 1 MiB for a value, 8 MiB waiting, a sync each second, 1 MiB before the first compaction.
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            value_bytes_max: 1 << 20,
            queue_bytes_max: 8 << 20,
            sync_interval: Duration::from_secs(1),
            compact_bytes_min: 1 << 20,
        }
    }
}
