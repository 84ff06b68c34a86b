use http::StatusCode;
use sangam_sync_proto::message::{ErrorCode, PullRequest};
use sangam_sync_proto::rows::Epoch;
use sangam_sync_proto::{Kind, Operation, Rules};
use sangam_sync_server::{Options, Streams};

use crate::side::{NOW, Side, bearer, from_start, get, live, plain, serve, upsert};

async fn with(count: u64) -> Side {
    let side = plain().await;
    let ops = (1..=count).map(|at| upsert("d", "a", at, &format!("e{at}"), 1)).collect();
    assert_eq!(side.push(&bearer("d", None), "d", "a", ops).await.pushed().acknowledged, count);
    side
}

/// D1.
#[tokio::test]
async fn a_new_replica_is_given_the_whole_history() {
    let side = with(10).await;
    let device = bearer("d", Some("new"));
    let welcome = side.handshake(&device, "d", "new", &[]).await.welcomed();
    assert_eq!((welcome.cursor, welcome.capabilities.pull, welcome.capabilities.push), (0, true, true));
    let page = side.pull(&device, PullRequest { since: welcome.cursor, ..from_start("d") }).await.pulled();
    assert_eq!(page.ops.iter().map(|op| op.op_id).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    assert_eq!((page.next, page.has_more), (10, false));
}

#[tokio::test]
async fn a_replica_goes_on_from_what_its_own_token_presented() {
    let side = with(10).await;
    let (named, nameless) = (bearer("d", Some("b")), bearer("d", None));
    let at = |since| PullRequest { since, ..from_start("d") };
    side.pull(&named, at(7)).await.pulled();
    assert_eq!(side.handshake(&named, "d", "b", &[]).await.welcomed().cursor, 7);
    side.pull(&nameless, at(9)).await.pulled();
    assert_eq!(side.handshake(&named, "d", "b", &[]).await.welcomed().cursor, 7, "nobody else moves it");
    assert_eq!(side.handshake(&nameless, "d", "c", &[]).await.welcomed().cursor, 0);
    let claimed = side.handshake(&nameless, "d", "c", &[("sinceCursor", "4")]).await.welcomed();
    assert_eq!(claimed.cursor, 4);
    let beyond = side.handshake(&nameless, "d", "c", &[("sinceCursor", "400")]).await.welcomed();
    assert!(beyond.cursor <= 10, "never above the head");
}

#[tokio::test]
async fn the_handshake_tells_whether_there_are_event_streams() {
    for sse in [true, false] {
        let streams = Streams { sse, ..Streams::default() };
        let side = serve(Options { streams, ..Options::default() }, live()).await;
        assert_eq!(side.handshake(&bearer("d", None), "d", "a", &[]).await.welcomed().capabilities.sse, sse);
    }
}

#[tokio::test]
async fn only_who_says_it_knows_epochs_is_told_of_them() {
    let side = with(1).await;
    let token = bearer("d", None);
    let old = side.handshake(&token, "d", "a", &[("extensions", "other")]).await;
    assert_eq!(old.welcomed().extension, None);
    assert!(!old.body.windows(5).any(|part| part == b"epoch"), "the strict form");
    let told = side.handshake(&token, "d", "a", &[("extensions", "epoch")]).await.welcomed().extension.unwrap();
    assert_eq!((told.epoch.len(), told.reset), (32, false));
    let of = |epoch: String| PullRequest { epoch: Some(epoch), ..from_start("d") };
    assert_eq!(side.pull(&token, of(told.epoch.clone())).await.pulled().ops.len(), 1);
    let Epoch(other) = Epoch(u128::from_str_radix(&told.epoch, 16).unwrap() ^ 1);
    let refused = side.pull(&token, of(format!("{other:032x}"))).await;
    assert_eq!((refused.status, refused.error().code), (StatusCode::CONFLICT, ErrorCode::InvalidCursor));
}

#[tokio::test]
async fn a_database_that_nobody_wrote_to_is_an_empty_one_of_one_epoch() {
    let side = plain().await;
    let token = bearer("d", None);
    let hello = || side.handshake(&token, "d", "a", &[("extensions", "epoch")]);
    let epoch = hello().await.welcomed().extension.unwrap().epoch;
    assert_eq!(hello().await.welcomed().extension.unwrap().epoch, epoch);
    let page = side.pull(&token, PullRequest { epoch: Some(epoch.clone()), ..from_start("d") }).await.pulled();
    assert_eq!((page.ops.len(), page.next, page.has_more), (0, 0, false));
    side.push(&token, "d", "a", vec![upsert("d", "a", 1, "e", 1)]).await.pushed();
    assert_eq!(hello().await.welcomed().extension.unwrap().epoch, epoch, "the first push keeps it");
}

/// D2 and D5.
#[tokio::test]
async fn a_push_that_is_sent_again_is_acknowledged_once_more() {
    let side = plain().await;
    let token = bearer("d", None);
    let ops = vec![upsert("d", "a", 1, "e", 1), upsert("d", "a", 2, "f", 1)];
    for _ in 0..3 {
        let pushed = side.push(&token, "d", "a", ops.clone()).await.pushed();
        assert_eq!((pushed.acknowledged, pushed.conflicts.len()), (2, 0));
    }
    assert_eq!(side.pull(&token, from_start("d")).await.pulled().ops.len(), 2);
    assert_eq!(side.ask(get("/v1/stats", &token)).await.json()["oplogSize"], 2);
}

#[tokio::test]
async fn a_conflict_comes_in_a_200_with_what_the_server_has() {
    let side = plain().await;
    let token = bearer("d", None);
    let first = upsert("d", "a", 1, "e", 5);
    side.push(&token, "d", "a", vec![first.clone()]).await.pushed();
    let late = upsert("d", "b", 1, "e", 5);
    let pushed = side.push(&token, "d", "b", vec![late.clone()]).await.pushed();
    assert_eq!((pushed.acknowledged, pushed.conflicts.len()), (0, 1));
    let conflict = &pushed.conflicts[0];
    assert_eq!((&conflict.op, conflict.version), (&late, 5));
    assert_eq!(Some(&conflict.body), first.body.as_ref());
    assert_eq!(conflict.modified_ms, Some(NOW.unix_millis()));
    let delete = Operation { op_id: 2, kind: Kind::Delete, version: 6, body: None, ..first };
    side.push(&token, "d", "a", vec![delete]).await.pushed();
    let dead = side.push(&token, "d", "b", vec![late]).await.pushed();
    assert_eq!((dead.conflicts[0].version, dead.conflicts[0].body.len()), (6, 0), "empty bytes, never null");
}

/// D3.
#[tokio::test]
async fn a_filtered_pull_ends() {
    let side = plain().await;
    let token = bearer("d", None);
    let op = |at: u64| {
        let collection = if at.is_multiple_of(10) { "rare" } else { "tasks" };
        Operation { collection: collection.into(), ..upsert("d", "a", at, &format!("e{at}"), 1) }
    };
    side.push(&token, "d", "a", (1..=95).map(op).collect()).await.pushed();
    let (mut since, mut found, mut asked) = (0, 0, 0);
    loop {
        // Twice the same name, and one that is not there.
        let collections = Some(vec!["rare".into(), "none".into(), "rare".into()]);
        let page = side.pull(&token, PullRequest { since, limit: 4, collections, ..from_start("d") }).await.pulled();
        (since, found, asked) = (page.next, found + page.ops.len(), asked + 1);
        if !page.has_more {
            break;
        }
    }
    assert_eq!((since, found, asked), (95, 9, 3));
    let all = PullRequest { collections: Some(vec![]), ..from_start("d") };
    assert_eq!(side.pull(&token, all).await.pulled().ops.len(), 95, "a list without a name is no filter");
}

#[tokio::test]
async fn a_limit_is_clamped_to_what_is_given() {
    let side = serve(Options { pull_limit_max: 5, ..Options::default() }, live()).await;
    let token = bearer("d", None);
    let ops = (1..=10).map(|at| upsert("d", "a", at, &format!("e{at}"), 1)).collect();
    side.push(&token, "d", "a", ops).await.pushed();
    for (limit, given) in [(0, 1), (1, 1), (5, 5), (6, 5), (u64::MAX >> 1, 5)] {
        let page = side.pull(&token, PullRequest { limit, ..from_start("d") }).await.pulled();
        assert_eq!((page.ops.len(), page.has_more), (given, true), "{limit}");
    }
}

#[tokio::test]
async fn a_cursor_above_the_head_is_an_empty_page_that_stays_there() {
    let side = with(3).await;
    let page = side.pull(&bearer("d", None), PullRequest { since: 50, ..from_start("d") }).await.pulled();
    assert_eq!((page.ops.len(), page.next, page.has_more), (0, 50, false));
}

#[tokio::test]
async fn what_the_rules_forbid_is_refused_whole_and_the_field_is_named() {
    let side = plain().await;
    let token = bearer("d", None);
    let good = upsert("d", "a", 1, "e", 1);
    let ahead = NOW.unix_millis() + 48 * 3_600_000;
    for (bad, field) in [
        (Operation { entity: "".into(), op_id: 2, ..good.clone() }, "entityId"),
        (Operation { collection: "c".repeat(600).into(), op_id: 2, ..good.clone() }, "collection"),
        (Operation { version: ahead, op_id: 2, ..good.clone() }, "entityVersion"),
    ] {
        let answer = side.push(&token, "d", "a", vec![good.clone(), bad]).await;
        let error = answer.error();
        assert_eq!((answer.status, error.code), (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest));
        assert_eq!(error.field.as_deref(), Some(field), "{}", error.message);
    }
    assert!(side.pull(&token, from_start("d")).await.pulled().ops.is_empty());
}

/// A client repeats what is answered with 500 or above.
#[tokio::test]
async fn a_quota_is_no_reason_to_try_again() {
    let rules = Rules { entities_max: 1, ..Rules::default() };
    let side = serve(Options { rules, databases_max: 1, ..Options::default() }, live()).await;
    let token = bearer("d", None);
    side.push(&token, "d", "a", vec![upsert("d", "a", 1, "e", 1)]).await.pushed();
    let full = side.push(&token, "d", "a", vec![upsert("d", "a", 2, "f", 1)]).await;
    assert_eq!((full.status, full.error().code), (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::InvalidRequest));
    assert!(full.error().message.contains("full"), "{}", full.error().message);
    let many = side.push(&bearer("e", None), "e", "a", vec![upsert("e", "a", 1, "e", 1)]).await;
    assert_eq!((many.status, many.error().code), (StatusCode::NOT_FOUND, ErrorCode::DatabaseNotFound));
    side.push(&token, "d", "a", vec![upsert("d", "a", 3, "e", 2)]).await.pushed();
}

#[tokio::test]
async fn names_that_nothing_can_have_are_refused() {
    let open = sangam_sync_server::Access { open: true, ..live().access };
    let side = serve(Options::default(), sangam_sync_server::Live { access: open, ..live() }).await;
    let long = "n".repeat(513);
    let anybody = "";
    for (answer, field) in [
        (side.handshake(anybody, "", "a", &[]).await, "dbId"),
        (side.handshake(anybody, &long, "a", &[]).await, "dbId"),
        (side.handshake(anybody, "d", "", &[]).await, "deviceId"),
        (side.pull(anybody, from_start(&long)).await, "dbId"),
        (side.push(anybody, "d", &long, vec![]).await, "deviceId"),
    ] {
        assert_eq!((answer.status, answer.error().field.as_deref()), (StatusCode::BAD_REQUEST, Some(field)));
    }
}

#[tokio::test]
async fn a_server_that_stops_asks_to_come_back() {
    let side = with(1).await;
    side.server.drain().await;
    let answer = side.push(&bearer("d", None), "d", "a", vec![upsert("d", "a", 2, "f", 1)]).await;
    let error = answer.error();
    assert_eq!((answer.status, error.code), (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::ServiceUnavailable));
    assert!((1..=5).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
}
