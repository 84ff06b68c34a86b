use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use sangam_sync_proto::message::{Message as _, PullRequest, PushRequest};

use crate::side::{bearer, from_start, get, plain, post, request, upsert};

#[tokio::test]
async fn requests_are_counted_under_words_of_ours() {
    let side = plain().await;
    let token = bearer("d", Some("a"));
    side.push(&token, "d", "a", vec![upsert("d", "a", 1, "e", 1), upsert("d", "a", 2, "f", 1)]).await.pushed();
    side.push(&token, "d", "a", vec![upsert("d", "a", 3, "e", 1)]).await;
    side.pull(&token, from_start("d")).await.pulled();
    side.ask(get("/v1/push", "")).await;
    side.ask(request(Method::from_bytes(b"CANARY").unwrap(), "/v1/canary,canary=1").body(Body::empty()).unwrap()).await;
    let text = side.scraped();
    for line in [
        r#"entidb_sync_requests_total{endpoint="push",method="POST",status="200"} 2"#,
        r#"entidb_sync_requests_total{endpoint="push",method="GET",status="401"} 1"#,
        r#"entidb_sync_requests_total{endpoint="other",method="other",status="401"} 1"#,
        "entidb_sync_request_errors_total 2",
        "entidb_sync_operations_pushed_total 2",
        "entidb_sync_operations_pulled_total 2",
        "entidb_sync_conflicts_total 0",
        "entidb_sync_response_size_bytes_count 5",
        r#"sangam_sync_refusals_total{reason="token_missing"} 2"#,
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    assert!(!text.to_lowercase().contains("canary"), "{text}");
}

#[tokio::test]
async fn bytes_are_counted_also_of_bodies_that_do_not_say_how_many_they_have() {
    let side = plain().await;
    let body = Bytes::from(PushRequest { db: "d".into(), device: "a".into(), ops: vec![] }.encode());
    let pieces: Vec<_> = body.chunks(5).map(|piece| Ok::<_, std::io::Error>(body.slice_ref(piece))).collect();
    side.ask(post("/v1/push", &bearer("d", None), Body::from_stream(stream::iter(pieces)))).await.pushed();
    let line = format!("entidb_sync_request_size_bytes_sum {}.0", body.len());
    let text = side.scraped();
    assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
}

#[tokio::test]
async fn a_cursor_above_the_head_is_counted_once() {
    let side = plain().await;
    side.push(&bearer("d", None), "d", "a", vec![upsert("d", "a", 1, "e", 1)]).await.pushed();
    side.pull(&bearer("d", None), PullRequest { since: 9, ..from_start("d") }).await.pulled();
    let text = side.scraped();
    assert!(text.lines().any(|line| line == "sangam_sync_pulls_ahead_total 1"), "{text}");
}
