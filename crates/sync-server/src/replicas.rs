use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sangam_storage::StoreError;
use sangam_storage::sync::{Readers, ReplicaQuery, Snapshot};
use sangam_sync_proto::Name;
use sangam_sync_proto::rows::{Database, Epoch, Replica};
use sangam_telemetry::metrics::sync::SyncMetrics;

use crate::flight::{Flights, Landing};
use crate::heads::{Heads, epoch_hex};
use crate::options::Options;
use crate::service::WallClock;

mod book;
#[cfg(test)]
mod tests;

use book::Book;

/// Rows that one step of loading reads.
const LOAD_STEP: usize = 1_024;
/// Cursors that are remembered of a database while it is being loaded; more are forgotten, which costs a page read twice.
const PRESENTED_MAX: usize = 4_096;
/// Longest description of a client that is kept, in bytes.
const CLIENT_BYTES_MAX: usize = 200;

/// Where each replica has got to: in memory, written with later commits. What a crash forgets of it costs a page read twice.
pub(crate) struct Replicas {
    inner: Arc<Inner>,
}

struct Inner {
    readers: Arc<dyn Readers>,
    heads: Arc<Heads>,
    metrics: Arc<SyncMetrics>,
    clock: WallClock,
    books: Mutex<HashMap<Name, Shelf>>,
    loads: Arc<Flights<Name, ()>>,
    replicas_max: usize,
    databases_max: usize,
}

/// The replicas of one database.
enum Shelf {
    /// Not read from the store yet; what was presented meanwhile.
    Loading(Vec<(Name, u64)>),
    Known(Book),
}

/// What a handshake is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Welcome {
    /// From where it goes on.
    pub(crate) resume: u64,
    /// The head of its database.
    pub(crate) head: u64,
    /// The life of its database; a database that was never written to has one too.
    pub(crate) epoch: Epoch,
    /// It was away for longer than deletions are remembered, or is of another epoch: what it has must be dropped.
    pub(crate) reset: bool,
}

/// A replica that shakes hands.
#[derive(Clone, Debug)]
pub(crate) struct Hello {
    pub(crate) db: Name,
    pub(crate) device: Name,
    /// Platform and version, for operators.
    pub(crate) client: String,
    /// Whether its token names it: only then is what it presented in pulls known to be its own.
    pub(crate) proved: bool,
    /// `metadata.sinceCursor`.
    pub(crate) claimed: Option<u64>,
    /// `metadata.epoch`.
    pub(crate) epoch: Option<String>,
}

