/// How a file is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Readers, each a thread and a connection of its own; at least 1.
    pub readers: usize,
    /// Reads that may wait for one.
    pub reads_waiting_max: usize,
    /// Bytes of pages that the writer, and each reader, keeps in memory.
    pub cache_bytes: usize,
    /// Names of replicas and collections that the writer, and each reader, keeps in memory.
    pub names_max: usize,
    /// Bytes of write-ahead log after which it is copied into the file even while there is much to do.
    pub wal_bytes_max: u64,
    /// Bytes of write-ahead log that are laid down when the store is opened: what is written over in place is synced faster than
    /// what grows.
    pub wal_bytes_laid_down: u64,
    /// `synchronous=FULL`; `false` is for tests that emulate the disk themselves: nothing is laid down either.
    pub synced: bool,
}

impl Default for SqliteOptions {
    /// 2 readers, 4,096 waiting, 16 MiB, 65,536 names, 64 MiB, 16 MiB, synced.
    fn default() -> Self {
        Self {
            readers: 2,
            reads_waiting_max: 4_096,
            cache_bytes: 16 << 20,
            names_max: 65_536,
            wal_bytes_max: 64 << 20,
            wal_bytes_laid_down: 16 << 20,
            synced: true,
        }
    }
}
