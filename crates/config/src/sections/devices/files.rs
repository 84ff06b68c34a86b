//! `[devices.files]`: files that devices fetch and bring.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{ByteSize, HumanDuration};

/// Files that devices fetch and bring, at `/files/` where devices are answered: firmware, configurations, logs. They lie in the
/// directory `files` beside the store of devices. Each transfer has credentials of its own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Files {
    /// Files that may be there at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub files_max: usize,
    /// Bytes of one file that an operator puts there.
    #[schemars(extend("x-reload" = "restart"))]
    pub file_bytes_max: ByteSize,
    /// Bytes of one file that a device brings.
    #[schemars(extend("x-reload" = "restart"))]
    pub upload_bytes_max: ByteSize,
    /// Bytes of all files.
    #[schemars(extend("x-reload" = "restart"))]
    pub total_bytes_max: ByteSize,
    /// Transfers of devices under way at once; the next one is answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub transfers_max: usize,
    /// How long a transfer may stand still.
    #[schemars(extend("x-reload" = "restart"))]
    pub stall_timeout: HumanDuration,
    /// How long the credentials of a transfer are good from when the device is told them; no transfer takes longer.
    #[schemars(extend("x-reload" = "restart"))]
    pub grant_lifetime: HumanDuration,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            files_max: 10_000,
            file_bytes_max: ByteSize::from_kib(1 << 20),
            upload_bytes_max: ByteSize::from_kib(16 << 10),
            total_bytes_max: ByteSize::from_kib(64 << 20),
            transfers_max: 256,
            stall_timeout: HumanDuration::from_secs(30),
            grant_lifetime: HumanDuration::from_secs(3_600),
        }
    }
}

impl Files {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (second, kib) = (HumanDuration::from_secs(1), ByteSize::from_kib);
        check.within("files_max", self.files_max, 0, 1_000_000);
        check.within("file_bytes_max", self.file_bytes_max, kib(1), self.total_bytes_max);
        check.within("upload_bytes_max", self.upload_bytes_max, kib(1), self.total_bytes_max);
        check.within("total_bytes_max", self.total_bytes_max, kib(1), kib(1 << 40));
        check.within("transfers_max", self.transfers_max, 1, 100_000);
        check.within("stall_timeout", self.stall_timeout, second, HumanDuration::from_secs(3_600));
        check.within("grant_lifetime", self.grant_lifetime, second, HumanDuration::from_secs(7 * 86_400));
    }
}