impl Replicas {
    pub(crate) fn new(
        options: &Options,
        readers: Arc<dyn Readers>,
        heads: Arc<Heads>,
        metrics: Arc<SyncMetrics>,
        clock: WallClock,
    ) -> Self {
        let inner = Inner {
            readers,
            heads,
            metrics,
            clock,
            books: Mutex::default(),
            loads: Arc::default(),
            replicas_max: options.replicas_max.max(1),
            databases_max: options.databases_max,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Greets a replica: rule 2 of the resume point.
    ///
    /// What a replica says itself (`claimed`) counts before what is remembered of it: only it knows what it still has.
    /// Of one whose token does not name it nothing is remembered, as anybody could say its name.
    pub(crate) async fn welcome(&self, hello: Hello) -> Result<Welcome, StoreError> {
        if hello.proved {
            self.load(&hello.db).await?;
        }
        let database = self.inner.heads.get(&hello.db);
        let epoch = database.as_ref().map_or_else(|| self.inner.heads.epoch(&hello.db), |database| database.epoch);
        let now_ms = self.inner.now_ms();
        let mut books = self.inner.books();
        let mut book = if hello.proved { self.inner.book(&mut books, &hello.db) } else { None };
        let remembered = book.as_ref().and_then(|book| book.resume(&hello.device)).unwrap_or(0);
        let welcome = answer(&hello, database.as_ref(), epoch, remembered);
        if let Some(book) = &mut book {
            let resume = if hello.claimed.is_some() || welcome.reset { welcome.resume } else { remembered };
            let client = shortened(&hello.client);
            book.greeted(Replica { device: hello.device, resume, seen_ms: now_ms, client: client.into() });
            self.inner.bound(book);
        }
        Ok(welcome)
    }

    /// A replica that its token names has presented a cursor: in a pull, or acknowledged on a WebSocket.
    pub(crate) fn presented(&self, db: &Name, device: &Name, cursor: u64) {
        let Some(database) = self.inner.heads.get(db) else { return };
        if cursor > database.head {
            return;
        }
        let mut books = self.inner.books();
        match books.get_mut(db) {
            Some(Shelf::Known(book)) => {
                book.presented(device, cursor, self.inner.now_ms());
                self.inner.bound(book);
                return;
            }
            Some(Shelf::Loading(presented)) if presented.len() < PRESENTED_MAX => {
                presented.push((Name::clone(device), cursor));
            }
            Some(Shelf::Loading(_)) => {}
            None => {
                books.insert(Name::clone(db), Shelf::Loading(vec![(Name::clone(device), cursor)]));
            }
        }
        drop(books);
        if let Some(landing) = self.inner.loads.begin(Name::clone(db)) {
            // If too many reads wait, the next one who asks loads it.
            let _: Result<(), StoreError> = self.inner.start_load(db, landing);
        }
    }

    /// How many replicas of a database are known.
    pub(crate) async fn count(&self, db: &Name) -> Result<u64, StoreError> {
        self.load(db).await?;
        Ok(match self.inner.books().get(db) {
            Some(Shelf::Known(book)) => u64::try_from(book.len()).unwrap_or(u64::MAX),
            Some(Shelf::Loading(_)) | None => 0,
        })
    }

    /// Those in order of names after `after`, as they are now; and whether there are more.
    pub(crate) async fn list(
        &self,
        db: &Name,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Replica>, bool), StoreError> {
        self.load(db).await?;
        Ok(match self.inner.books().get(db) {
            Some(Shelf::Known(book)) => book.list(after, limit),
            Some(Shelf::Loading(_)) | None => (Vec::new(), false),
        })
    }

    /// At most `max` replicas of a database that are not written as they are.
    pub(crate) fn dirty(&self, db: &str, max: usize) -> Vec<Replica> {
        match self.inner.books().get(db) {
            Some(Shelf::Known(book)) => book.dirty(max),
            Some(Shelf::Loading(_)) | None => Vec::new(),
        }
    }

    /// Databases with such replicas, at most `max`. Only of databases that are there.
    pub(crate) fn dirty_databases(&self, max: usize) -> Vec<Name> {
        let books = self.inner.books();
        let dirty = books.iter().filter(|(_, shelf)| matches!(shelf, Shelf::Known(book) if book.is_dirty()));
        dirty.map(|(db, _)| Name::clone(db)).filter(|db| self.inner.heads.get(db).is_some()).take(max).collect()
    }

    /// These are on the disk.
    pub(crate) fn written(&self, db: &str, replicas: &[Replica]) {
        if let Some(Shelf::Known(book)) = self.inner.books().get_mut(db) {
            book.written(replicas);
        }
    }

    /// The lowest resume point in memory of replicas heard of at or after `seen_ms`.
    pub(crate) fn resume_min(&self, db: &str, seen_ms: u64) -> Option<u64> {
        match self.inner.books().get(db) {
            Some(Shelf::Known(book)) => book.resume_min(seen_ms),
            Some(Shelf::Loading(_)) | None => None,
        }
    }

    /// A replica begins anew at its next handshake. Whether it is known.
    pub(crate) fn reset(&self, db: &str, device: &str) -> bool {
        match self.inner.books().get_mut(db) {
            Some(Shelf::Known(book)) => book.reset(device),
            Some(Shelf::Loading(_)) | None => false,
        }
    }

    /// A database was emptied: what is known of its replicas is void.
    pub(crate) fn begin_anew(&self, db: &Name) {
        self.inner.books().insert(Name::clone(db), Shelf::Known(Book::of_another_life()));
    }

    /// Reads the replicas of a database at first sight; whoever comes meanwhile waits for the same read.
    pub(crate) async fn load(&self, db: &Name) -> Result<(), StoreError> {
        if matches!(self.inner.books().get(db), Some(Shelf::Known(_))) || self.inner.heads.get(db).is_none() {
            return Ok(());
        }
        let (awaited, landing) = self.inner.loads.join(Name::clone(db));
        if let Some(landing) = landing {
            self.inner.start_load(db, landing)?;
        }
        awaited.landed().await
    }
}

impl Inner {
    fn now_ms(&self) -> u64 {
        (self.clock)().unix_millis()
    }

    fn books(&self) -> MutexGuard<'_, HashMap<Name, Shelf>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book of a database, if it is at hand: that of one that was never written to is made here.
    fn book<'a>(&self, books: &'a mut HashMap<Name, Shelf>, db: &Name) -> Option<&'a mut Book> {
        if !books.contains_key(db) && self.heads.get(db).is_none() && books.len() < self.databases_max {
            books.insert(Name::clone(db), Shelf::Known(Book::default()));
        }
        match books.get_mut(db) {
            Some(Shelf::Known(book)) => Some(book),
            Some(Shelf::Loading(_)) | None => None,
        }
    }

