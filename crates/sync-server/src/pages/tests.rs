use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use super::*;
use crate::rig::{Rig, decoded, quiet, until, upsert};

async fn with(entities: u64, options: Options) -> Rig {
    let rig = Rig::start(options).await;
    let mut op = 0;
    while op < entities {
        let until = entities.min(op + 500);
        let ops = (op + 1..=until).map(|n| upsert(n, &format!("e{n}"), 1)).collect();
        rig.push("notes", "writer", ops).await.unwrap();
        op = until;
    }
    rig
}

fn reads(rig: &Rig) -> usize {
    rig.control.reads.load(Ordering::Acquire)
}

fn wanted(since: u64, limit: u64) -> PageRequest {
    PageRequest { db: "notes".into(), since, limit, collections: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_a_hundred_replicas_pull_is_read_once() {
    let rig = with(15, quiet()).await;
    let before = reads(&rig);
    let pages = join_all((0..100).map(|_| rig.page("notes", 0, 10))).await;
    assert_eq!(reads(&rig) - before, 1);
    assert!(pages.iter().all(|page| page == &pages[0]));
    assert_eq!((pages[0].operations, pages[0].next, pages[0].has_more), (10, 10, true));
    rig.page("notes", 0, 10).await;
    assert_eq!(reads(&rig) - before, 1, "a full page is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_behind_a_full_one_is_read_ahead_once() {
    let rig = with(30, quiet()).await;
    let before = reads(&rig);
    join_all((0..10).map(|_| rig.page("notes", 0, 10))).await;
    let next = rig.page("notes", 10, 10).await;
    assert_eq!(decoded(&next).ops[0].op_id, 11);
    assert_eq!(reads(&rig) - before, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_sees_every_push_that_was_acknowledged_before() {
    let rig = with(1, quiet()).await;
    for n in 2..30 {
        let (page, _) = tokio::join!(rig.page("notes", 0, 1_000), rig.push("notes", "d", vec![upsert(n, "x", n)]));
        assert!(page.next >= n - 1);
        assert_eq!(rig.page("notes", 0, 1_000).await.next, n);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_read_that_began_before_what_they_must_see() {
    let rig = with(1, quiet()).await;
    rig.control.hold_reads();
    let before = reads(&rig);
    let ask = || {
        let pages = rig.service.pages.clone();
        tokio::spawn(async move { pages.page(wanted(0, 1_000)).await.unwrap() })
    };
    let early = ask();
    until("the early read", || reads(&rig) == before + 1);
    rig.push("notes", "d", vec![upsert(9, "x", 9)]).await.unwrap();
    let late = ask();
    until("the late read", || reads(&rig) == before + 2);
    rig.control.release_reads();
    assert!(early.await.unwrap().next >= 1);
    assert_eq!(late.await.unwrap().next, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_dropped_leaves_its_read_to_the_others() {
    let rig = with(15, quiet()).await;
    for _ in 0..20 {
        let mut dropped = Box::pin(rig.service.pages.page(wanted(0, 10)));
        assert!(futures_util::poll!(&mut dropped).is_pending() || reads(&rig) > 0);
        drop(dropped);
        assert_eq!(rig.page("notes", 0, 10).await.operations, 10);
        rig.service.pages.forget("notes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_up_to_date_replica_is_answered_without_a_read() {
    let rig = with(15, quiet()).await;
    let before = reads(&rig);
    let page = rig.page("notes", 15, 10).await;
    assert_eq!((page.operations, page.next, page.has_more, page.ahead), (0, 15, false, false));
    assert_eq!(decoded(&page).next, 15);
    let ahead = rig.page("notes", 99, 10).await;
    assert_eq!((ahead.operations, ahead.next, ahead.has_more, ahead.ahead), (0, 99, false, true));
    let nothing = rig.page("nothing", 0, 10).await;
    assert_eq!((nothing.operations, nothing.next, nothing.has_more, nothing.ahead), (0, 0, false, false));
    assert_eq!(reads(&rig), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_brought_between_one_and_the_most() {
    let rig = with(15, Options { pull_limit_max: 5, ..quiet() }).await;
    assert_eq!(rig.page("notes", 0, 0).await.operations, 1);
    assert_eq!(rig.page("notes", 0, u64::MAX).await.operations, 5);
    assert_eq!(rig.service.pages.rows(wanted(0, u64::MAX), true).await.unwrap().entries.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_at_its_bytes_but_holds_an_operation() {
    let rig = with(15, Options { page_bytes_max: 1, ..quiet() }).await;
    assert_eq!(rig.page("notes", 0, 10).await.operations, 1);
    let rows = rig.service.pages.rows(wanted(0, 10), true).await.unwrap();
    assert_eq!((rows.entries.len(), rows.next, rows.has_more), (1, 1, true));
    assert_eq!(rig.pull("notes", 0, 10).await.len(), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_have_bodies_only_where_they_are_wanted() {
    let rig = with(3, quiet()).await;
    let with_bodies = rig.service.pages.rows(wanted(1, 10), true).await.unwrap();
    assert_eq!((with_bodies.entries.len(), with_bodies.next, with_bodies.head), (2, 3, 3));
    assert!(with_bodies.entries.iter().all(|entry| entry.body.is_some()));
    let without = rig.service.pages.rows(wanted(1, 10), false).await.unwrap();
    assert!(without.entries.iter().all(|entry| entry.body.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_kept_stay_within_their_bytes_and_the_least_wanted_goes() {
    let rig = with(20, Options { page_cache_bytes: 4_096, ..quiet() }).await;
    let bytes = rig.page("notes", 0, 10).await.body.len() + 512;
    assert!(bytes * 2 < 4_096 && bytes * 3 > 4_096, "two pages fit: {bytes}");
    rig.page("notes", 1, 10).await;
    rig.page("notes", 0, 10).await;
    rig.page("notes", 2, 10).await;
    let cache = rig.service.pages.inner.cache();
    let epoch = rig.service.heads.epoch("notes");
    let kept = |since| cache.contains(&PageKey { epoch, request: wanted(since, 10) });
    assert!(kept(2) && kept(0) && !kept(1));
}
