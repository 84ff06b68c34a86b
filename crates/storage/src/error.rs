use std::io;

/// Why a store did not do what it was asked. What the call would have changed is as before, unless
/// [`StoreError::Uncertain`] says that nobody knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No space is left, or a quota of the file system is reached. Nothing was changed; it may be tried again once there is room.
    #[error("no space is left for {at}: make room; it goes on by itself then")]
    Full {
        /// Which file or server.
        at: String,
    },
    /// The device failed while it wrote. Whether the change is on the disk is not known: the store must be opened anew before
    /// anything is read or written.
    #[error("{at} could not be written for certain; the store is opened anew")]
    Uncertain {
        /// Which file or server.
        at: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another head than the change was made for: somebody else writes to this store.
    #[error(
        "database {db:?} has head {found}, the change was made for {expected}: another process writes to this store"
    )]
    Overtaken {
        /// Which database.
        db: String,
        /// As the change has it.
        expected: u64,
        /// As the store has it.
        found: u64,
    },
    /// The file system cannot be trusted with a store.
    #[error(
        "{path} lies on {kind}, on which locks and syncs are not reliable; put it on a local disk, or use PostgreSQL when data must be on another machine"
    )]
    NetworkFileSystem {
        /// Where.
        path: String,
        /// What kind: NFS, SMB, FUSE.
        kind: &'static str,
    },
    /// Another process has it open.
    #[error("{path} is in use by another process; stop that one, or choose another place")]
    InUse {
        /// Where.
        path: String,
    },
    /// A newer version wrote it.
    #[error(
        "{path} was written by a newer version (schema {found}, this one knows {known}); use that version, or restore a backup"
    )]
    Newer {
        /// Where.
        path: String,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// What is stored contradicts itself.
    #[error("{at} is damaged: {what}; restore a backup")]
    Damaged {
        /// Where.
        at: String,
        /// How it shows.
        what: String,
    },
    /// It cannot be opened or used.
    #[error("{at} cannot be used")]
    Unusable {
        /// Which file or server.
        at: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// More readers wait than may.
    #[error("too many reads wait; try again")]
    Busy,
}

impl StoreError {
    /// One word for counters.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Full { .. } => "full",
            Self::Uncertain { .. } => "uncertain",
            Self::Overtaken { .. } => "overtaken",
            Self::Damaged { .. } => "damaged",
            _ => "unusable",
        }
    }

    /// Whether a writer that failed so does nothing more until it is opened anew.
    #[must_use]
    pub fn must_reopen(&self) -> bool {
        matches!(self, Self::Uncertain { .. } | Self::Unusable { .. } | Self::Overtaken { .. })
    }

    /// A failure of the operating system at `at`.
    #[must_use]
    pub fn io(at: impl Into<String>, source: io::Error) -> Self {
        Self::Unusable { at: at.into(), source: Box::new(source) }
    }
}
