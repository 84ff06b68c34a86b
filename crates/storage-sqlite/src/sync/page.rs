use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use sangam_storage::sync::{Kind, LogRef, PageEnd, PageQuery};

use super::names::Names;
use super::rows::{self, number_of, row_id, row_id_clamped};
use crate::errors::Failure;

const ROWS: &str = "SELECT id, collection, device, op_id, entity, deleted, version, at_ms, body FROM log \
     WHERE id > ?1 AND id <= ?2 ORDER BY id";

/// The same, with a body only where the collection is one of those that are asked for: a body that is not asked for may lie on
/// hundreds of pages that need not be read.
const ROWS_OF_SOME: &str = "SELECT id, collection, device, op_id, entity, deleted, version, at_ms, \
     CASE WHEN collection IN (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) THEN body END FROM log WHERE id > ?1 AND id <= ?2 ORDER BY id";
/// As many collections as [`ROWS_OF_SOME`] has room for.
const SOME: usize = 8;

/// Where the operation stands that made an entity what it is.
const CURRENT: &str = "SELECT cursor FROM entity WHERE collection = ?1 AND name = ?2";

/// Reads a page. Rows are handed on where SQLite has them, nothing is copied.
pub(crate) fn read(
    connection: &Connection,
    names: &mut Names,
    query: &PageQuery,
    each: &mut dyn FnMut(LogRef<'_>) -> ControlFlow<()>,
) -> Result<PageEnd, Failure> {
    let nothing = PageEnd { next: query.since, has_more: false };
    let Some(database) = rows::database(connection, &query.db)? else { return Ok(nothing) };
    // Who has read more than there is, of another life of the database, is not sent back.
    if query.since >= database.state.head {
        return Ok(nothing);
    }
    let exhausted = PageEnd { next: database.state.head, has_more: false };
    let wanted = Wanted::new(connection, names, database.id, query)?;
    if wanted.is_nothing() {
        return Ok(exhausted);
    }
    let (from, until) = (row_id_clamped(database.id, query.since)?, row_id(database.id, database.state.head)?);
    let mut statement = connection.prepare_cached(wanted.sql())?;
    let mut rows = statement.query(params_from_iter([from, until].into_iter().chain(wanted.parameters())))?;
    // Where nothing was overtaken nobody has to look.
    let may_be_overtaken = query.current_only && database.state.totals.superseded > 0;
    let (mut next, mut looked_at, mut given) = (query.since, 0, 0);
    while let Some(row) = rows.next()? {
        if looked_at >= query.scan_max {
            return Ok(PageEnd { next, has_more: true });
        }
        looked_at += 1;
        let cursor = number_of(row.get(0)?);
        if wanted.has(row.get(1)?) && !(may_be_overtaken && is_overtaken(connection, row, cursor)?) {
            // The one behind the last says that there is more.
            if given >= query.limit || give(connection, names, row, cursor, each)?.is_break() {
                return Ok(PageEnd { next, has_more: true });
            }
            given += 1;
        }
        next = cursor;
    }
    Ok(exhausted)
}

/// Whether a later operation on the same entity stands in the log.
fn is_overtaken(connection: &Connection, row: &Row<'_>, cursor: u64) -> Result<bool, Failure> {
    let collection: i64 = row.get(1)?;
    let entity = row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?;
    let current = connection.prepare_cached(CURRENT)?.query_row((collection, entity), |row| row.get(0)).optional()?;
    Ok(current.is_some_and(|current: u64| current != cursor))
}

fn give(
    connection: &Connection,
    names: &mut Names,
    row: &Row<'_>,
    cursor: u64,
    each: &mut dyn FnMut(LogRef<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Failure> {
    let collection = names.name(connection, row.get(1)?)?;
    let device = names.name(connection, row.get(2)?)?;
    Ok(each(LogRef {
        cursor,
        device: &device,
        op_id: row.get(3)?,
        collection: &collection,
        entity: row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?,
        kind: if row.get(5)? { Kind::Delete } else { Kind::Upsert },
        version: row.get(6)?,
        timestamp_ms: row.get(7)?,
        body: row.get_ref(8)?.as_bytes_or_null().map_err(rusqlite::Error::from)?,
    }))
}

/// The numbers of the collections that are asked for; `None`: of all.
struct Wanted(Option<Vec<i64>>);

impl Wanted {
    fn new(connection: &Connection, names: &mut Names, database: i64, query: &PageQuery) -> Result<Self, Failure> {
        let Some(collections) = &query.collections else { return Ok(Self(None)) };
        let mut ids = Vec::with_capacity(collections.len());
        for collection in collections {
            ids.extend(names.find(connection, database, collection)?);
        }
        ids.sort_unstable();
        Ok(Self(Some(ids)))
    }

    /// Whether nothing at all can be found.
    fn is_nothing(&self) -> bool {
        self.0.as_ref().is_some_and(Vec::is_empty)
    }

    /// The few whose bodies alone are read; `None`: all bodies are.
    fn few(&self) -> Option<&[i64]> {
        self.0.as_deref().filter(|ids| ids.len() <= SOME)
    }

    fn sql(&self) -> &'static str {
        if self.few().is_some() { ROWS_OF_SOME } else { ROWS }
    }

    /// Of [`Self::sql`], after those that say where. No collection has the number 0.
    fn parameters(&self) -> impl Iterator<Item = i64> {
        let few = self.few();
        let count = few.map_or(0, |_| SOME);
        (0..count).map(move |at| few.and_then(|few| few.get(at)).copied().unwrap_or(0))
    }

    fn has(&self, collection: i64) -> bool {
        self.0.as_ref().is_none_or(|ids| ids.binary_search(&collection).is_ok())
    }
}
