use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _};
use sangam_storage::StoreError;
use sangam_storage::sync::{
    Change, ConflictRow, Database, EntityKey, EntityState, Fingerprint, Kind, LogEntry, Replica, SettledKey,
};

use super::names::Names;
use super::rows::{self, number_of, row_id};
use crate::errors::Failure;
use crate::schema::TENANT;

const ADD_DATABASE: &str = "INSERT INTO database (tenant, name, epoch, head, tombstones_to, log_len, superseded, live, \
     tombstones, bytes, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const SET_DATABASE: &str = "UPDATE database SET epoch = ?2, head = ?3, tombstones_to = ?4, log_len = ?5, superseded = ?6, \
     live = ?7, tombstones = ?8, bytes = ?9, created_ms = ?10 WHERE id = ?1";
const RENUMBER: &str = "UPDATE database SET id = (SELECT max(id) + 1 FROM database) WHERE id = ?1 RETURNING id";
const DISCARD: &str = "INSERT INTO discarded (database) VALUES (?1)";
const CURSOR_OF: &str = "SELECT cursor FROM entity WHERE collection = ?1 AND name = ?2";
const ADD_LOG: &str = "INSERT INTO log (id, device, op_id, collection, entity, deleted, version, previous, at_ms, body) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
const SET_ENTITY: &str = "INSERT OR REPLACE INTO entity (collection, name, cursor, version, device, op_id, deleted, \
     modified_ms, bytes, fingerprint) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
const REMEMBER: &str = "INSERT INTO remembered (id, device, op_id, collection, entity, at_ms, version, digest) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const ADD_CONFLICT: &str = "INSERT INTO conflict (id, at_ms, device, op_id, collection, entity, client_version, \
     server_version, again) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const SET_REPLICA: &str =
    "INSERT OR REPLACE INTO replica (database, device, resume, seen_ms, client) VALUES (?1, ?2, ?3, ?4, ?5)";
const LAST_REMEMBERED: &str = "SELECT id FROM remembered WHERE id > ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1";
const LAST_CONFLICT: &str = "SELECT id FROM conflict WHERE id > ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1";

/// Writes one database inside a transaction that is open.
pub(crate) struct Applying<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) names: &'a mut Names,
    /// Its number.
    pub(crate) database: i64,
}

/// Writes a change, if the database is what the change was made for.
pub(crate) fn apply(connection: &Connection, names: &mut Names, change: &Change) -> Result<(), Failure> {
    check(change)?;
    let found = rows::database(connection, &change.database.name)?;
    let head = found.as_ref().map_or(0, |found| found.state.head);
    if head != change.head_before {
        let db = change.database.name.to_string();
        return Err(StoreError::Overtaken { db, expected: change.head_before, found: head }.into());
    }
    let database = match found {
        Some(found) => {
            set_database(connection, found.id, &change.database)?;
            found.id
        }
        None => add_database(connection, &change.database)?,
    };
    let mut applying = Applying { connection, names, database };
    applying.log(&change.log)?;
    applying.entities(&change.entities)?;
    applying.settled(&change.settled, change.at_ms)?;
    applying.refused(&change.refused, change.at_ms)?;
    applying.conflicts(&change.conflicts)?;
    applying.replicas(&change.replicas)
}

/// Cursors must be dense: nothing else would find a hole again.
fn check(change: &Change) -> Result<(), Failure> {
    let mut cursor = change.head_before;
    for entry in &change.log {
        cursor += 1;
        if entry.cursor != cursor || (entry.kind == Kind::Delete) != entry.body.is_none() {
            return Err(Failure::refused(format!(
                "a change has an operation at {} where {cursor} comes next, or one without its body",
                entry.cursor
            )));
        }
    }
    if cursor == change.database.head {
        return Ok(());
    }
    let head = change.database.head;
    Err(Failure::refused(format!("a change says that the head is {head}, and its operations end at {cursor}")))
}

/// Empties a database: its rows keep their number, which belongs to nobody from now on.
pub(crate) fn reset(connection: &Connection, names: &mut Names, database: &Database) -> Result<(), Failure> {
    let Some(found) = rows::database(connection, &database.name)? else {
        add_database(connection, database)?;
        return Ok(());
    };
    connection.prepare_cached(DISCARD)?.execute([found.id])?;
    let id = connection.prepare_cached(RENUMBER)?.query_row([found.id], |row| row.get(0))?;
    names.forget(found.id);
    set_database(connection, id, database)
}

fn add_database(connection: &Connection, database: &Database) -> Result<i64, Failure> {
    let totals = &database.totals;
    Ok(connection.prepare_cached(ADD_DATABASE)?.insert((
        TENANT,
        &*database.name,
        database.epoch.0.to_be_bytes(),
        database.head,
        database.tombstones_to,
        totals.log_len,
        totals.superseded,
        totals.live,
        totals.tombstones,
        totals.bytes,
        database.created_ms,
    ))?)
}

