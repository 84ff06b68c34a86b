use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension as _, Row};
use sangam_storage::StoreError;
use sangam_storage::sync::{
    ConflictRow, Database, EntityKey, History, HistoryEntry, Kind, LogRef, Name, PageEnd, PageQuery, Replica,
    ReplicaQuery, Snapshot,
};

use super::names::Names;
use super::page;
use super::rows::{self, Numbered, database_columns, number_of, row_id, row_id_clamped};
use crate::errors::Failure;
use crate::reader::Reader;
use crate::schema::TENANT;

const DATABASES: &str =
    concat!("SELECT ", database_columns!(), " FROM database WHERE tenant = ?1 AND name > ?2 ORDER BY name LIMIT ?3");
const DATABASES_FROM_FIRST: &str =
    concat!("SELECT ", database_columns!(), " FROM database WHERE tenant = ?1 ORDER BY name LIMIT ?2");
const REPLICA: &str = "SELECT device, resume, seen_ms, client FROM replica WHERE database = ?1 AND device = ?2";
const REPLICAS: &str = "SELECT device, resume, seen_ms, client FROM replica \
     WHERE database = ?1 AND device > ?2 ORDER BY device LIMIT ?3";
const REPLICAS_FROM_FIRST: &str =
    "SELECT device, resume, seen_ms, client FROM replica WHERE database = ?1 ORDER BY device LIMIT ?2";
const RESUME_MIN: &str = "SELECT min(resume) FROM replica WHERE database = ?1 AND seen_ms >= ?2";
const NEXT_AT: &str = "SELECT id, at_ms FROM log WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT 1";
const LAST_BEFORE: &str = "SELECT id FROM log WHERE id > ?1 AND id < ?2 ORDER BY id DESC LIMIT 1";
const CURSOR_OF: &str = "SELECT cursor FROM entity WHERE collection = ?1 AND name = ?2";
const OPERATION: &str = "SELECT device, op_id, deleted, version, previous, at_ms, length(body) FROM log WHERE id = ?1";
const CONFLICTS: &str = "SELECT at_ms, device, op_id, collection, entity, client_version, server_version, again, id \
     FROM conflict WHERE id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";

/// The store as it was when something was first read through this.
///
/// The transaction begins with the first question and ends with the value; a job that asks nothing costs nothing.
pub(crate) struct SqliteSnapshot<'a> {
    reader: &'a mut Reader<Names>,
}

impl<'a> SqliteSnapshot<'a> {
    pub(crate) fn new(reader: &'a mut Reader<Names>) -> Self {
        Self { reader }
    }

    fn with<T>(&mut self, read: impl FnOnce(&Connection, &mut Names) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.reader.read(read)
    }
}

impl Drop for SqliteSnapshot<'_> {
    fn drop(&mut self) {
        self.reader.end();
    }
}

impl Snapshot for SqliteSnapshot<'_> {
    fn database(&mut self, name: &str) -> Result<Option<Database>, StoreError> {
        self.with(|connection, _| Ok(rows::database(connection, name)?.map(|numbered| numbered.state)))
    }

    fn databases(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<Database>, StoreError> {
        self.with(|connection, _| {
            let read = |row: &Row<'_>| rows::database_of(row).map(|numbered| numbered.state);
            let found = match after {
                Some(after) => connection
                    .prepare_cached(DATABASES)?
                    .query_map((TENANT, after, limited(limit)), read)?
                    .collect::<Result<_, _>>()?,
                None => connection
                    .prepare_cached(DATABASES_FROM_FIRST)?
                    .query_map((TENANT, limited(limit)), read)?
                    .collect::<Result<_, _>>()?,
            };
            Ok(found)
        })
    }

    fn page(
        &mut self,
        query: &PageQuery,
        each: &mut dyn FnMut(LogRef<'_>) -> ControlFlow<()>,
    ) -> Result<PageEnd, StoreError> {
        self.with(|connection, names| page::read(connection, names, query, each))
    }

    fn replica(&mut self, db: &str, device: &str) -> Result<Option<Replica>, StoreError> {
        self.with(|connection, _| {
            let Some(database) = rows::database(connection, db)? else { return Ok(None) };
            let mut statement = connection.prepare_cached(REPLICA)?;
            Ok(statement.query_row((database.id, device), replica_of).optional()?)
        })
    }

    fn replicas(&mut self, query: &ReplicaQuery) -> Result<Vec<Replica>, StoreError> {
        self.with(|connection, _| {
            let Some(database) = rows::database(connection, &query.db)? else { return Ok(Vec::new()) };
            let limit = limited(query.limit);
            let found = match &query.after {
                Some(after) => connection
                    .prepare_cached(REPLICAS)?
                    .query_map((database.id, &**after, limit), replica_of)?
                    .collect::<Result<_, _>>()?,
                None => connection
                    .prepare_cached(REPLICAS_FROM_FIRST)?
                    .query_map((database.id, limit), replica_of)?
                    .collect::<Result<_, _>>()?,
            };
            Ok(found)
        })
    }

    fn resume_min(&mut self, db: &str, seen_ms: u64) -> Result<Option<u64>, StoreError> {
        self.with(|connection, _| {
            let Some(database) = rows::database(connection, db)? else { return Ok(None) };
            let seen = clamped(seen_ms);
            Ok(connection.prepare_cached(RESUME_MIN)?.query_row((database.id, seen), |row| row.get(0))?)
        })
    }

    fn cursor_before(&mut self, db: &str, ms: u64) -> Result<u64, StoreError> {
        self.with(|connection, _| {
            let Some(database) = rows::database(connection, db)? else { return Ok(0) };
            cursor_before(connection, &database, ms)
        })
    }

    fn history(&mut self, db: &str, of: &EntityKey, limit: usize) -> Result<History, StoreError> {
        self.with(|connection, names| history(connection, names, db, of, limit))
    }

    fn conflicts(
        &mut self,
        db: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, ConflictRow)>, StoreError> {
        self.with(|connection, names| {
            let Some(database) = rows::database(connection, db)? else { return Ok(Vec::new()) };
            let end = row_id_clamped(database.id, before.unwrap_or(u64::MAX))?;
            let mut statement = connection.prepare_cached(CONFLICTS)?;
            let range = (row_id(database.id, 0)?, end, limited(limit));
            let mut rows = statement.query(range)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push((number_of(row.get(8)?), conflict_of(connection, names, row)?));
            }
            Ok(found)
        })
    }
}

