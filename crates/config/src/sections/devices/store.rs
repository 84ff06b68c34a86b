//! `[devices.store]`: the store of devices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::ByteSize;

/// The store of devices: SQLite, in `devices.path`. What was acknowledged is on the disk; that is no setting.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Reads at once, each on a thread of its own.
    #[schemars(extend("x-reload" = "restart"))]
    pub readers: usize,
    /// Reads that may wait for one of these; the next request is answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub reads_waiting_max: usize,
    /// Bytes of the file that the writer, and each reader, keeps in memory.
    #[schemars(extend("x-reload" = "restart"))]
    pub cache_bytes: ByteSize,
    /// Devices that came last whose rows are kept in memory, about 2 kB each: one that comes again is not read again. 0: none.
    #[schemars(extend("x-reload" = "restart"))]
    pub devices_cached: usize,
    /// Bytes of the write-ahead log from which on it is copied into the file even while there is much to do.
    #[schemars(extend("x-reload" = "restart"))]
    pub wal_bytes_max: ByteSize,
    /// Bytes of the write-ahead log that are laid down at the start: what is written over in place is on the disk sooner than
    /// what grows. `0B`: none.
    #[schemars(extend("x-reload" = "restart"))]
    pub wal_bytes_laid_down: ByteSize,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            readers: 2,
            reads_waiting_max: 4_096,
            cache_bytes: ByteSize::from_kib(16 << 10),
            devices_cached: 20_000,
            wal_bytes_max: ByteSize::from_kib(64 << 10),
            wal_bytes_laid_down: ByteSize::from_kib(16 << 10),
        }
    }
}

impl Store {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.within("readers", self.readers, 1, 64);
        check.within("reads_waiting_max", self.reads_waiting_max, 1, 1_000_000);
        check.within("devices_cached", self.devices_cached, 0, 10_000_000);
        let size = ByteSize::from_kib;
        check.within("cache_bytes", self.cache_bytes, size(256), size(4 << 20));
        check.within("wal_bytes_laid_down", self.wal_bytes_laid_down, size(0), self.wal_bytes_max);
        check.within("wal_bytes_max", self.wal_bytes_max, size(1 << 10), size(16 << 20));
    }
}