/// Writes the row of a database.
pub(crate) fn set_database(connection: &Connection, id: i64, database: &Database) -> Result<(), Failure> {
    let totals = &database.totals;
    connection.prepare_cached(SET_DATABASE)?.execute((
        id,
        database.epoch.0.to_be_bytes(),
        database.head,
        database.tombstones_to,
        totals.log_len,
        totals.superseded,
        totals.live,
        totals.tombstones,
        totals.bytes,
        database.created_ms,
    ))?;
    Ok(())
}

impl Applying<'_> {
    fn number(&mut self, name: &sangam_storage::sync::Name) -> Result<i64, Failure> {
        self.names.find_or_add(self.connection, self.database, name)
    }

    fn log(&mut self, log: &[LogEntry]) -> Result<(), Failure> {
        let mut add = self.connection.prepare_cached(ADD_LOG)?;
        let mut cursor_of = self.connection.prepare_cached(CURSOR_OF)?;
        let mut newest: HashMap<(i64, &str), u64> = HashMap::with_capacity(log.len());
        for entry in log {
            let device = self.number(&entry.device)?;
            let collection = self.number(&entry.of.collection)?;
            let entity = &*entry.of.entity;
            let previous: u64 = match newest.insert((collection, entity), entry.cursor) {
                Some(cursor) => cursor,
                None => cursor_of.query_row((collection, entity), |row| row.get(0)).optional()?.unwrap_or(0),
            };
            add.execute((
                row_id(self.database, entry.cursor)?,
                device,
                entry.op_id,
                collection,
                entity,
                entry.kind == Kind::Delete,
                entry.version,
                previous,
                entry.timestamp_ms,
                entry.body.as_deref(),
            ))?;
        }
        Ok(())
    }

    fn entities(&mut self, entities: &[(EntityKey, EntityState)]) -> Result<(), Failure> {
        let mut set = self.connection.prepare_cached(SET_ENTITY)?;
        for (key, state) in entities {
            set.execute((
                self.number(&key.collection)?,
                &*key.entity,
                state.cursor,
                state.version,
                self.number(&state.device)?,
                state.op_id,
                state.deleted,
                state.modified_ms,
                state.bytes,
                &state.fingerprint.0[..],
            ))?;
        }
        Ok(())
    }

    fn settled(&mut self, settled: &[(SettledKey, u64)], at_ms: u64) -> Result<(), Failure> {
        self.remember(settled.iter().map(|(key, version)| (key, Some(*version), None)), at_ms)
    }

    fn refused(&mut self, refused: &[(SettledKey, Fingerprint)], at_ms: u64) -> Result<(), Failure> {
        self.remember(refused.iter().map(|(key, digest)| (key, None, Some(digest))), at_ms)
    }

    fn remember<'a>(
        &mut self,
        keys: impl ExactSizeIterator<Item = (&'a SettledKey, Option<u64>, Option<&'a Fingerprint>)>,
        at_ms: u64,
    ) -> Result<(), Failure> {
        if keys.len() == 0 {
            return Ok(());
        }
        let mut number = last_number(self.connection, LAST_REMEMBERED, self.database)?;
        let mut add = self.connection.prepare_cached(REMEMBER)?;
        for (key, version, digest) in keys {
            number += 1;
            add.execute((
                row_id(self.database, number)?,
                self.number(&key.device)?,
                key.op_id,
                self.number(&key.of.collection)?,
                &*key.of.entity,
                at_ms,
                version,
                digest.map(|digest| &digest.0[..]),
            ))?;
        }
        Ok(())
    }

    fn conflicts(&mut self, conflicts: &[ConflictRow]) -> Result<(), Failure> {
        if conflicts.is_empty() {
            return Ok(());
        }
        let mut number = last_conflict(self.connection, self.database)?;
        let mut add = self.connection.prepare_cached(ADD_CONFLICT)?;
        for conflict in conflicts {
            number += 1;
            add.execute((
                row_id(self.database, number)?,
                conflict.at_ms,
                self.number(&conflict.device)?,
                conflict.op_id,
                self.number(&conflict.of.collection)?,
                &*conflict.of.entity,
                conflict.client_version,
                conflict.server_version,
                conflict.again,
            ))?;
        }
        Ok(())
    }

    fn replicas(&mut self, replicas: &[Replica]) -> Result<(), Failure> {
        let mut set = self.connection.prepare_cached(SET_REPLICA)?;
        for replica in replicas {
            set.execute((self.database, &*replica.device, replica.resume, replica.seen_ms, &*replica.client))?;
        }
        Ok(())
    }
}

/// The number of the newest conflict of a database, 0 if there is none.
pub(crate) fn last_conflict(connection: &Connection, database: i64) -> Result<u64, Failure> {
    last_number(connection, LAST_CONFLICT, database)
}

fn last_number(connection: &Connection, sql: &str, database: i64) -> Result<u64, Failure> {
    let range = (row_id(database, 0)?, rows::last_row_id(database)?);
    let last: Option<i64> = connection.prepare_cached(sql)?.query_row(range, |row| row.get(0)).optional()?;
    Ok(last.map_or(0, number_of))
}
