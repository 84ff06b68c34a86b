//! A log that has dropped tombstones.

use bytes::Bytes;
use sangam_storage::sync::{Change, Database, EntityKey, EntityState, Epoch, Fingerprint, LogEntry, Totals};
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_sync_proto::Kind;
use sangam_sync_server::Options;

use crate::side::{bearer, live, upsert};
use crate::support::Server;

const HEAD: u64 = 20;

/// A database whose deletions up to 10 may be gone.
fn swept() -> Change {
    let of = |cursor: u64| EntityKey { collection: "tasks".into(), entity: format!("e{cursor}").into() };
    let row = |cursor: u64| LogEntry {
        cursor,
        device: "b".into(),
        op_id: cursor,
        of: of(cursor),
        kind: Kind::Upsert,
        version: 1,
        body: Some(Bytes::from_static(&[0xa0])),
        timestamp_ms: 1,
    };
    let state = |cursor: u64| EntityState {
        cursor,
        version: 1,
        device: "b".into(),
        op_id: cursor,
        deleted: false,
        modified_ms: 1,
        fingerprint: Fingerprint::default(),
        bytes: 10,
    };
    let totals = Totals { log_len: HEAD, live: HEAD, bytes: HEAD * 10, ..Totals::default() };
    let database = Database { name: "d".into(), epoch: Epoch(7), head: HEAD, tombstones_to: 10, totals, created_ms: 1 };
    Change {
        database,
        head_before: 0,
        log: (1..=HEAD).map(row).collect(),
        entities: (1..=HEAD).map(|cursor| (of(cursor), state(cursor))).collect(),
        settled: Vec::new(),
        refused: Vec::new(),
        conflicts: Vec::new(),
        replicas: Vec::new(),
        at_ms: 1,
    }
}

#[tokio::test]
async fn who_was_away_for_longer_than_deletions_are_kept_is_told_to_pull() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open_sync(dir.path(), &SqliteOptions::default()).unwrap();
    store.writer.commit(&[swept()]).unwrap();
    let server = Server::over(store, dir, Options::default(), live()).await;
    let own = bearer("d", Some("a"));
    let mut events = server.events_at("/v1/events?deviceId=a&since=9", &own, "").await;
    assert_eq!(events.connected().await, HEAD);
    assert_eq!(events.operations().await, (HEAD, vec![]));
    server.push("d", "b", vec![upsert("d", "b", 21, "new", 2)]).await;
    assert_eq!(events.operations().await, (HEAD + 1, vec![HEAD + 1]));
    for (since, heard) in [(10, 11), (0, 1)] {
        let mut events = server.events_at(&format!("/v1/events?deviceId=a&since={since}"), &own, "").await;
        assert_eq!(events.connected().await, HEAD + 1);
        assert_eq!(events.cursors_to(HEAD + 1).await, (heard..=HEAD + 1).collect::<Vec<_>>());
    }
}
