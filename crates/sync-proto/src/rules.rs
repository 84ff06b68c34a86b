use std::time::Duration;

/// Limits and tolerances of what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Operations of one push that are looked at; what follows them stays in the replica's queue. Where numbers do not rise, those that
    /// are known already do not count.
    pub push_ops_max: usize,
    /// How far a version that is a time in milliseconds may be ahead of the server's clock.
    pub clock_ahead_max: Duration,
    /// Longest name of a database, replica, collection or entity, in bytes.
    pub name_bytes_max: usize,
    /// Largest body of one entity, in bytes.
    pub body_bytes_max: usize,
    /// Bytes of bodies and names that one database may keep.
    pub database_bytes_max: u64,
    /// Entities, deleted ones included, that one database may keep.
    pub entities_max: u64,
}

impl Default for Rules {
    /// 500 operations, 24 h, 512 bytes, 4 MiB, 16 GiB, 100 million.
    fn default() -> Self {
        Self {
            push_ops_max: 500,
            clock_ahead_max: Duration::from_secs(86_400),
            name_bytes_max: 512,
            body_bytes_max: 4 << 20,
            database_bytes_max: 16 << 30,
            entities_max: 100_000_000,
        }
    }
}