    /// Forgets those that were not heard of for the longest when there are too many.
    fn bound(&self, book: &mut Book) {
        if book.len() > self.replicas_max {
            book.forget_oldest(book.len() - self.replicas_max + self.replicas_max / 64);
            self.metrics.refused("replicas_full");
        }
    }

    fn start_load(self: &Arc<Self>, db: &Name, landing: Landing<Name, ()>) -> Result<(), StoreError> {
        let (inner, db) = (Arc::clone(self), Name::clone(db));
        self.readers.read(Box::new(move |snapshot| {
            let loaded = load(snapshot, &db, inner.replicas_max);
            landing.land(loaded.map(|replicas| inner.install(&db, replicas)));
        }))
    }

    fn install(&self, db: &Name, replicas: Vec<Replica>) {
        let now_ms = self.now_ms();
        let mut books = self.books();
        let presented = match books.remove(db) {
            Some(Shelf::Known(book)) => {
                books.insert(Name::clone(db), Shelf::Known(book));
                return;
            }
            Some(Shelf::Loading(presented)) => presented,
            None => Vec::new(),
        };
        let mut book = Book::loaded(replicas);
        for (device, cursor) in presented {
            book.presented(&device, cursor, now_ms);
        }
        self.bound(&mut book);
        books.insert(Name::clone(db), Shelf::Known(book));
    }
}

fn load(snapshot: &mut dyn Snapshot, db: &Name, max: usize) -> Result<Vec<Replica>, StoreError> {
    let mut replicas: Vec<Replica> = Vec::new();
    loop {
        let limit = LOAD_STEP.min(max - replicas.len());
        let after = replicas.last().map(|replica| Name::clone(&replica.device));
        let step = snapshot.replicas(&ReplicaQuery { db: Name::clone(db), after, limit })?;
        let last = step.len() < limit;
        replicas.extend(step);
        if last || replicas.len() >= max {
            return Ok(replicas);
        }
    }
}

fn answer(hello: &Hello, database: Option<&Database>, epoch: Epoch, remembered: u64) -> Welcome {
    let (head, tombstones_to) = database.map_or((0, 0), |database| (database.head, database.tombstones_to));
    let resume = hello.claimed.unwrap_or(remembered).min(head);
    let other_life = hello.epoch.as_ref().is_some_and(|theirs| *theirs != epoch_hex(epoch));
    let too_old = resume > 0 && resume < tombstones_to;
    let reset = too_old || (other_life && hello.claimed != Some(0));
    Welcome { resume: if reset { 0 } else { resume }, head, epoch, reset }
}

fn shortened(text: &str) -> &str {
    let end = (0..=CLIENT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}
