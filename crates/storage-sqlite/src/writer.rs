use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};
use sangam_storage::StoreError;
use sangam_storage::sync::{Change, Database, EntityKey, EntityState, Found, SettledKey, Sweep, Swept, Writer};

use crate::errors::{Failure, not_reopened};
use crate::lock::Lock;
use crate::names::Names;
use crate::rows::{self, fingerprint_of, row_id_clamped};
use crate::{SqliteOptions, change, connection, discard, sweep};

const ENTITY: &str = "SELECT cursor, version, device, op_id, deleted, modified_ms, bytes, fingerprint FROM entity \
     WHERE collection = ?1 AND name = ?2";
const REMEMBERED: &str = "SELECT version, digest FROM remembered \
     WHERE device = ?1 AND op_id = ?2 AND collection = ?3 AND entity = ?4 ORDER BY id";
const BODY: &str = "SELECT body FROM log WHERE id = ?1";

/// Of a database that was reset, so many rows are dropped whenever there is time.
const DISCARDED_AT_ONCE: usize = 512;

/// The one connection that writes.
#[derive(Debug)]
pub(crate) struct SqliteWriter {
    file: PathBuf,
    options: SqliteOptions,
    /// `None`: it failed, and has not been opened anew yet.
    connection: Option<Connection>,
    names: Names,
    /// Whether the log of before is in the file. Until it is, nothing may be written, nor decided upon what it holds: a
    /// repetition of what is not on the disk must not be acknowledged either.
    is_restarted: bool,
    /// Whether rows of databases that were reset may be left.
    discarded: bool,
    _lock: Arc<Lock>,
}

impl SqliteWriter {
    pub(crate) fn open(file: PathBuf, options: SqliteOptions, lock: Arc<Lock>) -> Result<Self, StoreError> {
        let names = Names::new(options.names_max);
        let mut writer =
            Self { file, options, connection: None, names, is_restarted: false, discarded: false, _lock: lock };
        writer.open_anew()?;
        Ok(writer)
    }

    fn open_anew(&mut self) -> Result<(), StoreError> {
        self.connection = None;
        self.names = Names::new(self.options.names_max);
        let (opened, is_restarted) = connection::open_writer(&self.file, &self.options)?;
        self.discarded = discard::is_any(&opened).map_err(|failure| failure.while_reading(&self.file))?;
        self.connection = Some(opened);
        self.is_restarted = is_restarted;
        Ok(())
    }

    /// Reads, all of it at one moment and under one lock.
    fn reading<T>(
        &mut self,
        read: impl FnOnce(&Connection, &mut Names) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let Some(connection) = &self.connection else { return Err(not_reopened(&self.file)) };
        let (names, is_restarted) = (&mut self.names, &mut self.is_restarted);
        let all = || -> Result<T, Failure> {
            restart_once(connection, is_restarted)?;
            connection.prepare_cached("BEGIN")?.execute(())?;
            let read = read(connection, names)?;
            connection.prepare_cached("COMMIT")?.execute(())?;
            Ok(read)
        };
        all().map_err(|failure| {
            if !connection.is_autocommit() {
                let _: Result<(), rusqlite::Error> = connection.execute_batch("ROLLBACK");
            }
            failure.while_reading(&self.file)
        })
    }

    /// Writes, all of it or nothing, and durable when it returns.
    fn writing<T>(
        &mut self,
        write: impl FnOnce(&Connection, &mut Names) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let Some(connection) = &self.connection else { return Err(not_reopened(&self.file)) };
        let (names, is_restarted) = (&mut self.names, &mut self.is_restarted);
        let all = || -> Result<T, Failure> {
            restart_once(connection, is_restarted)?;
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
            let written = write(connection, names)?;
            connection.prepare_cached("COMMIT")?.execute(())?;
            Ok(written)
        };
        match all() {
            Ok(written) => {
                self.names.commit();
                Ok(written)
            }
            Err(failure) => Err(self.roll_back(failure)),
        }
    }

    fn roll_back(&mut self, failure: Failure) -> StoreError {
        self.names.roll_back();
        let error = failure.while_writing(&self.file);
        let rolled_back = match &self.connection {
            Some(connection) if !connection.is_autocommit() => connection.execute_batch("ROLLBACK"),
            _ => Ok(()),
        };
        if matches!(error, StoreError::Uncertain { .. }) {
            self.connection = None;
            return error;
        }
        match rolled_back {
            Ok(()) => error,
            Err(source) => {
                self.connection = None;
                StoreError::Uncertain { at: self.file.display().to_string(), source: Box::new(source) }
            }
        }
    }
}

impl Drop for SqliteWriter {
    /// Readers that are closed later cannot copy the log into the file; whoever copies files then would miss it.
    fn drop(&mut self) {
        let Some(connection) = &self.connection else { return };
        if let Err(failure) = connection::checkpoint(connection) {
            tracing::warn!(?failure, file = %self.file.display(), "the log was not copied into the file; it is when the store is opened");
        }
    }
}

