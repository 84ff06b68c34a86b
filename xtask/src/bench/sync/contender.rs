use std::fmt;

/// Whose figures stand in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Contender {
    /// `sangam serve --roles sync`.
    Ours,
    /// The same with little in its database.
    OursSmall,
    /// Node's pouchdb-server, on LevelDB.
    Pouch,
    Postgres,
    /// With one client, that waits for each commit.
    PostgresAlone,
    /// The same rows in the generator's own process.
    Sqlite,
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "sangam",
            Self::OursSmall => "sangam with few",
            Self::Pouch => "pouchdb-server",
            Self::Postgres => "PostgreSQL",
            Self::PostgresAlone => "PostgreSQL, 1 client",
            Self::Sqlite => "SQLite",
        })
    }
}
