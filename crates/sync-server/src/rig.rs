//! What the tests of this crate share: a server over a real file, whose writer can be held and made to fail.

mod watched;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::registry::Registry;
use sangam_auth::token::{Keyring, TokenOptions};
use sangam_storage::StoreError;
use sangam_storage::sync::Store;
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_sync_proto::message::{Bounds, Message as _, PullResponse};
use sangam_sync_proto::{Kind, Name, Operation, Push};
use sangam_telemetry::metrics::sync::SyncMetrics;
use sangam_types::Wall;
use tempfile::TempDir;

use crate::committer::{NotPushed, Pushed};
use crate::pages::{Page, PageRequest};
use crate::replicas::{Hello, Welcome};
use crate::service::Service;
use crate::{Access, Deps, Live, Options, SyncServer};

pub(crate) use watched::{Control, Fault};

/// When tests begin.
pub(crate) const BEGIN_MS: u64 = 1_702_569_600_000;

/// A server over a file.
pub(crate) struct Rig {
    pub(crate) server: SyncServer,
    pub(crate) service: Arc<Service>,
    pub(crate) control: Arc<Control>,
    clock: Arc<AtomicU64>,
    dir: TempDir,
}

/// Nothing happens by itself, unless a test says so.
pub(crate) fn quiet() -> Options {
    let never = Duration::from_secs(86_400);
    Options { replicas_interval: never, sweep_interval: never, ..Options::default() }
}

/// Waits for what another thread does.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    sangam_testkit::wait_until(what, sangam_testkit::WAIT_MAX, || Ok(is_so().then_some(()))).unwrap();
}

impl Rig {
    pub(crate) async fn start(options: Options) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), options).await
    }

    async fn start_in(dir: TempDir, options: Options) -> Self {
        let store = opened(dir.path());
        let control = Arc::new(Control::default());
        let store = Store {
            writer: Box::new(watched::Watched { inner: store.writer, control: Arc::clone(&control) }),
            readers: Arc::new(watched::Counted { inner: store.readers, control: Arc::clone(&control) }),
        };
        let clock = Arc::new(AtomicU64::new(BEGIN_MS));
        let read = Arc::clone(&clock);
        let deps = Deps {
            store,
            metrics: Arc::new(SyncMetrics::register(&mut Registry::default())),
            clock: Arc::new(move || Wall::from_unix_millis(read.load(Ordering::Acquire))),
        };
        let access = Access {
            keyring: Keyring::new(Vec::new(), TokenOptions::default()).unwrap(),
            default_db: None,
            open: true,
        };
        let live = Live { access, cors: None, rate_per_sec: 1, rate_burst: 1, log_requests: false };
        let server = SyncServer::start(options, live, deps).await.unwrap();
        Self { service: Arc::clone(&server.service), server, control, clock, dir }
    }

    /// Stops in good order and starts again over the same file.
    pub(crate) async fn restart(self, options: Options) -> Self {
        self.server.drain().await;
        let Self { server, service, control, clock: _, dir } = self;
        drop((server, service, control));
        Self::start_in(dir, options).await
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::AcqRel);
    }

    pub(crate) async fn push(&self, db: &str, device: &str, ops: Vec<Operation>) -> Result<Pushed, NotPushed> {
        push(Arc::clone(&self.service), db, device, ops).await
    }

    /// The same, not waited for.
    pub(crate) fn begin_push(
        &self,
        db: &str,
        device: &str,
        ops: Vec<Operation>,
    ) -> tokio::task::JoinHandle<Result<Pushed, NotPushed>> {
        let (service, db, device) = (Arc::clone(&self.service), db.to_owned(), device.to_owned());
        tokio::spawn(async move { push(service, &db, &device, ops).await })
    }

    pub(crate) async fn page(&self, db: &str, since: u64, limit: u64) -> Page {
        let request = PageRequest { db: db.into(), since, limit, collections: None };
        self.service.pages.page(request).await.unwrap()
    }

    /// Everything from a cursor on, page by page.
    pub(crate) async fn pull(&self, db: &str, mut since: u64, limit: u64) -> Vec<Operation> {
        let mut all = Vec::new();
        loop {
            let page = self.page(db, since, limit).await;
            let read = decoded(&page);
            assert_eq!((read.next, read.has_more, read.ops.len()), (page.next, page.has_more, page.operations));
            all.extend(read.ops);
            since = page.next;
            if !page.has_more {
                return all;
            }
        }
    }

    pub(crate) async fn welcome(&self, db: &str, device: &str) -> Welcome {
        self.service.replicas.welcome(hello(db, device)).await.unwrap()
    }
}

/// After a restart a read of before may still be on its way and have the file locked.
fn opened(dir: &Path) -> Store {
    let options = SqliteOptions { synced: false, ..SqliteOptions::default() };
    let open = || match open_sync(dir, &options) {
        Err(StoreError::InUse { .. }) => Ok(None),
        opened => Ok(Some(opened?)),
    };
    sangam_testkit::wait_until("the lock", sangam_testkit::WAIT_MAX, open).unwrap()
}

async fn push(service: Arc<Service>, db: &str, device: &str, ops: Vec<Operation>) -> Result<Pushed, NotPushed> {
    let room = service.committer.admit(100).unwrap();
    service.committer.push(room, db.into(), Push { device: device.into(), ops }).await
}

/// One whose token names it and that claims nothing.
pub(crate) fn hello(db: &str, device: &str) -> Hello {
    let (db, device) = (db.into(), device.into());
    Hello { db, device, client: "test 1".to_owned(), proved: true, claimed: None, epoch: None }
}

pub(crate) fn decoded(page: &Page) -> PullResponse {
    PullResponse::decode(&page.body, &Bounds::default()).unwrap()
}

/// An upsert whose body holds its version.
pub(crate) fn upsert(op_id: u64, entity: &str, version: u64) -> Operation {
    // A text of ten digits, as CBOR.
    let body = Some(Bytes::from([&[0x6a], format!("{version:010}").as_bytes()].concat()));
    operation(op_id, entity, version, Kind::Upsert, body)
}

pub(crate) fn delete(op_id: u64, entity: &str, version: u64) -> Operation {
    operation(op_id, entity, version, Kind::Delete, None)
}

fn operation(op_id: u64, entity: &str, version: u64, kind: Kind, body: Option<Bytes>) -> Operation {
    let name = Name::from;
    let (db, device, collection) = (name("any"), name("any"), name("tasks"));
    Operation { op_id, db, device, collection, entity: name(entity), kind, version, body, timestamp_ms: 1 }
}

/// The entities that whoever applies these operations in order has in the end.
pub(crate) fn fold(ops: &[Operation]) -> BTreeMap<Name, (u64, Bytes)> {
    let mut entities = BTreeMap::new();
    for op in ops {
        match &op.body {
            Some(body) => drop(entities.insert(Name::clone(&op.entity), (op.version, body.clone()))),
            None => drop(entities.remove(&op.entity)),
        }
    }
    entities
}
