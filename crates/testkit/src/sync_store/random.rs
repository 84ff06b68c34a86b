//! The same random things done to an adapter and to the model.

use sangam_storage::sync::{Change, Database, Epoch, Fingerprint, Name, PageQuery, ReplicaQuery, Store, Sweep, Totals};

use super::paging::{all_rows, page_query};
use super::reading::{conflict, key, replica, settled_key};
use super::sweeping::{nothing, sweep_to_the_end};
use super::{Edit, MemorySyncStore, OpenStore, ask, draft};

const DATABASES: [&str; 3] = ["one", "two", "three"];
const DEVICES: [&str; 3] = ["d1", "d2", "c1"];
const COLLECTIONS: [&str; 3] = ["c1", "c2", "c3"];
const ENTITIES: [&str; 4] = ["e1", "e2", "e3", "e4"];

pub(super) fn is_like_the_model(open: OpenStore<'_>, seed: u64, steps: usize) {
    let model = MemorySyncStore::default();
    let (mut store, mut like) = (open(), model.open());
    let mut chance = Chance(seed);
    for step in 1..=steps {
        let at_ms = step as u64 * 10;
        match chance.below(10) {
            0 => {
                drop(store);
                store = open();
            }
            1 => reset(&mut store, &mut like, &mut chance, at_ms),
            2 => sweep(&mut store, &mut like, &mut chance, at_ms),
            3 => assert!(store.writer.checkpoint().is_ok()),
            4 => store.writer.reopen().expect("opened anew"),
            _ => commit(&mut store, &mut like, &mut chance, at_ms),
        }
        for db in DATABASES {
            compare(&mut store, &mut like, db, &mut chance, &format!("seed {seed}, step {step}, {db}"));
        }
    }
}

/// Numbers that look random and are the same each time (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len() as u64) as usize]
    }

    fn edit(&mut self) -> Edit {
        let (device, collection, entity) = (self.one_of(&DEVICES), self.one_of(&COLLECTIONS), self.one_of(&ENTITIES));
        let op_id = self.below(50);
        if self.below(4) == 0 {
            return Edit::delete(device, op_id, collection, entity);
        }
        let body = vec![self.below(256) as u8; self.below(3_000) as usize];
        Edit::upsert(device, op_id, collection, entity, &body)
    }
}

fn commit(store: &mut Store, like: &mut Store, chance: &mut Chance, at_ms: u64) {
    let mut changes: Vec<Change> = Vec::new();
    for db in DATABASES {
        if chance.below(2) == 0 {
            continue;
        }
        let edits: Vec<Edit> = (0..chance.below(6)).map(|_| chance.edit()).collect();
        let mut change = draft(&mut *store.writer, db, &edits, at_ms);
        for _ in 0..chance.below(3) {
            let edit = chance.edit();
            let known = settled_key(&edit.device, chance.below(5), &edit.of.collection, &edit.of.entity);
            match chance.below(4) {
                0 => change.settled.push((known, chance.below(100))),
                1 => change.refused.push((known, Fingerprint([chance.below(256) as u8; 16]))),
                2 => change.conflicts.push(conflict(&edit.device, edit.op_id, at_ms)),
                _ => change.replicas.push(replica(&edit.device, chance.below(30), at_ms)),
            }
        }
        changes.push(change);
    }
    if chance.below(6) == 0
        && let Some(last) = changes.last_mut()
    {
        // Some of them are made for a head that is not there; nothing of the group may stay.
        last.head_before += 1;
        last.database.head += 1;
        last.log.iter_mut().for_each(|entry| entry.cursor += 1);
    }
    let (done, like_done) = (store.writer.commit(&changes), like.writer.commit(&changes));
    assert_eq!(format!("{done:?}"), format!("{like_done:?}"));
}

fn reset(store: &mut Store, like: &mut Store, chance: &mut Chance, at_ms: u64) {
    let database = Database {
        name: chance.one_of(&DATABASES).into(),
        epoch: Epoch(u128::from(at_ms) << 64),
        head: 0,
        tombstones_to: 0,
        totals: Totals::default(),
        created_ms: at_ms,
    };
    store.writer.reset(&database).expect("reset");
    like.writer.reset(&database).expect("reset");
}

fn sweep(store: &mut Store, like: &mut Store, chance: &mut Chance, at_ms: u64) {
    let db = chance.one_of(&DATABASES);
    if store.writer.databases(&[db]).expect("read").is_empty() {
        assert!(store.writer.sweep(&nothing(db)).is_err() && like.writer.sweep(&nothing(db)).is_err());
        return;
    }
    let sweep = Sweep {
        rows_max: 1 + chance.below(20) as usize,
        superseded_to: chance.below(60),
        tombstones_to: chance.below(60),
        remembered_before_ms: chance.below(at_ms + 1),
        conflicts_kept: chance.below(6),
        ..nothing(db)
    };
    let (dropped, swept) = sweep_to_the_end(store, &sweep);
    let (like_dropped, like_swept) = sweep_to_the_end(like, &sweep);
    assert_eq!((dropped, swept.database), (like_dropped, like_swept.database), "{sweep:?}");
}

fn compare(store: &mut Store, like: &mut Store, db: &'static str, chance: &mut Chance, at: &str) {
    assert_eq!(store.writer.databases(&[db]).ok(), like.writer.databases(&[db]).ok(), "{at}");
    let keys: Vec<_> = COLLECTIONS.iter().flat_map(|c| ENTITIES.map(|e| key(c, e))).collect();
    assert_eq!(store.writer.entities(db, &keys).ok(), like.writer.entities(db, &keys).ok(), "{at}");
    let doubtful: Vec<_> = DEVICES
        .iter()
        .flat_map(|device| {
            (0..5)
                .map(|op_id| settled_key(device, op_id, chance.one_of(&COLLECTIONS), chance.one_of(&ENTITIES)))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(store.writer.settled(db, &doubtful).ok(), like.writer.settled(db, &doubtful).ok(), "{at}");
    let cursors: Vec<u64> = (0..70).collect();
    assert_eq!(store.writer.bodies(db, &cursors).ok(), like.writer.bodies(db, &cursors).ok(), "{at}");
    let some = Some(vec![Name::from(chance.one_of(&COLLECTIONS)), Name::from(chance.one_of(&COLLECTIONS))]);
    let narrow = PageQuery {
        since: chance.below(20),
        limit: 1 + chance.below(5) as usize,
        collections: some,
        current_only: chance.below(2) == 0,
        scan_max: 1 + chance.below(5) as usize,
        ..page_query(db)
    };
    for query in [page_query(db), narrow] {
        assert_eq!(all_rows(store, &query), all_rows(like, &query), "{at}, {query:?}");
    }
    let of = key(chance.one_of(&COLLECTIONS), chance.one_of(&ENTITIES));
    let (seen, ms, limit) = (chance.below(500), chance.below(500), chance.below(6) as usize);
    let question = move |snapshot: &mut dyn sangam_storage::sync::Snapshot| {
        let query = ReplicaQuery { db: db.into(), after: None, limit: 2 };
        (
            snapshot.database(db).ok(),
            snapshot.databases(None, 9).ok(),
            snapshot.replicas(&query).ok(),
            snapshot.replica(db, "d2").ok(),
            (snapshot.resume_min(db, seen).ok(), snapshot.cursor_before(db, ms).ok()),
            snapshot.history(db, &of, limit).ok(),
            snapshot.conflicts(db, Some(ms % 30), limit).ok(),
        )
    };
    assert_eq!(ask(store, question.clone()), ask(like, question), "{at}");
}
