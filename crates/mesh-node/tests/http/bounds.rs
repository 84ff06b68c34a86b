//! What a client can make grow has a bound.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use sangam_mesh_node::http::HttpOptions;
use serde_json::json;

use crate::engine::{Lab, Truth, client, neighbour, stranger};

#[tokio::test]
async fn bodies_are_as_long_as_they_may_be_and_packets_longer() {
    let options = HttpOptions { body_bytes_max: 100, gossip_bytes_max: 200, ..HttpOptions::default() };
    let lab = Lab::with(Truth::default(), options);
    let long = |bytes: usize| " ".repeat(bytes - 2) + "{}";
    assert_eq!(lab.post("/p2p/signal/receive", long(100)).await.status, 400);
    let refused = lab.post("/p2p/signal/receive", long(101)).await;
    refused.is(413, &json!({ "detail": "the body has more than 100 bytes" }));
    assert_eq!(lab.post("/gossip", long(200)).await.status, 422);
    assert_eq!(lab.post("/gossip", long(201)).await.status, 413);
    assert!(lab.counted(r#"sangam_mesh_http_refusals_total{reason="size"} 2"#));
}

#[tokio::test]
async fn an_address_that_posts_too_often_waits_and_others_do_not() {
    let options = HttpOptions { posts_per_sec: 1, posts_burst: 2, ..HttpOptions::default() };
    let lab = Lab::with(Truth::default(), options);
    for _ in 0..2 {
        assert_eq!(lab.post("/p2p/signal/receive", "{}").await.status, 400);
    }
    let refused = lab.post("/p2p/signal/receive", "{}").await;
    assert_eq!((refused.status.as_u16(), refused.headers["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(lab.get("/whoami").await.status, 200, "reading is counted apart");
    let other = Request::post("/p2p/signal/receive").extension(client("192.0.2.8:1", false)).body("{}".into());
    assert_eq!(lab.send(other.unwrap()).await.status, 400);
    assert!(lab.counted(r#"sangam_mesh_http_refusals_total{reason="rate"} 1"#));
}

#[tokio::test]
async fn reading_too_often_is_refused_too_but_not_to_the_operator() {
    let options = HttpOptions { gets_per_sec: 1, gets_burst: 1, ..HttpOptions::default() };
    let lab = Lab::with(Truth::default(), options);
    assert_eq!(lab.get("/state").await.status, 200);
    assert_eq!(lab.get("/state").await.status, 429);
    for _ in 0..3 {
        assert_eq!(lab.get_here("/state").await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_given_up_and_holds_its_place_until_then() {
    let options = HttpOptions { bodies_max: 1, body_timeout: Duration::from_secs(5), ..HttpOptions::default() };
    let lab = Lab::with(Truth::default(), options);
    let never = Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let (router, request) = (lab.router.clone(), stranger(Request::post("/gossip")).body(never).unwrap());
    let waiting = tokio::spawn(tower::ServiceExt::oneshot(router, request));
    tokio::task::yield_now().await;
    assert_eq!(lab.post("/gossip", "{}").await.status, 503);
    assert_eq!(waiting.await.unwrap().unwrap().status(), 408);
    assert_eq!(lab.post("/gossip", "{}").await.status, 422);
}

#[tokio::test(start_paused = true)]
async fn all_bodies_together_have_one_bound_and_give_back_what_they_held() {
    let bounds =
        HttpOptions { body_bytes_max: 100, gossip_bytes_max: 200, bodies_bytes_max: 250, ..HttpOptions::default() };
    let lab = Lab::with(Truth::default(), bounds);
    let (told, taken) = tokio::sync::oneshot::channel();
    let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b' '; 200])) });
    // It is asked for more once it was taken.
    let never = futures_util::stream::once(async {
        told.send(()).ok();
        std::future::pending().await
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(first, never));
    let (router, request) = (lab.router.clone(), stranger(Request::post("/gossip")).body(body).unwrap());
    let waiting = tokio::spawn(tower::ServiceExt::oneshot(router, request));
    taken.await.unwrap();
    let long = |bytes: usize| " ".repeat(bytes - 2) + "{}";
    let refused = lab.post("/p2p/signal/receive", long(51)).await;
    assert_eq!(refused.headers["retry-after"], "1");
    refused.is(503, &json!({ "detail": "too many bytes of requests at once" }));
    assert!(lab.counted(r#"sangam_mesh_http_refusals_total{reason="memory"} 1"#));
    for _ in 0..3 {
        assert_eq!(lab.post("/p2p/signal/receive", long(50)).await.status, 400, "what was held is given back");
    }
    assert_eq!(waiting.await.unwrap().unwrap().status(), 408);
    assert_eq!(lab.post("/gossip", long(200)).await.status, 422);
}

#[tokio::test]
async fn a_method_that_a_path_has_not_is_refused_in_the_originals_words() {
    let lab = Lab::new(Truth::default());
    lab.get("/gossip").await.is(405, &json!({ "detail": "Method Not Allowed" }));
    let post = neighbour(Request::post("/whoami")).body(Body::empty()).unwrap();
    assert_eq!(lab.send(post).await.status, 405);
}
