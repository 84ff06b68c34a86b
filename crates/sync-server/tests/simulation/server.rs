use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::mpsc;

use sangam_storage::sync::{LogRef, PageEnd, PageQuery, Snapshot, Store, Sweep, Writer};
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_sync_proto::rows::{Epoch, Replica};
use sangam_sync_proto::{Kind, Name, Rules, resume};
use sangam_sync_server::group::{NotPushed, Terms, settle};
use sangam_testkit::faulty_disk::{FaultyDisk, Image, Survives};
use sangam_testkit::faulty_writer::{Fault, FaultyWriter};
use sangam_testkit::sync_model::{Answer, Sent, written};
use sangam_types::Wall;

use crate::client::Client;
use crate::dice::Dice;
use crate::mutants::{Mutant, MutantWriter};
use crate::over_the_wire;
use crate::wire::{Reply, Row};

/// How much of a database is looked at in one page at most.
const SCAN_MAX: usize = 7;

/// The server: the real rules, the real store on a disk that may lose what was not synced, the real group of pushes.
pub(crate) struct Server {
    disk: FaultyDisk,
    store: Option<Store>,
    resume: HashMap<(String, String), u64>,
    pub(crate) rules: Rules,
    mutant: Option<Mutant>,
}

/// What became of each push of a group.
pub(crate) struct Settled {
    pub(crate) outcomes: Vec<Result<Answer, NotPushed>>,
    pub(crate) uncertain: bool,
}

impl Server {
    pub(crate) fn new(mutant: Option<Mutant>, rules: Rules) -> Self {
        let disk = FaultyDisk::new().unwrap();
        let mut server = Self { disk, store: None, resume: HashMap::new(), rules, mutant };
        server.open();
        server
    }

    fn open(&mut self) {
        let options = SqliteOptions { readers: 1, synced: false, ..SqliteOptions::default() };
        self.store = Some(open_sync(&self.disk.dir(), &options).unwrap());
        self.resume.clear();
    }

    fn writer(&mut self) -> &mut dyn Writer {
        &mut *self.store.as_mut().unwrap().writer
    }

