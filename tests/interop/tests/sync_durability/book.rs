use std::collections::BTreeMap;

use sangam_sync_client::{ClientError, Refusal};
use sangam_sync_proto::Name;

/// What one device did and was told.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Its operations 1 to this were acknowledged.
    pub(crate) acked: u64,
    /// Its operations 1 to this were sent at least once.
    pub(crate) sent: u64,
    /// How far it has pulled.
    pub(crate) position: u64,
    /// The highest cursor it has sent with a pull.
    pub(crate) presented: u64,
    /// What it pulled: of each cursor the device and the number of the operation.
    pub(crate) seen: BTreeMap<u64, (Name, u64)>,
    /// Answers that asked it to come back later.
    pub(crate) refusals: Vec<Refusal>,
    /// Requests that got no answer.
    pub(crate) unanswered: usize,
    /// An answer that no server may give.
    pub(crate) wrong: Option<String>,
}

impl Book {
    /// A request failed.
    pub(crate) fn failed(&mut self, error: ClientError) {
        let is_retryable = error.is_retryable();
        match error {
            ClientError::Refused(refusal) if is_retryable => self.refusals.push(refusal),
            _ if is_retryable => self.unanswered += 1,
            error => self.wrong(format!("{error:?}")),
        }
    }

    /// Keeps the first answer that is wrong.
    pub(crate) fn wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }
}
