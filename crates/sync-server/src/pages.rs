use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sangam_storage::StoreError;
use sangam_storage::sync::{Readers, Snapshot};
use sangam_sync_proto::Name;
use sangam_sync_proto::rows::{Epoch, LogEntry};
use sangam_telemetry::metrics::sync::SyncMetrics;
use tokio::sync::oneshot;

use crate::flight::{Flights, Landing};
use crate::heads::Heads;
use crate::options::Options;
use crate::replicas::Replicas;

mod cache;
mod read;
#[cfg(test)]
mod tests;

use cache::{Cache, PageKey};
use read::Extent;

/// Reads pages of logs, and keeps encoded ones for other replicas.
#[derive(Clone)]
pub(crate) struct Pages {
    inner: Arc<Inner>,
}

struct Inner {
    readers: Arc<dyn Readers>,
    heads: Arc<Heads>,
    replicas: Arc<Replicas>,
    metrics: Arc<SyncMetrics>,
    cache: Mutex<Cache>,
    flights: Arc<Flights<FlightKey, Option<Page>>>,
    /// Databases of which a page is read that nobody has asked for yet.
    ahead: Mutex<HashSet<Name>>,
    limit_max: u64,
    extent: Extent,
}

/// With the head, so that nobody waits for a read that began before what they want to see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct FlightKey {
    page: PageKey,
    head: u64,
}

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageRequest {
    pub(crate) db: Name,
    pub(crate) since: u64,
    /// As asked for: clamped here.
    pub(crate) limit: u64,
    /// Sorted, without repetitions.
    pub(crate) collections: Option<Vec<Name>>,
}

/// A page, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The whole answer to a pull, in CBOR.
    pub(crate) body: Bytes,
    pub(crate) operations: usize,
    pub(crate) next: u64,
    pub(crate) has_more: bool,
    pub(crate) epoch: Epoch,
    /// The cursor asked for is above the head of the database.
    pub(crate) ahead: bool,
    /// The cursor asked for is one that some deletions may be missing after.
    pub(crate) too_old: bool,
}

/// A page, as rows: for streams, which encode it otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) next: u64,
    pub(crate) has_more: bool,
    pub(crate) head: u64,
    pub(crate) tombstones_to: u64,
}

/// `/v1/stats`, of one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) cursor: u64,
    pub(crate) log_len: u64,
    pub(crate) replicas: u64,
}

impl Pages {
    pub(crate) fn new(
        options: &Options,
        readers: Arc<dyn Readers>,
        heads: Arc<Heads>,
        replicas: Arc<Replicas>,
        metrics: Arc<SyncMetrics>,
    ) -> Self {
        let inner = Inner {
            readers,
            heads,
            replicas,
            metrics,
            cache: Mutex::new(Cache::new(options.page_cache_bytes)),
            flights: Arc::default(),
            ahead: Mutex::default(),
            limit_max: u64::try_from(options.pull_limit_max).unwrap_or(u64::MAX).max(1),
            extent: Extent { bytes_max: options.page_bytes_max, scan_max: options.scan_rows_max.max(1) },
        };
        Self { inner: Arc::new(inner) }
    }

    /// The answer to a pull. A database that is not there is an empty one.
    pub(crate) async fn page(&self, mut request: PageRequest) -> Result<Page, StoreError> {
        request.limit = request.limit.clamp(1, self.inner.limit_max);
        let Some(database) = self.inner.heads.get(&request.db) else { return Ok(self.page_of_nothing(&request)) };
        if request.since >= database.head {
            let page = read::empty_page(&request.db, request.since, database.epoch);
            return Ok(Page { ahead: request.since > database.head, ..page });
        }
        let key = PageKey { epoch: database.epoch, request };
        let at_hand = self.inner.cache().get(&key);
        self.inner.metrics.page(at_hand.is_some());
        let page = match at_hand {
            Some(page) => page,
            None => match self.inner.read(FlightKey { page: key.clone(), head: database.head }).await? {
                Some(page) => page,
                None => return Ok(self.page_of_nothing(&key.request)),
            },
        };
        self.inner.read_ahead(&key.request, &page, database.head);
        let too_old = key.request.since > 0 && key.request.since < database.tombstones_to;
        Ok(Page { too_old: page.too_old || too_old, ..page })
    }