    fn read<T: Send + 'static>(&self, job: impl FnOnce(&mut dyn Snapshot) -> T + Send + 'static) -> T {
        let (answer, answers) = mpsc::channel();
        let job = Box::new(move |snapshot: &mut dyn Snapshot| drop(answer.send(job(snapshot))));
        self.store.as_ref().unwrap().readers.read(job).unwrap();
        answers.recv().unwrap()
    }

    /// What would be there if the power were cut and nothing more came to the disk.
    pub(crate) fn synced(&self) -> Image {
        self.disk.image().unwrap()
    }

    /// The power is cut, and comes back.
    pub(crate) fn cut(&mut self, synced: &Image, survives: Survives, dice: &mut Dice) {
        self.disk.cut(synced, survives, &mut |sides| dice.roll(sides)).unwrap();
        self.store = None;
        self.open();
    }

    pub(crate) fn reopen(&mut self) {
        self.writer().reopen().unwrap();
        self.resume.clear();
    }

    pub(crate) fn checkpoint(&mut self) {
        self.writer().checkpoint().unwrap();
    }

    pub(crate) fn head(&self, db: &str) -> u64 {
        let db = db.to_owned();
        self.read(move |snapshot| snapshot.database(&db).unwrap().map_or(0, |database| database.head))
    }

    /// Rule 2.
    pub(crate) fn welcome(&mut self, Client { db, device, proved, .. }: &Client, claimed: Option<u64>) -> Reply {
        let head = self.head(db);
        if self.mutant == Some(Mutant::HandshakeAnswersHead) {
            return over_the_wire::welcome(head);
        }
        let stored = self.stored(db, device);
        if *proved {
            self.resume.insert((db.clone(), device.clone()), stored.unwrap_or(0));
        }
        over_the_wire::welcome(resume::point(stored, claimed, *proved, head))
    }

    fn stored(&self, db: &str, device: &str) -> Option<u64> {
        let key = (db.to_owned(), device.to_owned());
        self.resume.get(&key).copied().or_else(|| {
            let (db, device) = key;
            self.read(move |snapshot| snapshot.replica(&db, &device).unwrap().map(|replica| replica.resume))
        })
    }

    /// How far a replica has got, as the server knows; 0: it does not.
    pub(crate) fn resume(&self, db: &str, device: &str) -> u64 {
        self.stored(db, device).unwrap_or(0)
    }

    /// Rule 8. What a proved replica presents is where it goes on.
    pub(crate) fn page(
        &mut self,
        Client { db, device, proved, .. }: &Client,
        since: u64,
        limit: usize,
        collection: Option<&str>,
    ) -> Reply {
        let asked = if self.mutant == Some(Mutant::AnotherDatabase) && since == 0 { "d0" } else { db };
        let (rows, end) = self.rows(asked, since, limit, collection);
        if *proved {
            let presented = if self.mutant == Some(Mutant::ResumeAheadOfPresented) { end.next } else { since };
            let head = self.head(db);
            let resume = self.resume.entry((db.clone(), device.clone())).or_default();
            *resume = resume::after(*resume, presented, head);
        }
        let has_more = end.has_more && self.mutant != Some(Mutant::HasMoreOfAPage);
        over_the_wire::page(asked, &rows, end.next, has_more)
    }

    /// Rows above a cursor, as they are stored.
    pub(crate) fn rows(&self, db: &str, since: u64, limit: usize, collection: Option<&str>) -> (Vec<Row>, PageEnd) {
        let collections = collection.map(|collection| vec![Name::from(collection)]);
        let query = PageQuery { db: Name::from(db), since, limit, collections, current_only: true, scan_max: SCAN_MAX };
        let db = db.to_owned();
        self.read(move |snapshot| {
            let mut rows = Vec::new();
            let each = &mut |row: LogRef<'_>| {
                rows.push(stored(&db, row));
                ControlFlow::Continue(())
            };
            let end = snapshot.page(&query, each).unwrap();
            (rows, end)
        })
    }

    /// Rules 3 to 7: one group.
    pub(crate) fn settle(&mut self, pushes: &[(String, Vec<Sent>)], now: u64, faults: &[Fault]) -> Settled {
        let mut jobs = pushes.iter().map(|(db, ops)| over_the_wire::push(db, ops)).collect::<Vec<_>>();
        let mut resume: BTreeMap<&str, Vec<Replica>> = BTreeMap::new();
        for ((db, device), resume_at) in &self.resume {
            resume.entry(db).or_default().push(Replica {
                device: Name::from(&**device),
                resume: *resume_at,
                seen_ms: now,
                client: Name::from("simulated"),
            });
        }
        let terms = Terms {
            now: Wall::from_unix_millis(now),
            rules: &self.rules,
            epoch: &|db| Epoch(db.len() as u128),
            births_max: 100,
            databases_max: 100,
            answer_bytes_max: 4 << 20,
            replicas: &|db| resume.get(&**db).cloned().unwrap_or_default(),
        };
        let mut faulty = FaultyWriter::new(&mut *self.store.as_mut().unwrap().writer, faults);
        let settlement = match self.mutant {
            Some(mutant) => settle(&mut MutantWriter::new(&mut faulty, mutant), &mut jobs, &terms),
            None => settle(&mut faulty, &mut jobs, &terms),
        };
        let uncertain = settlement.must_reopen();
        let outcomes = settlement.outcomes.into_iter().map(|outcome| outcome.map(over_the_wire::pushed)).collect();
        Settled { outcomes, uncertain }
    }

    /// Clears out what was overtaken, as far as all replicas of a database have got.
    pub(crate) fn sweep(&mut self, db: &str, rows_max: usize, tombstones_to: u64) {
        let head = self.head(db);
        let mut after = Some(0);
        while let Some(from) = after.filter(|_| head > 0) {
            let sweep = Sweep {
                db: db.to_owned(),
                after: from,
                rows_max,
                superseded_to: head,
                tombstones_to,
                remembered_before_ms: 0,
                replicas_seen_before_ms: 0,
                conflicts_kept: 10,
            };
            after = self.writer().sweep(&sweep).unwrap().next;
        }
    }
}

fn stored(db: &str, row: LogRef<'_>) -> Row {
    let (value, writing) = row.body.and_then(written).unzip();
    assert_eq!(row.kind == Kind::Delete, value.is_none());
    let sent = Sent {
        device: row.device.to_string(),
        op_id: row.op_id,
        entity: format!("{}/{}", row.collection, row.entity),
        version: row.version,
        value,
        writing: writing.unwrap_or(0),
        timestamp_ms: row.timestamp_ms,
    };
    Row { cursor: row.cursor, db: db.to_owned(), sent }
}
