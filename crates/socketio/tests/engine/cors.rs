use http::HeaderValue;
use sangam_socketio::engine::{CorsPolicy, EngineOptions, NotOpened};

use crate::support::TestServer;

const POLLING: &str = "EIO=4&transport=polling";

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_read_every_answer() {
    let server = TestServer::start(EngineOptions::default()).await;
    for (query, status) in [(POLLING, 200), ("EIO=4", 400)] {
        let answer = server.request("GET", query, "origin: https://page.example\r\n", "").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin").unwrap(), "https://page.example");
        assert_eq!(answer.header("access-control-allow-credentials").unwrap(), "true");
        assert_eq!(answer.header("vary").unwrap(), "Origin");
    }
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_reads_nothing_and_opens_no_websocket() {
    let server = TestServer::start(EngineOptions::default()).await;
    let answer = server.request("GET", POLLING, "origin: https://evil.example\r\n", "").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let headers = [("origin", "https://evil.example")];
    let (status, body, _) = server.refusal("EIO=4&transport=websocket", &headers).await;
    assert_eq!((status, body.as_str()), (403, r#"{"code":4,"message":"Forbidden"}"#));
    assert!(server.engine.stats().not_opened.contains(&(NotOpened::Origin, 1)));
}

#[tokio::test]
async fn a_preflight_is_answered_for_allowed_origins() {
    let server = TestServer::start(EngineOptions::default()).await;
    let asks = "access-control-request-headers: x-mine\r\n";
    let allowed = server.request("OPTIONS", POLLING, &format!("origin: https://page.example\r\n{asks}"), "").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin").unwrap(), "https://page.example");
    assert_eq!(allowed.header("access-control-allow-methods").unwrap(), "GET,POST");
    assert_eq!(allowed.header("access-control-allow-headers").unwrap(), "x-mine");
    let foreign = server.request("OPTIONS", POLLING, &format!("origin: https://evil.example\r\n{asks}"), "").await;
    assert_eq!((foreign.status, foreign.header("access-control-allow-origin")), (204, None));
    assert_eq!(foreign.header("access-control-allow-methods"), None);
}

#[tokio::test]
async fn a_strict_server_names_its_one_origin_to_everybody() {
    let cors = CorsPolicy::Fixed(HeaderValue::from_static("http://localhost:3000"));
    let server = TestServer::start(EngineOptions { cors, ..EngineOptions::default() }).await;
    let answer = server.request("GET", POLLING, "origin: https://evil.example\r\n", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin").unwrap(), "http://localhost:3000");
    let headers = [("origin", "https://evil.example")];
    assert!(server.try_open("EIO=4&transport=websocket", &headers).await.is_ok());
}

#[tokio::test]
async fn a_server_without_cors_names_no_origin_and_takes_a_preflight_for_a_request() {
    let server = TestServer::start(EngineOptions { cors: CorsPolicy::Off, ..EngineOptions::default() }).await;
    let own = "origin: https://page.example\r\n";
    let answer = server.request("GET", POLLING, own, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
    let preflight = server.request("OPTIONS", POLLING, own, "").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-methods")), (400, None));
    let (status, ..) = server.refusal("EIO=4&transport=websocket", &[("origin", "https://evil.example")]).await;
    assert_eq!(status, 403);
}
