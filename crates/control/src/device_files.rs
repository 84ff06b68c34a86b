use std::io;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use sangam_types::Wall;
use serde::Serialize;

use crate::device_admin::{DeviceAdminError, DeviceList};
use crate::timestamp;

/// The bytes of a file as they come.
pub type FileBytes = BoxStream<'static, io::Result<Bytes>>;

/// Files that devices fetch and bring.
pub trait DeviceFiles: Send + Sync {
    /// Files in the order in which they came, those after the one of that number.
    fn files(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'_, Result<DeviceList<DeviceFile>, DeviceAdminError>>;

    /// Takes a file, in the place of the one with its name. When it returns, the file is on the disk, or nothing is.
    fn put(
        &self,
        name: String,
        facts: DeviceFileFacts,
        bytes: FileBytes,
    ) -> BoxFuture<'_, Result<DeviceFile, DeviceAdminError>>;

    /// Deletes a file. Transfers of it that are under way go on.
    fn remove(&self, name: String) -> BoxFuture<'_, Result<(), DeviceAdminError>>;
}

/// What is said of a file by whoever puts it there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceFileFacts {
    /// `1 Firmware Upgrade Image`, `3 Vendor Configuration File` …; may be empty.
    pub kind: String,
    /// The version of what is in it; may be empty.
    pub version: String,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceFile {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `1 Firmware Upgrade Image` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of what is in it.
    pub version: String,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Whether a device brought it.
    pub from_device: bool,
    /// When it came.
    #[serde(with = "timestamp")]
    pub created_at: Wall,
}
