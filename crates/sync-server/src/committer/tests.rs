use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use sangam_control::PartState;
use sangam_storage::StoreError;

use crate::Options;
use crate::committer::NotPushed;
use crate::pages::PageRequest;
use crate::rig::{Fault, Rig, quiet, until, upsert};

mod failures;

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_wait_together_share_a_commit_and_each_is_read_back() {
    let rig = Rig::start(quiet()).await;
    rig.control.hold();
    let first = rig.begin_push("notes", "d0", vec![upsert(1, "e0", 1)]);
    until("the first commit", || rig.control.begun.load(Ordering::Acquire) == 1);
    let rest: Vec<_> =
        (1..64).map(|n| rig.begin_push("notes", &format!("d{n}"), vec![upsert(1, &format!("e{n}"), 1)])).collect();
    until("64 that wait", || rig.service.committer.condition().waiting.0 == 64);
    rig.control.release();
    for pushed in std::iter::once(first).chain(rest) {
        let pushed = pushed.await.unwrap().unwrap();
        assert_eq!((pushed.acknowledged, pushed.accepted), (1, 1));
    }
    assert_eq!(rig.control.done.load(Ordering::Acquire), 2, "one for the first, one for the 63 that waited");
    let read = rig.pull("notes", 0, 10).await;
    let cursors: Vec<u64> = read.iter().map(|op| op.op_id).collect();
    assert_eq!(cursors, (1..=64).collect::<Vec<u64>>());
    let entities: BTreeSet<&str> = read.iter().map(|op| &*op.entity).collect();
    assert_eq!(entities.len(), 64);
    assert_eq!(rig.service.committer.condition().waiting, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_answered_before_the_commit_returns() {
    let rig = Rig::start(quiet()).await;
    rig.control.hold();
    let pushed = rig.begin_push("notes", "d", vec![upsert(1, "e", 1)]);
    until("the commit", || rig.control.begun.load(Ordering::Acquire) == 1);
    assert!(!pushed.is_finished());
    assert_eq!(rig.page("notes", 0, 10).await.operations, 0);
    rig.control.release();
    assert_eq!(pushed.await.unwrap().unwrap().head, 1);
    assert_eq!(rig.page("notes", 0, 10).await.operations, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_client_has_gone_is_durable_all_the_same() {
    let rig = Rig::start(quiet()).await;
    rig.control.hold();
    let pushed = rig.begin_push("notes", "d", vec![upsert(1, "e", 1)]);
    until("the commit", || rig.control.begun.load(Ordering::Acquire) == 1);
    pushed.abort();
    assert!(pushed.await.unwrap_err().is_cancelled());
    rig.control.release();
    rig.service.committer.round_trip().await.unwrap();
    assert_eq!(rig.page("notes", 0, 10).await.operations, 1);
    assert_eq!(rig.service.committer.condition().waiting, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_make_the_queue_too_large_is_refused_before_its_body_is_read() {
    let rig = Rig::start(Options { queue_bytes_max: 100, queue_ops_max: 2, ..quiet() }).await;
    let committer = &rig.service.committer;
    let mut room = committer.admit(60).unwrap();
    let refused = committer.admit(41).unwrap_err();
    assert_eq!(refused.retry_after_secs, 1);
    room.absorb(committer.admit(40).unwrap());
    assert!(committer.admit(1).is_err());
    drop(room);
    let alone = committer.admit(1_000_000).unwrap();
    assert!(committer.admit(1).is_err(), "beside one that is too large by itself nothing is let in");
    drop(alone);
    rig.control.hold();
    let pushed = rig.begin_push("notes", "d", vec![upsert(1, "a", 1), upsert(2, "b", 1)]);
    until("the commit", || rig.control.begun.load(Ordering::Acquire) == 1);
    assert!(committer.admit(0).is_err(), "as many operations wait as may");
    assert_eq!(rig.server.part().check().await.state, PartState::Failed, "nothing is done while the disk is busy");
    rig.control.release();
    pushed.await.unwrap().unwrap();
    drop(committer.admit(100).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_nearly_full_is_told() {
    let rig = Rig::start(Options { queue_bytes_max: 100, ..quiet() }).await;
    assert_eq!(rig.server.part().check().await.state, PartState::Ready);
    let room = rig.service.committer.admit(80).unwrap();
    assert_eq!(rig.server.part().check().await.state, PartState::Degraded);
    drop(room);
    assert_eq!(rig.server.part().check().await.state, PartState::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_puts_on_the_disk_what_was_taken_and_takes_no_more() {
    let rig = Rig::start(quiet()).await;
    let late_room = rig.service.committer.admit(10).unwrap();
    rig.control.hold();
    let pushed: Vec<_> = (0..20).map(|n| rig.begin_push("notes", &format!("d{n}"), vec![upsert(1, "e", n)])).collect();
    until("20 that wait", || rig.service.committer.condition().waiting.0 == 20);
    let server = rig.server.clone();
    let drained = tokio::spawn(async move { server.drain().await });
    until("draining", || rig.service.committer.is_draining());
    assert!(rig.service.committer.admit(1).is_err());
    assert!(!drained.is_finished());
    rig.control.release();
    let mut accepted = 0;
    for pushed in pushed {
        accepted += pushed.await.unwrap().unwrap().accepted;
    }
    drained.await.unwrap();
    let late = sangam_sync_proto::Push { device: "d".into(), ops: vec![upsert(9, "z", 9)] };
    let late = rig.service.committer.push(late_room, "notes".into(), late).await;
    assert!(matches!(late, Err(NotPushed::Stopped)));
    assert_eq!(rig.server.part().check().await.state, PartState::Draining);
    let rig = rig.restart(quiet()).await;
    let everything = PageRequest { db: "notes".into(), since: 0, limit: 100, collections: None };
    assert_eq!(rig.service.pages.rows(everything, false).await.unwrap().entries.len(), accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_know_nothing_of_each_other() {
    let rig = Rig::start(Options { databases_max: 8, ..quiet() }).await;
    let pushes: Vec<_> = (0..64)
        .map(|n| rig.begin_push(&format!("db{}", n % 8), "d", vec![upsert(n, &format!("of-{}-{n}", n % 8), 1)]))
        .collect();
    for pushed in pushes {
        assert_eq!(pushed.await.unwrap().unwrap().accepted, 1);
    }
    let mut epochs = BTreeSet::new();
    for n in 0..8 {
        let db = format!("db{n}");
        let read = rig.pull(&db, 0, 3).await;
        assert_eq!(read.iter().map(|op| op.op_id).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
        assert!(read.iter().all(|op| op.entity.starts_with(&format!("of-{n}-")) && *op.db == *db));
        epochs.insert(rig.welcome(&db, "d").await.epoch.0);
    }
    assert_eq!(epochs.len(), 8);
    let one_more = rig.push("db8", "d", vec![upsert(1, "e", 1)]).await;
    assert!(matches!(one_more, Err(NotPushed::DatabasesFull { max: 8 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_epoch_of_a_database_is_the_same_before_and_after_its_first_push() {
    let rig = Rig::start(quiet()).await;
    let before = rig.welcome("notes", "d").await.epoch;
    assert_ne!(before, rig.welcome("other", "d").await.epoch);
    assert_eq!(rig.page("notes", 0, 1).await.epoch, before);
    rig.push("notes", "d", vec![upsert(1, "e", 1)]).await.unwrap();
    assert_eq!(rig.welcome("notes", "d").await.epoch, before);
    let rig = rig.restart(quiet()).await;
    assert_eq!(rig.welcome("notes", "d").await.epoch, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_copied_into_the_file_when_there_is_nothing_else_to_do() {
    let rig = Rig::start(quiet()).await;
    rig.push("notes", "d", vec![upsert(1, "e", 1)]).await.unwrap();
    until("a checkpoint", || rig.control.checkpoints.load(Ordering::Acquire) == 1);
}
