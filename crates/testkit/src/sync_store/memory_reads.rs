use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use sangam_storage::StoreError;
use sangam_storage::sync::{
    ConflictRow, Database, EntityKey, History, HistoryEntry, LogEntry, LogRef, Name, PageEnd, PageQuery, ReadJob,
    Readers, Replica, ReplicaQuery, Snapshot,
};

use super::memory::{Kept, Shared, pair};

#[derive(Debug)]
pub(super) struct MemoryReaders(pub(super) Arc<Shared>);

impl Readers for MemoryReaders {
    fn read(&self, job: ReadJob) -> Result<(), StoreError> {
        job(&mut MemorySnapshot(self.0.now()));
        Ok(())
    }
}

struct MemorySnapshot(Arc<BTreeMap<Name, Kept>>);

impl Snapshot for MemorySnapshot {
    fn database(&mut self, name: &str) -> Result<Option<Database>, StoreError> {
        Ok(self.0.get(name).map(|kept| kept.database.clone()))
    }

    fn databases(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<Database>, StoreError> {
        let later = self.0.iter().filter(|(name, _)| after.is_none_or(|after| &***name > after));
        Ok(later.take(limit).map(|(_, kept)| kept.database.clone()).collect())
    }

    fn page(
        &mut self,
        query: &PageQuery,
        each: &mut dyn FnMut(LogRef<'_>) -> ControlFlow<()>,
    ) -> Result<PageEnd, StoreError> {
        let nothing = PageEnd { next: query.since, has_more: false };
        let Some(kept) = self.0.get(&query.db).filter(|kept| kept.database.head > query.since) else {
            return Ok(nothing);
        };
        let exhausted = PageEnd { next: kept.database.head, has_more: false };
        let wanted = |collection: &Name| query.collections.as_ref().is_none_or(|wanted| wanted.contains(collection));
        let (mut next, mut given) = (query.since, 0);
        for (looked_at, (&cursor, entry)) in kept.log.range(query.since + 1..).enumerate() {
            let ends = PageEnd { next, has_more: true };
            if looked_at >= query.scan_max {
                return Ok(ends);
            }
            let is_overtaken =
                query.current_only && kept.entities.get(&pair(&entry.of)).is_some_and(|state| state.cursor != cursor);
            if wanted(&entry.of.collection) && !is_overtaken {
                if given >= query.limit || each(row(entry)).is_break() {
                    return Ok(ends);
                }
                given += 1;
            }
            next = cursor;
        }
        Ok(exhausted)
    }

    fn replica(&mut self, db: &str, device: &str) -> Result<Option<Replica>, StoreError> {
        Ok(self.0.get(db).and_then(|kept| kept.replicas.get(device)).cloned())
    }

    fn replicas(&mut self, query: &ReplicaQuery) -> Result<Vec<Replica>, StoreError> {
        let all = self.0.get(&query.db).into_iter().flat_map(|kept| kept.replicas.values());
        let later = all.filter(|replica| query.after.as_ref().is_none_or(|after| replica.device > *after));
        Ok(later.take(query.limit).cloned().collect())
    }

    fn resume_min(&mut self, db: &str, seen_ms: u64) -> Result<Option<u64>, StoreError> {
        let all = self.0.get(db).into_iter().flat_map(|kept| kept.replicas.values());
        Ok(all.filter(|replica| replica.seen_ms >= seen_ms).map(|replica| replica.resume).min())
    }

    fn cursor_before(&mut self, db: &str, ms: u64) -> Result<u64, StoreError> {
        let all = self.0.get(db).into_iter().flat_map(|kept| kept.log.values());
        Ok(all.filter(|entry| entry.timestamp_ms < ms).map(|entry| entry.cursor).max().unwrap_or(0))
    }

    fn history(&mut self, db: &str, of: &EntityKey, limit: usize) -> Result<History, StoreError> {
        let all = self.0.get(db).into_iter().flat_map(|kept| kept.log.values().rev());
        let mut entries: Vec<HistoryEntry> =
            all.filter(|entry| entry.of == *of).take(limit + 1).map(HistoryEntry::from).collect();
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        Ok(History { entries, has_more })
    }

    fn conflicts(
        &mut self,
        db: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, ConflictRow)>, StoreError> {
        let all = self.0.get(db).into_iter().flat_map(|kept| kept.conflicts.iter().rev());
        let older = all.filter(|(number, _)| before.is_none_or(|before| *number < before));
        Ok(older.take(limit).cloned().collect())
    }
}

fn row(entry: &LogEntry) -> LogRef<'_> {
    LogRef {
        cursor: entry.cursor,
        device: &entry.device,
        op_id: entry.op_id,
        collection: &entry.of.collection,
        entity: &entry.of.entity,
        kind: entry.kind,
        version: entry.version,
        body: entry.body.as_deref(),
        timestamp_ms: entry.timestamp_ms,
    }
}
