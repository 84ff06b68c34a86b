use std::path::Path;

use rusqlite::Connection;
use sangam_storage::StoreError;

use crate::errors::Failure;

/// Stands in the file's header: `SGsy`. What it says otherwise is somebody else's file.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"SGsy");

/// What each version of the schema adds to the one before; the first makes it. Files that were written are never changed
/// otherwise.
const STEPS: &[&str] = &[FIRST];

/// The newest schema: `PRAGMA user_version`.
pub(crate) const VERSION: u32 = 1;

/// Tenants are a thing of later: until then there is this one.
pub(crate) const TENANT: &str = "default";

/// A row of a database that is numbered has the number below the database's own: `database << 40 | number`, so that rows of one
/// database lie together and no index is needed. Numbers of databases are never used again, as a reset gives a new one.
pub(crate) const NUMBER_BITS: u32 = 40;

/// - `database`: one row each. `id` changes with a reset: everything under the old one is dropped little by little (`discarded`).
/// - `name`: names of replicas and collections as numbers. Each name of each database has a number of its own, so that a number
///   says the database as well. AUTOINCREMENT: a reader may have a number cached that is no longer there.
/// - `log`: `previous` is the row before of the same entity (a cursor, 0: none), for the history of one entity.
/// - `entity`: what the rules ask for, without the body.
/// - `remembered`: operations that were settled (`version`) or refused (`digest`), in order of time.
const FIRST: &str = "
CREATE TABLE database (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    epoch BLOB NOT NULL,
    head INTEGER NOT NULL,
    tombstones_to INTEGER NOT NULL,
    log_len INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    live INTEGER NOT NULL,
    tombstones INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX database_by_name ON database (tenant, name);
CREATE TABLE name (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    database INTEGER NOT NULL,
    name TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX name_by_name ON name (database, name);
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL,
    op_id INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    entity TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    version INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    body BLOB
) STRICT;
CREATE TABLE entity (
    collection INTEGER NOT NULL,
    name TEXT NOT NULL,
    cursor INTEGER NOT NULL,
    version INTEGER NOT NULL,
    device INTEGER NOT NULL,
    op_id INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    PRIMARY KEY (collection, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE remembered (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL,
    op_id INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    entity TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    version INTEGER,
    digest BLOB
) STRICT;
CREATE INDEX remembered_by_op ON remembered (device, op_id);
CREATE TABLE conflict (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    device INTEGER NOT NULL,
    op_id INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    entity TEXT NOT NULL,
    client_version INTEGER NOT NULL,
    server_version INTEGER NOT NULL,
    again INTEGER NOT NULL
) STRICT;
CREATE TABLE replica (
    database INTEGER NOT NULL,
    device TEXT NOT NULL,
    resume INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    client TEXT NOT NULL,
    PRIMARY KEY (database, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE discarded (
    database INTEGER PRIMARY KEY
) STRICT;
";

/// Makes the schema, or brings it up to date, all or nothing. Whose file it is and of which version is looked at first.
pub(crate) fn bring_up(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let found = version_of(connection, file)?;
    if found == VERSION {
        return Ok(());
    }
    step_up(connection, found).map_err(|failure| {
        // Nothing of it stays if this fails as well: the connection is given up.
        let _: Result<(), rusqlite::Error> = connection.execute_batch("ROLLBACK");
        failure.while_writing(file)
    })
}

fn version_of(connection: &Connection, file: &Path) -> Result<u32, StoreError> {
    let ask = || -> Result<(u32, i32, bool), Failure> {
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let empty = connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", (), |row| row.get(0))?;
        Ok((version, application, empty))
    };
    let (version, application, empty) = ask().map_err(|failure| failure.while_reading(file))?;
    let path = file.display().to_string();
    if version == 0 && application == 0 && empty {
        Ok(0)
    } else if application != APPLICATION_ID || version == 0 {
        Err(StoreError::Damaged { at: path, what: "it is a database of something else".to_owned() })
    } else if version > VERSION {
        Err(StoreError::Newer { path, found: version, known: VERSION })
    } else {
        Ok(version)
    }
}

fn step_up(connection: &Connection, from: u32) -> Result<(), Failure> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for step in STEPS.iter().skip(from as usize) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_its_step_and_a_second_time_nothing_is_done() {
        assert_eq!(STEPS.len(), VERSION as usize);
        let connection = Connection::open_in_memory().unwrap();
        bring_up(&connection, Path::new("f")).unwrap();
        bring_up(&connection, Path::new("f")).unwrap();
    }

    #[test]
    fn a_newer_file_and_the_file_of_something_else_are_refused() {
        let connection = Connection::open_in_memory().unwrap();
        bring_up(&connection, Path::new("f")).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        let newer = bring_up(&connection, Path::new("f")).unwrap_err();
        assert!(matches!(newer, StoreError::Newer { found, known, .. } if (found, known) == (VERSION + 1, VERSION)));
        let other = Connection::open_in_memory().unwrap();
        other.execute_batch("CREATE TABLE t (a)").unwrap();
        assert!(matches!(bring_up(&other, Path::new("f")), Err(StoreError::Damaged { .. })));
    }
}
