/// What a journal holds and what it has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalStats {
    /// Records that live.
    pub records: usize,
    /// What they take of [`JournalOptions::bytes_max`](crate::JournalOptions::bytes_max), bytes.
    pub bytes: usize,
    /// Length of the file, bytes; zero without one.
    pub file_bytes: u64,
    /// Bytes that wait for the writer.
    pub queued_bytes: usize,
    /// Records put.
    pub puts: u64,
    /// Records removed.
    pub removes: u64,
    /// Records whose time ended.
    pub expired: u64,
    /// Puts dropped since the record was larger than one may be.
    pub dropped_too_large: u64,
    /// Puts dropped since too much lives.
    pub dropped_full: u64,
    /// Puts and removes dropped since too much waited for the writer.
    pub dropped_queue_full: u64,
    /// Writes and syncs that failed. What they held is written again from memory when the file can be written.
    pub write_errors: u64,
    /// Writes to the file; one holds many records.
    pub writes: u64,
    /// Syncs of the file.
    pub syncs: u64,
    /// New files in place of grown ones.
    pub compactions: u64,
    /// Bytes that could not be read when the journal was opened, the torn end included.
    pub unreadable_bytes: u64,
}