impl Writer for SqliteWriter {
    fn databases(&mut self, names: &[&str]) -> Result<Vec<Database>, StoreError> {
        self.reading(|connection, _| {
            let mut found = Vec::with_capacity(names.len());
            for name in names {
                found.extend(rows::database(connection, name)?.map(|numbered| numbered.state));
            }
            Ok(found)
        })
    }

    fn entities(&mut self, db: &str, keys: &[EntityKey]) -> Result<Vec<(EntityKey, EntityState)>, StoreError> {
        self.reading(|connection, names| {
            let Some(database) = rows::database(connection, db)? else { return Ok(Vec::new()) };
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                found.extend(entity(connection, names, database.id, key)?.map(|state| (key.clone(), state)));
            }
            Ok(found)
        })
    }

    fn settled(&mut self, db: &str, keys: &[SettledKey]) -> Result<Found, StoreError> {
        self.reading(|connection, names| {
            let mut found = Found::default();
            let Some(database) = rows::database(connection, db)? else { return Ok(found) };
            for key in keys {
                remembered(connection, names, database.id, key, &mut found)?;
            }
            Ok(found)
        })
    }

    fn bodies(&mut self, db: &str, cursors: &[u64]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.reading(|connection, _| {
            let Some(database) = rows::database(connection, db)? else { return Ok(vec![None; cursors.len()]) };
            let mut body = connection.prepare_cached(BODY)?;
            let mut read = |cursor: &u64| -> Result<Option<Bytes>, Failure> {
                let id = row_id_clamped(database.id, *cursor)?;
                let found: Option<Option<Vec<u8>>> = body.query_row([id], |row| row.get(0)).optional()?;
                Ok(found.flatten().map(Bytes::from))
            };
            cursors.iter().map(&mut read).collect()
        })
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.writing(|connection, names| changes.iter().try_for_each(|change| change::apply(connection, names, change)))
    }

    fn sweep(&mut self, sweep: &Sweep) -> Result<Swept, StoreError> {
        let discarded = self.discarded;
        let (swept, left) = self.writing(|connection, _| {
            let mut swept = sweep::step(connection, sweep)?;
            let left = discarded && discard::step(connection, sweep.rows_max)?;
            if left && swept.next.is_none() {
                swept.next = Some(sweep.after.max(sweep.superseded_to).max(sweep.tombstones_to));
            }
            Ok((swept, left))
        })?;
        self.discarded = left;
        Ok(swept)
    }

    fn reset(&mut self, database: &Database) -> Result<(), StoreError> {
        self.writing(|connection, names| change::reset(connection, names, database))?;
        self.discarded = true;
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<u64, StoreError> {
        if self.discarded {
            self.discarded = self.writing(|connection, _| discard::step(connection, DISCARDED_AT_ONCE))?;
        }
        let Some(connection) = &self.connection else { return Err(not_reopened(&self.file)) };
        let left = connection::checkpoint(connection).map_err(|failure| failure.while_reading(&self.file))?;
        // While rows of a database that was reset are left, there is more to do: whoever calls comes again.
        Ok(left.max(u64::from(self.discarded)))
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.open_anew()
    }
}

fn restart_once(connection: &Connection, is_restarted: &mut bool) -> Result<(), Failure> {
    if !*is_restarted {
        connection::restart_wal(connection)?;
        *is_restarted = true;
    }
    Ok(())
}

fn entity(
    connection: &Connection,
    names: &mut Names,
    database: i64,
    key: &EntityKey,
) -> Result<Option<EntityState>, Failure> {
    let Some(collection) = names.find(connection, database, &key.collection)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(ENTITY)?;
    let mut rows = statement.query((collection, &*key.entity))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(EntityState {
        cursor: row.get(0)?,
        version: row.get(1)?,
        device: names.name(connection, row.get(2)?)?,
        op_id: row.get(3)?,
        deleted: row.get(4)?,
        modified_ms: row.get(5)?,
        bytes: row.get(6)?,
        fingerprint: fingerprint_of(row, 7)?,
    }))
}

/// Adds what is known of `key`: the highest version it was settled with, and how it was refused last.
fn remembered(
    connection: &Connection,
    names: &mut Names,
    database: i64,
    key: &SettledKey,
    found: &mut Found,
) -> Result<(), Failure> {
    let device = names.find(connection, database, &key.device)?;
    let collection = names.find(connection, database, &key.of.collection)?;
    let (Some(device), Some(collection)) = (device, collection) else { return Ok(()) };
    let mut statement = connection.prepare_cached(REMEMBERED)?;
    let mut rows = statement.query((device, key.op_id, collection, &*key.of.entity))?;
    let (mut settled, mut refused) = (None, None);
    while let Some(row) = rows.next()? {
        match row.get::<_, Option<u64>>(0)? {
            Some(version) => settled = settled.max(Some(version)),
            None => refused = Some(fingerprint_of(row, 1)?),
        }
    }
    found.settled.extend(settled.map(|version| (key.clone(), version)));
    found.refused.extend(refused.map(|digest| (key.clone(), digest)));
    Ok(())
}
