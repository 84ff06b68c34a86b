use std::ops::ControlFlow;

use bytes::Bytes;
use sangam_storage::StoreError;
use sangam_storage::sync::{LogRef, PageEnd, PageQuery, Snapshot};
use sangam_sync_proto::Name;
use sangam_sync_proto::message::PageEncoder;
use sangam_sync_proto::rows::{EntityKey, Epoch, LogEntry};

use super::{Page, PageRequest, Rows};

/// About what an operation takes besides its names and body: keys, numbers.
const OPERATION_BYTES: usize = 128;

/// How much is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) bytes_max: usize,
    pub(super) scan_max: usize,
}

/// A page without operations; `next` is where the reader stands.
pub(super) fn empty_page(db: &Name, next: u64, epoch: Epoch) -> Page {
    let body = PageEncoder::new(db).finish(next, false);
    Page { body, operations: 0, next, has_more: false, epoch, ahead: false, too_old: false }
}

/// Reads a page and encodes each row where it lies. `None`: the database is not there.
pub(super) fn page(
    snapshot: &mut dyn Snapshot,
    request: &PageRequest,
    extent: Extent,
) -> Result<Option<Page>, StoreError> {
    let Some(database) = snapshot.database(&request.db)? else { return Ok(None) };
    let mut encoder = PageEncoder::new(&request.db);
    let end = snapshot.page(&query(request, extent, true), &mut |row| {
        if !encoder.is_empty() && encoder.bytes_len() + row_bytes(&row) > extent.bytes_max {
            return ControlFlow::Break(());
        }
        encoder.push(
            row.cursor,
            row.device,
            row.collection,
            row.entity,
            row.kind,
            row.version,
            row.body,
            row.timestamp_ms,
        );
        ControlFlow::Continue(())
    })?;
    let operations = encoder.len();
    Ok(Some(Page {
        body: encoder.finish(end.next, end.has_more),
        operations,
        next: end.next,
        has_more: end.has_more,
        epoch: database.epoch,
        ahead: false,
        too_old: request.since > 0 && request.since < database.tombstones_to,
    }))
}

/// The same as rows; with bodies, what was overtaken is left out as well.
pub(super) fn rows(
    snapshot: &mut dyn Snapshot,
    request: &PageRequest,
    extent: Extent,
    bodies: bool,
) -> Result<Rows, StoreError> {
    let Some(database) = snapshot.database(&request.db)? else { return Ok(no_rows(request.since)) };
    let mut entries: Vec<LogEntry> = Vec::new();
    let mut bytes = 0;
    let PageEnd { next, has_more } = snapshot.page(&query(request, extent, bodies), &mut |row| {
        bytes += row_bytes(&row) - if bodies { 0 } else { row.body.map_or(0, <[u8]>::len) };
        if !entries.is_empty() && bytes > extent.bytes_max {
            return ControlFlow::Break(());
        }
        entries.push(entry(&row, bodies));
        ControlFlow::Continue(())
    })?;
    Ok(Rows { entries, next, has_more, head: database.head, tombstones_to: database.tombstones_to })
}

pub(super) fn no_rows(since: u64) -> Rows {
    Rows { entries: Vec::new(), next: since, has_more: false, head: 0, tombstones_to: 0 }
}

fn query(request: &PageRequest, extent: Extent, current_only: bool) -> PageQuery {
    PageQuery {
        db: Name::clone(&request.db),
        since: request.since,
        limit: usize::try_from(request.limit).unwrap_or(usize::MAX),
        collections: request.collections.clone(),
        current_only,
        scan_max: extent.scan_max,
    }
}

fn entry(row: &LogRef<'_>, bodies: bool) -> LogEntry {
    LogEntry {
        cursor: row.cursor,
        device: Name::clone(row.device),
        op_id: row.op_id,
        of: EntityKey { collection: Name::clone(row.collection), entity: row.entity.into() },
        kind: row.kind,
        version: row.version,
        body: row.body.filter(|_| bodies).map(Bytes::copy_from_slice),
        timestamp_ms: row.timestamp_ms,
    }
}

fn row_bytes(row: &LogRef<'_>) -> usize {
    let names = row.device.len() + row.collection.len() + row.entity.len();
    names + row.body.map_or(0, <[u8]>::len) + OPERATION_BYTES
}