/// SQLite knows no numbers above this one, and nothing that is stored is above it.
fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn replica_of(row: &Row<'_>) -> rusqlite::Result<Replica> {
    Ok(Replica {
        device: Name::from(row.get_ref(0)?.as_str()?),
        resume: row.get(1)?,
        seen_ms: row.get(2)?,
        client: Name::from(row.get_ref(3)?.as_str()?),
    })
}

fn conflict_of(connection: &Connection, names: &mut Names, row: &Row<'_>) -> Result<ConflictRow, Failure> {
    let entity = Name::from(row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?);
    Ok(ConflictRow {
        at_ms: row.get(0)?,
        device: names.name(connection, row.get(1)?)?,
        op_id: row.get(2)?,
        of: EntityKey { collection: names.name(connection, row.get(3)?)?, entity },
        client_version: row.get(5)?,
        server_version: row.get(6)?,
        again: row.get(7)?,
    })
}

/// By halves, as times grow with cursors. Where a clock was set back they do not, and one of the boundaries is found.
fn cursor_before(connection: &Connection, database: &Numbered, ms: u64) -> Result<u64, Failure> {
    let mut next_at = connection.prepare_cached(NEXT_AT)?;
    let end = row_id(database.id, database.state.head)?;
    // Everything below `low` is too old to be the answer's successor; the first row at or after `high` is not before `ms`.
    let (mut low, mut high) = (1, database.state.head + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, u64)> =
            next_at.query_row((row_id(database.id, middle)?, end), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((id, at_ms)) if at_ms < ms => low = number_of(id) + 1,
            _ => high = middle,
        }
    }
    let range = (row_id(database.id, 0)?, row_id(database.id, low)?);
    let last: Option<i64> = connection.prepare_cached(LAST_BEFORE)?.query_row(range, |row| row.get(0)).optional()?;
    Ok(last.map_or(0, number_of))
}

/// Follows the chain of an entity's operations from its newest on, until it ends or was swept.
fn history(
    connection: &Connection,
    names: &mut Names,
    db: &str,
    of: &EntityKey,
    limit: usize,
) -> Result<History, Failure> {
    let mut history = History { entries: Vec::new(), has_more: false };
    let Some(database) = rows::database(connection, db)? else { return Ok(history) };
    let Some(collection) = names.find(connection, database.id, &of.collection)? else { return Ok(history) };
    let newest = connection.prepare_cached(CURSOR_OF)?.query_row((collection, &*of.entity), |row| row.get(0));
    let mut cursor: u64 = newest.optional()?.unwrap_or(0);
    let mut operation = connection.prepare_cached(OPERATION)?;
    while cursor != 0 {
        let mut rows = operation.query([row_id(database.id, cursor)?])?;
        let Some(row) = rows.next()? else { break };
        if history.entries.len() >= limit {
            history.has_more = true;
            break;
        }
        let previous: u64 = row.get(4)?;
        history.entries.push(HistoryEntry {
            cursor,
            device: names.name(connection, row.get(0)?)?,
            op_id: row.get(1)?,
            kind: if row.get(2)? { Kind::Delete } else { Kind::Upsert },
            version: row.get(3)?,
            body_len: row.get::<_, Option<usize>>(6)?.unwrap_or(0),
            timestamp_ms: row.get(5)?,
        });
        if previous >= cursor {
            return Err(Failure::Contradiction(format!("operation {cursor} comes after {previous}")));
        }
        cursor = previous;
    }
    Ok(history)
}
