//! `[data]`: the data directory.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::ByteSize;

/// The data directory.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// Where the server keeps what must last. Made with mode 0700 if it is not there; one process at a time uses it.
    #[schemars(extend("x-reload" = "restart"))]
    pub dir: PathBuf,
    /// With less free space than this on its file system, `/ready` calls the directory degraded.
    #[schemars(extend("x-reload" = "restart"))]
    pub free_space_min: ByteSize,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: PathBuf::from("./sangam-data"), free_space_min: ByteSize::from_kib(64 * 1_024) }
    }
}

impl Data {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.require(!self.dir.as_os_str().is_empty(), "dir", "the path is empty; write a directory");
    }
}
