use rusqlite::{Connection, OptionalExtension as _};
use sangam_storage::StoreError;
use sangam_storage::sync::{Database, Sweep, Swept, bytes_counted};

use super::change::{last_conflict, set_database};
use super::rows::{self, last_row_id, number_of, row_id, row_id_clamped};
use crate::errors::Failure;

const LOOK: &str = "SELECT log.id, log.collection, log.entity, log.deleted, log.previous, coalesce(length(log.body), 0), \
     (SELECT name FROM name WHERE id = log.device), (SELECT name FROM name WHERE id = log.collection) FROM log \
     WHERE log.id > ?1 AND log.id <= ?2 ORDER BY log.id LIMIT ?3";
const IS_CURRENT: &str = "SELECT 1 FROM entity WHERE collection = ?1 AND name = ?2 AND cursor = ?3";
const IS_THERE: &str = "SELECT 1 FROM log WHERE id = ?1";
const DROP_LOG: &str = "DELETE FROM log WHERE id = ?1";
const DROP_ENTITY: &str = "DELETE FROM entity WHERE collection = ?1 AND name = ?2";
const DROP_REMEMBERED: &str = "DELETE FROM remembered WHERE at_ms < ?3 AND id IN \
     (SELECT id FROM remembered WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?4)";
const DROP_CONFLICTS: &str = "DELETE FROM conflict WHERE id IN \
     (SELECT id FROM conflict WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3)";
const DROP_REPLICAS: &str = "DELETE FROM replica WHERE database = ?1 AND device IN \
     (SELECT device FROM replica WHERE database = ?1 AND seen_ms < ?2 LIMIT ?3)";

/// A row of the log that may go.
struct Candidate {
    id: i64,
    collection: i64,
    entity: String,
    deleted: bool,
    previous: u64,
    bytes: u64,
}

/// One step of clearing out, inside a transaction that is open.
///
/// A row goes only when no older one of its entity is left: whoever reads from the beginning must never see a body whose
/// tombstone is gone.
pub(crate) fn step(connection: &Connection, sweep: &Sweep) -> Result<Swept, Failure> {
    let found = rows::database(connection, &sweep.db)?;
    let numbered = found.ok_or_else(|| {
        let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such database");
        Failure::Store(StoreError::io(format!("database {:?}", sweep.db), missing))
    })?;
    let mut database = numbered.state;
    let until = sweep.superseded_to.max(sweep.tombstones_to).min(database.head);
    let candidates = look(connection, numbered.id, sweep, until)?;
    let before = database.totals.log_len;
    for candidate in &candidates {
        drop_if_unneeded(connection, numbered.id, sweep, candidate, &mut database)?;
    }
    let dropped = before - database.totals.log_len;
    if dropped > 0 {
        set_database(connection, numbered.id, &database)?;
    }
    let more = clear_remembered(connection, numbered.id, sweep)? | clear_conflicts(connection, numbered.id, sweep)?;
    if sweep.after == 0 {
        forget_replicas(connection, numbered.id, sweep)?;
    }
    let next = match candidates.last() {
        Some(last) if candidates.len() >= sweep.rows_max => Some(number_of(last.id)),
        _ if more => Some(until.max(sweep.after)),
        _ => None,
    };
    Ok(Swept { next, dropped, database })
}

fn look(connection: &Connection, database: i64, sweep: &Sweep, until: u64) -> Result<Vec<Candidate>, Failure> {
    let from = row_id_clamped(database, sweep.after)?;
    let limit = i64::try_from(sweep.rows_max).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(LOOK)?;
    let mut rows = statement.query((from, row_id(database, until)?, limit))?;
    let mut candidates = Vec::new();
    while let Some(row) = rows.next()? {
        let entity: String = row.get(2)?;
        let (device, collection) = (row.get_ref(6)?, row.get_ref(7)?);
        let (device, collection) = match (device.as_str(), collection.as_str()) {
            (Ok(device), Ok(collection)) => (device, collection),
            _ => return Err(Failure::Contradiction("an operation's replica or collection is missing".to_owned())),
        };
        let bytes = bytes_counted(device, collection, &entity, row.get(5)?);
        let (id, collection) = (row.get(0)?, row.get(1)?);
        candidates.push(Candidate { id, collection, entity, deleted: row.get(3)?, previous: row.get(4)?, bytes });
    }
    Ok(candidates)
}

fn drop_if_unneeded(
    connection: &Connection,
    id: i64,
    sweep: &Sweep,
    row: &Candidate,
    database: &mut Database,
) -> Result<(), Failure> {
    let cursor = number_of(row.id);
    let key = (row.collection, row.entity.as_str());
    let is_current = connection.prepare_cached(IS_CURRENT)?.exists((key.0, key.1, cursor))?;
    let limit = match (is_current, row.deleted) {
        (false, _) => sweep.superseded_to,
        (true, true) => sweep.tombstones_to,
        (true, false) => 0,
    };
    if cursor > limit || (row.previous != 0 && is_there(connection, row_id(id, row.previous)?)?) {
        return Ok(());
    }
    let totals = &mut database.totals;
    connection.prepare_cached(DROP_LOG)?.execute([row.id])?;
    totals.log_len = totals.log_len.saturating_sub(1);
    totals.bytes = totals.bytes.saturating_sub(row.bytes);
    if is_current {
        connection.prepare_cached(DROP_ENTITY)?.execute(key)?;
        totals.tombstones = totals.tombstones.saturating_sub(1);
        database.tombstones_to = database.tombstones_to.max(cursor);
    } else {
        totals.superseded = totals.superseded.saturating_sub(1);
    }
    Ok(())
}

fn is_there(connection: &Connection, id: i64) -> Result<bool, Failure> {
    let found: Option<i64> = connection.prepare_cached(IS_THERE)?.query_row([id], |row| row.get(0)).optional()?;
    Ok(found.is_some())
}

/// Whether there may be more to clear.
fn clear_remembered(connection: &Connection, database: i64, sweep: &Sweep) -> Result<bool, Failure> {
    let (first, last) = (row_id(database, 0)?, last_row_id(database)?);
    let before = i64::try_from(sweep.remembered_before_ms).unwrap_or(i64::MAX);
    let limit = i64::try_from(sweep.rows_max).unwrap_or(i64::MAX);
    let cleared = connection.prepare_cached(DROP_REMEMBERED)?.execute((first, last, before, limit))?;
    Ok(cleared > 0 && cleared >= sweep.rows_max)
}

/// Whether there may be more to clear.
fn clear_conflicts(connection: &Connection, database: i64, sweep: &Sweep) -> Result<bool, Failure> {
    let newest = last_conflict(connection, database)?;
    let until = row_id(database, newest.saturating_sub(sweep.conflicts_kept))?;
    let limit = i64::try_from(sweep.rows_max).unwrap_or(i64::MAX);
    let cleared = connection.prepare_cached(DROP_CONFLICTS)?.execute((row_id(database, 0)?, until, limit))?;
    Ok(cleared > 0 && cleared >= sweep.rows_max)
}

/// What is left over for the next pass does no harm.
fn forget_replicas(connection: &Connection, database: i64, sweep: &Sweep) -> Result<(), Failure> {
    let before = i64::try_from(sweep.replicas_seen_before_ms).unwrap_or(i64::MAX);
    let limit = i64::try_from(sweep.rows_max).unwrap_or(i64::MAX);
    connection.prepare_cached(DROP_REPLICAS)?.execute((database, before, limit))?;
    Ok(())
}
