use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sangam_types::Wall;
use thiserror::Error;

/// Keyed records, each with an end, that a server that starts again finds as they were written last.
///
/// Writing never waits and never fails: what could not be kept is counted by the adapter. A record is a hint, not a
/// promise: whoever reads it has to bear that the newest is missing.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Keeps `value` under `key` of `area` until `expires`, in place of what was there.
    fn put(&self, area: &'static str, key: &str, value: Bytes, expires: Wall);

    /// Forgets what is under `key` of `area`.
    fn remove(&self, area: &'static str, key: &str);

    /// Everything of `area` that has not expired, ordered by key.
    fn load(&self, area: &'static str) -> BoxFuture<'_, Result<Vec<Record>, JournalError>>;

    /// Waits until everything put or removed before is written: the last call before the process ends.
    fn flush(&self) -> BoxFuture<'_, Result<(), JournalError>>;
}

/// What stands under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key in its area.
    pub key: String,
    /// As it was put.
    pub value: Bytes,
    /// From when on it is no more.
    pub expires: Wall,
}

/// Why a journal cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Its file or server cannot be used.
    #[error("the journal {at} cannot be {verb}")]
    Unusable {
        /// Which: a path, an address.
        at: String,
        /// `read`, `written`.
        verb: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
