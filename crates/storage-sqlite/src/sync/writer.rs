use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};
use sangam_storage::StoreError;
use sangam_storage::sync::{Change, Database, EntityKey, EntityState, Found, SettledKey, Sweep, Swept, Writer};

use super::names::Names;
use super::rows::{self, fingerprint_of, row_id_clamped};
use super::{AREA, change, discard, sweep};
use crate::SqliteOptions;
use crate::errors::Failure;
use crate::frame::Frame;
use crate::lock::Lock;

const ENTITY: &str = "SELECT cursor, version, device, op_id, deleted, modified_ms, bytes, fingerprint FROM entity \
     WHERE collection = ?1 AND name = ?2";
const REMEMBERED: &str = "SELECT version, digest FROM remembered \
     WHERE device = ?1 AND op_id = ?2 AND collection = ?3 AND entity = ?4 ORDER BY id";
const BODY: &str = "SELECT body FROM log WHERE id = ?1";

/// Of a database that was reset, so many rows are dropped whenever there is time.
const DISCARDED_AT_ONCE: usize = 512;

/// What writes.
#[derive(Debug)]
pub(crate) struct SqliteWriter {
    frame: Frame<Names>,
    /// Whether rows of databases that were reset may be left.
    discarded: bool,
}

impl SqliteWriter {
    pub(crate) fn open(file: PathBuf, options: SqliteOptions, lock: Arc<Lock>) -> Result<Self, StoreError> {
        let mut writer = Self { frame: Frame::open(file, options, &AREA, lock)?, discarded: false };
        writer.discarded = writer.frame.look(discard::is_any)?;
        Ok(writer)
    }
}

impl Writer for SqliteWriter {
    fn databases(&mut self, names: &[&str]) -> Result<Vec<Database>, StoreError> {
        self.frame.reading(|connection, _| {
            let mut found = Vec::with_capacity(names.len());
            for name in names {
                found.extend(rows::database(connection, name)?.map(|numbered| numbered.state));
            }
            Ok(found)
        })
    }

    fn entities(&mut self, db: &str, keys: &[EntityKey]) -> Result<Vec<(EntityKey, EntityState)>, StoreError> {
        self.frame.reading(|connection, names| {
            let Some(database) = rows::database(connection, db)? else { return Ok(Vec::new()) };
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                found.extend(entity(connection, names, database.id, key)?.map(|state| (key.clone(), state)));
            }
            Ok(found)
        })
    }

    fn settled(&mut self, db: &str, keys: &[SettledKey]) -> Result<Found, StoreError> {
        self.frame.reading(|connection, names| {
            let mut found = Found::default();
            let Some(database) = rows::database(connection, db)? else { return Ok(found) };
            for key in keys {
                remembered(connection, names, database.id, key, &mut found)?;
            }
            Ok(found)
        })
    }

    fn bodies(&mut self, db: &str, cursors: &[u64]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.frame.reading(|connection, _| {
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
        self.frame
            .writing(|connection, names| changes.iter().try_for_each(|change| change::apply(connection, names, change)))
    }

    fn sweep(&mut self, sweep: &Sweep) -> Result<Swept, StoreError> {
        let discarded = self.discarded;
        let (swept, left) = self.frame.writing(|connection, _| {
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
        self.frame.writing(|connection, names| change::reset(connection, names, database))?;
        self.discarded = true;
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<u64, StoreError> {
        if self.discarded {
            self.discarded = self.frame.writing(|connection, _| discard::step(connection, DISCARDED_AT_ONCE))?;
        }
        let left = self.frame.checkpoint()?;
        // While rows of a database that was reset are left, there is more to do: whoever calls comes again.
        Ok(left.max(u64::from(self.discarded)))
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.frame.open_anew()?;
        self.discarded = self.frame.look(discard::is_any)?;
        Ok(())
    }
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
