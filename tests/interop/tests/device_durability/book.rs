use std::collections::{BTreeMap, BTreeSet};

/// An event as an Inform has it: its code and its command key.
pub(crate) type Event = (String, String);

/// What one device did and was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    /// The number of its last Inform that was answered.
    pub(crate) acked: u64,
    /// The number of the last one that was sent at least once.
    pub(crate) sent: u64,
    /// Told with Informs that were answered.
    pub(crate) events_acked: BTreeSet<Event>,
    /// Told at all.
    pub(crate) events_told: BTreeSet<Event>,
    /// To be told with the next Informs.
    pub(crate) events_due: Vec<Event>,
    /// How often the request of each task came.
    pub(crate) ran: BTreeMap<u64, u32>,
    /// Tasks whose result the server took: it answered what carried it.
    pub(crate) answered: BTreeSet<u64>,
    /// Transfers that are done, and not yet told with success.
    pub(crate) transfers_due: BTreeSet<u64>,
    /// Transfers whose TransferComplete was answered.
    pub(crate) transfers_acked: BTreeSet<u64>,
    /// What it logs in with.
    pub(crate) login: Option<(String, String)>,
    /// Requests that got no answer, or were asked to come later.
    pub(crate) unanswered: usize,
    pub(crate) refused: usize,
    /// An answer that no server may give.
    pub(crate) wrong: Option<String>,
}

impl Book {
    /// Keeps the first answer that is wrong.
    pub(crate) fn wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }
}
