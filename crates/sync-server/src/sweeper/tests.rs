use std::sync::atomic::Ordering;

use sangam_sync_proto::Operation;

use super::*;
use crate::rig::{Rig, delete, fold, quiet, until, upsert};

const DAY: Duration = Duration::from_secs(86_400);

/// Looks all the time. Nothing is history, and a replica may stay away for a day.
fn eager() -> Options {
    Options { sweep_interval: Duration::from_millis(5), history: Duration::ZERO, retention: DAY, ..quiet() }
}

async fn push(rig: &Rig, ops: impl IntoIterator<Item = Operation>) {
    let ops: Vec<Operation> = ops.into_iter().collect();
    let all = ops.len();
    assert_eq!(rig.push("notes", "writer", ops).await.unwrap().accepted, all);
}

/// 20 entities of which each is written 50 times, and the first five deleted in the end.
async fn busy(rig: &Rig) {
    for version in 1..=50 {
        push(rig, (1..=20).map(|n| upsert(version * 100 + n, &format!("e{n}"), version))).await;
    }
    push(rig, (1..=5).map(|n| delete(9_000 + n, &format!("e{n}"), 51))).await;
}

fn totals(rig: &Rig) -> (u64, u64, u64) {
    let totals = rig.service.heads.get("notes").unwrap().totals;
    (totals.log_len, totals.superseded, totals.tombstones)
}

/// Waits until it is so, and still is after the log was looked at three times more.
fn settled(rig: &Rig, then: (u64, u64, u64)) {
    until("the sweep", || totals(rig) == then);
    let reads = || rig.control.reads.load(Ordering::Acquire);
    let enough = reads() + 3;
    until("three more plans", || reads() >= enough);
    assert_eq!(totals(rig), then);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_log_gives_the_same_entities_as_all_of_it() {
    let rig = Rig::start(Options { sweep_interval: Duration::from_millis(5), ..quiet() }).await;
    busy(&rig).await;
    let whole = rig.pull("notes", 0, 100).await;
    assert_eq!(whole.len(), 20, "what was overtaken is not handed out");
    assert_eq!(totals(&rig), (1_005, 985, 5));
    rig.pass(DAY + Duration::from_millis(1));
    settled(&rig, (20, 0, 5));
    let left = rig.pull("notes", 0, 7).await;
    assert_eq!(left, whole, "cursors and bodies are as before");
    assert_eq!(fold(&left).len(), 15);
    let from_the_middle = rig.pull("notes", 500, 7).await;
    assert_eq!(from_the_middle, left);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_go_on_during_a_sweep() {
    let rig = Rig::start(eager()).await;
    for version in 1..=100 {
        rig.pass(Duration::from_millis(1));
        push(&rig, (1..=20).map(|n| upsert(version * 100 + n, &format!("e{n}"), version))).await;
    }
    rig.pass(Duration::from_millis(1));
    until("the sweep", || totals(&rig).1 * WORTH <= totals(&rig).0);
    let left = rig.pull("notes", 0, 7).await;
    assert_eq!(fold(&left).len(), 20);
    assert!(fold(&left).values().all(|(version, _)| *version == 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_waits_for_a_replica_that_was_heard_of() {
    let rig = Rig::start(eager()).await;
    push(&rig, (1..=10).map(|n| upsert(n, &format!("e{n}"), 1))).await;
    rig.welcome("notes", "slow").await;
    rig.service.replicas.presented(&"notes".into(), &"slow".into(), 10);
    push(&rig, (1..=5).map(|n| delete(20 + n, &format!("e{n}"), 2))).await;
    rig.pass(DAY + Duration::from_secs(1));
    // Heard of again a day later, and still at 10.
    assert_eq!(rig.welcome("notes", "slow").await.resume, 10);
    settled(&rig, (10, 0, 5));
    let deletions = rig.pull("notes", 10, 100).await;
    assert_eq!(deletions.len(), 5);
    rig.service.replicas.presented(&"notes".into(), &"slow".into(), 13);
    until("the first three", || totals(&rig) == (7, 0, 2));
    rig.service.replicas.presented(&"notes".into(), &"slow".into(), 15);
    until("the rest", || totals(&rig) == (5, 0, 0));
    assert_eq!(rig.welcome("notes", "slow").await.resume, 15);
    assert_eq!(rig.service.heads.get("notes").unwrap().tombstones_to, 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stays_away_for_too_long_begins_anew() {
    let rig = Rig::start(eager()).await;
    push(&rig, (1..=10).map(|n| upsert(n, &format!("e{n}"), 1))).await;
    rig.welcome("notes", "away").await;
    rig.service.replicas.presented(&"notes".into(), &"away".into(), 10);
    push(&rig, (1..=5).map(|n| delete(20 + n, &format!("e{n}"), 2))).await;
    rig.pass(DAY + SEEN_SLACK + Duration::from_secs(1));
    until("the sweep", || totals(&rig) == (5, 0, 0));
    assert!(rig.page("notes", 10, 1).await.too_old);
    let welcome = rig.welcome("notes", "away").await;
    assert_eq!((welcome.resume, welcome.reset), (0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_before_a_sweep_is_not_handed_out_after_it() {
    let rig = Rig::start(eager()).await;
    push(&rig, (1..=10).map(|n| upsert(n, &format!("e{n}"), 1))).await;
    assert_eq!(rig.page("notes", 0, 5).await.next, 5);
    push(&rig, (1..=5).map(|n| delete(20 + n, &format!("e{n}"), 2))).await;
    rig.pass(DAY + Duration::from_secs(1));
    until("the sweep", || totals(&rig) == (5, 0, 0));
    assert_eq!(rig.pull("notes", 0, 5).await.len(), 5);
}