    /// The same as rows; `bodies`: with them.
    pub(crate) async fn rows(&self, mut request: PageRequest, bodies: bool) -> Result<Rows, StoreError> {
        request.limit = request.limit.clamp(1, self.inner.limit_max);
        let Some(database) = self.inner.heads.get(&request.db) else { return Ok(read::no_rows(request.since)) };
        if request.since >= database.head {
            let rows = read::no_rows(request.since);
            return Ok(Rows { head: database.head, tombstones_to: database.tombstones_to, ..rows });
        }
        let (answer, answered) = oneshot::channel();
        let extent = self.inner.extent;
        self.inner.readers.read(Box::new(move |snapshot| {
            // Whoever has gone away needs no answer.
            let _: Result<(), _> = answer.send(read::rows(snapshot, &request, extent, bodies));
        }))?;
        answered.await.unwrap_or(Err(StoreError::Busy))
    }

    /// What a database holds.
    pub(crate) async fn figures(&self, db: &Name) -> Result<Figures, StoreError> {
        let replicas = self.inner.replicas.count(db).await?;
        let Some(database) = self.inner.heads.get(db) else { return Ok(Figures { replicas, ..Figures::default() }) };
        Ok(Figures { cursor: database.head, log_len: database.totals.log_len, replicas })
    }

    /// Rows of a database were dropped, or all of it.
    pub(crate) fn forget(&self, db: &str) {
        self.inner.cache().forget(db);
    }

    /// Nothing that was read before counts any more.
    pub(crate) fn forget_all(&self) {
        self.inner.cache().forget_all();
    }

    fn page_of_nothing(&self, request: &PageRequest) -> Page {
        let page = read::empty_page(&request.db, request.since, self.inner.heads.epoch(&request.db));
        Page { ahead: request.since > 0, ..page }
    }
}

/// Everything above a cursor at once, with bodies: for what is known to be little.
pub(crate) fn all_rows(snapshot: &mut dyn Snapshot, request: &PageRequest) -> Result<Vec<LogEntry>, StoreError> {
    let all = Extent { bytes_max: usize::MAX, scan_max: usize::MAX };
    Ok(read::rows(snapshot, request, all, true)?.entries)
}

impl Inner {
    async fn read(self: &Arc<Self>, key: FlightKey) -> Result<Option<Page>, StoreError> {
        let (awaited, landing) = self.flights.join(key.clone());
        if let Some(landing) = landing {
            self.start(key, landing, None)?;
        }
        awaited.landed().await
    }

    fn start(
        self: &Arc<Self>,
        key: FlightKey,
        landing: Landing<FlightKey, Option<Page>>,
        ahead: Option<Ahead>,
    ) -> Result<(), StoreError> {
        let inner = Arc::clone(self);
        let generation = self.cache().generation();
        self.readers.read(Box::new(move |snapshot| {
            let page = read::page(snapshot, &key.page.request, inner.extent);
            if let Ok(Some(page)) = &page
                && page.has_more
                && page.epoch == key.page.epoch
            {
                inner.cache().keep(key.page, page.clone(), generation);
            }
            drop(ahead);
            landing.land(page);
        }))
    }

    /// Whoever has got a full page will soon ask for the next one. Only one at a time of each database, and only if it is likely
    /// to be full too, as others are not kept.
    fn read_ahead(self: &Arc<Self>, request: &PageRequest, page: &Page, head: u64) {
        if !page.has_more || head.saturating_sub(page.next) <= request.limit {
            return;
        }
        let next = PageRequest { since: page.next, ..request.clone() };
        let key = FlightKey { page: PageKey { epoch: page.epoch, request: next }, head };
        if self.cache().contains(&key.page) {
            return;
        }
        let Some(ahead) = Ahead::take(self, &request.db) else { return };
        if let Some(landing) = self.flights.begin(key.clone()) {
            // If too many wait, the next request reads it.
            let _: Result<(), StoreError> = self.start(key, landing, Some(ahead));
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ahead(&self) -> MutexGuard<'_, HashSet<Name>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one page of a database that is read ahead; given back when it is read, or never will be.
struct Ahead {
    inner: Arc<Inner>,
    db: Name,
}

impl Ahead {
    fn take(inner: &Arc<Inner>, db: &Name) -> Option<Self> {
        let first = inner.ahead().insert(Name::clone(db));
        first.then(|| Self { inner: Arc::clone(inner), db: Name::clone(db) })
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.inner.ahead().remove(&self.db);
    }
}
