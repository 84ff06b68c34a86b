use sangam_testkit::sync_model::{Conflict, Sent};

/// What a client asks. The server knows the database and the replica from its token, or believes what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Handshake { claimed: Option<u64> },
    Pull { since: u64, limit: usize, collection: Option<&'static str> },
    Push { ops: Vec<Sent> },
}

/// A row of a page, with the database it says it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) cursor: u64,
    pub(crate) db: String,
    pub(crate) sent: Sent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Welcome {
        cursor: u64,
    },
    Page {
        rows: Vec<Row>,
        next: u64,
        has_more: bool,
    },
    Pushed {
        acknowledged: u64,
        conflicts: Vec<Conflict>,
    },
    /// 503: try again.
    Unavailable,
}
