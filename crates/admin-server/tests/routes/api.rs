use http::Method;
use sangam_control::PartState;
use serde_json::json;

use crate::server::{From, Server, expired, token};

#[tokio::test]
async fn system_health_has_the_guides_fields_with_checks_run_now() {
    let server = Server::new();
    for (state, status, part_status) in [
        (PartState::Ready, "healthy", "healthy"),
        (PartState::Degraded, "degraded", "degraded"),
        (PartState::Draining, "degraded", "degraded"),
        (PartState::Failed, "degraded", "unhealthy"),
    ] {
        server.relay.be(state);
        let answer = server.get("/api/v1/system/health?environment=production", &From::Loopback).await;
        assert_eq!(answer.status, 200);
        let body = answer.json();
        assert_eq!(body["status"], status);
        assert_eq!(body["healthy"], state == PartState::Ready);
        assert_eq!(body["version"], "1.2.3");
        assert_eq!(body["deployed_at"], "2023-11-14T21:13:20.000Z");
        assert_eq!(body["timestamp"], "2023-11-14T22:13:20.000Z");
        assert_eq!(body["health_checks"]["relay"]["status"], part_status);
        assert_eq!(body["health_checks"]["relay"]["message"], "relay was told so");
        assert_eq!(body["health_checks"]["signal"]["status"], "healthy");
    }
}

#[tokio::test]
async fn the_api_is_for_the_privileged_whether_a_path_exists_or_not() {
    let server = Server::new();
    for path in ["/api/v1/system/health", "/api/v1/nothing", "/api/v1", "/api/v1/"] {
        let exists = path == "/api/v1/system/health";
        let found = if exists { (200, json!(null)) } else { (404, json!("not_found")) };
        for (from, expected) in [
            (From::Loopback, found.clone()),
            (From::Allowed, found.clone()),
            (token("admin:read"), found.clone()),
            (token("admin:write"), found.clone()),
            (From::Public, (401, json!("token_required"))),
            (From::Rebound, (401, json!("token_required"))),
            (From::Nowhere, (401, json!("token_required"))),
            (expired("admin:read"), (401, json!("token_expired"))),
            (token("metrics:read"), (403, json!("scope_required"))),
        ] {
            let answer = server.get(path, &from).await;
            assert_eq!((answer.status.as_u16(), answer.json()["code"].clone()), expected, "{path} {from:?}");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn problems_have_the_members_of_rfc_9457() {
    let answer = Server::new().get("/api/v1/nothing", &From::Loopback).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let expected = json!({
        "status": 404,
        "code": "not_found",
        "title": "Not Found",
        "detail": "There is no GET /api/v1/nothing here.",
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn a_method_that_is_not_served_is_refused_with_those_that_are() {
    let server = Server::new();
    for path in ["/health", "/metrics", "/", "/check/", "/api/v1/system/health"] {
        let answer = server.send(Method::POST, path, &From::Loopback, &[]).await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.header("allow"), "GET,HEAD", "{path}");
        assert_eq!(answer.json()["code"], "method_not_allowed", "{path}");
    }
    assert_eq!(server.send(Method::DELETE, "/api/v1/nothing", &From::Public, &[]).await.status, 401);
}
