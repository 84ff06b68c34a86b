use std::path::Path;

use rusqlite::Connection;
use sangam_storage::StoreError;

use crate::errors::Failure;

/// Tenants are a thing of later: until then there is this one.
pub(crate) const TENANT: &str = "default";

/// How the file of an area is made and brought up to date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    /// Stands in the file's header. What says otherwise is somebody else's file.
    pub(crate) application_id: [u8; 4],
    /// What each version of the schema adds to the one before; the first makes it. Files that were written are never changed
    /// otherwise.
    pub(crate) versions: &'static [&'static str],
}

impl Steps {
    /// The newest schema: `PRAGMA user_version`.
    fn newest(&self) -> u32 {
        u32::try_from(self.versions.len()).unwrap_or(u32::MAX)
    }

    fn application(&self) -> i32 {
        i32::from_be_bytes(self.application_id)
    }
}

/// Makes the schema, or brings it up to date, all or nothing. Whose file it is and of which version is looked at first.
pub(crate) fn bring_up(connection: &Connection, file: &Path, steps: &Steps) -> Result<(), StoreError> {
    let found = version_of(connection, file, steps)?;
    if found == steps.newest() {
        return Ok(());
    }
    step_up(connection, found, steps).map_err(|failure| {
        // Nothing of it stays if this fails as well: the connection is given up.
        let _: Result<(), rusqlite::Error> = connection.execute_batch("ROLLBACK");
        failure.while_writing(file)
    })
}

fn version_of(connection: &Connection, file: &Path, steps: &Steps) -> Result<u32, StoreError> {
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
    } else if application != steps.application() || version == 0 {
        Err(StoreError::Damaged { at: path, what: "it is a database of something else".to_owned() })
    } else if version > steps.newest() {
        Err(StoreError::Newer { path, found: version, known: steps.newest() })
    } else {
        Ok(version)
    }
}

fn step_up(connection: &Connection, from: u32, steps: &Steps) -> Result<(), Failure> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for step in steps.versions.iter().skip(from as usize) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "application_id", steps.application())?;
    connection.pragma_update(None, "user_version", steps.newest())?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Steps = Steps { application_id: *b"SGxx", versions: &["CREATE TABLE a (x)"] };
    const NEW: Steps = Steps { application_id: *b"SGxx", versions: &["CREATE TABLE a (x)", "CREATE TABLE b (x)"] };
    const OTHER: Steps = Steps { application_id: *b"SGyy", ..OLD };

    #[test]
    fn an_older_file_is_brought_up_to_date_and_a_second_time_nothing_is_done() {
        let connection = Connection::open_in_memory().unwrap();
        for steps in [&OLD, &OLD, &NEW, &NEW] {
            bring_up(&connection, Path::new("f"), steps).unwrap();
        }
        connection.execute("INSERT INTO b VALUES (1)", ()).unwrap();
    }

    #[test]
    fn a_newer_file_and_the_file_of_something_else_are_refused() {
        let connection = Connection::open_in_memory().unwrap();
        bring_up(&connection, Path::new("f"), &NEW).unwrap();
        let newer = bring_up(&connection, Path::new("f"), &OLD).unwrap_err();
        assert!(matches!(newer, StoreError::Newer { found: 2, known: 1, .. }), "{newer:?}");
        let other = bring_up(&connection, Path::new("f"), &OTHER);
        assert!(matches!(other, Err(StoreError::Damaged { .. })), "another area's: {other:?}");
        let foreign = Connection::open_in_memory().unwrap();
        foreign.execute_batch("CREATE TABLE t (a)").unwrap();
        assert!(matches!(bring_up(&foreign, Path::new("f"), &OLD), Err(StoreError::Damaged { .. })));
    }
}
