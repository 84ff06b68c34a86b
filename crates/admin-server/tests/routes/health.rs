use http::Method;
use sangam_control::PartState;
use serde_json::json;

use crate::server::{From, Server, expired};

#[tokio::test]
async fn health_answers_everybody_with_the_fields_that_old_clients_read() {
    let server = Server::new();
    for from in [From::Loopback, From::Rebound, From::Allowed, From::Public, From::Nowhere, expired("admin:read")] {
        let answer = server.get("/health", &from).await;
        assert_eq!(answer.status, 200, "{from:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let expected = json!({"status": "ok", "timestamp": "2023-11-14T22:13:20.000Z", "version": "1.2.3", "uptime_seconds": 3600});
        assert_eq!(answer.json(), expected);
    }
}

#[tokio::test]
async fn health_says_that_the_process_answers_and_nothing_of_its_parts() {
    let server = Server::new();
    server.relay.be(PartState::Failed);
    assert_eq!(server.get("/health", &From::Public).await.status, 200);
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let answer = Server::new().send(Method::HEAD, "/health", &From::Public, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("content-type"), "application/json");
}
