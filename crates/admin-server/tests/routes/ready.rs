use std::sync::Arc;

use sangam_control::PartState;
use serde_json::json;

use crate::server::{From, Server, access, bearer, expired, token};

#[tokio::test]
async fn the_public_learns_whether_and_the_privileged_learn_why() {
    let server = Server::new();
    let detail = json!({
        "relay": {"state": "ready", "detail": "relay was told so", "took_ms": 0},
        "signal": {"state": "ready", "detail": "signal was told so", "took_ms": 0},
    });
    for (from, privileged) in [
        (From::Loopback, true),
        (From::Allowed, true),
        (token("admin:read"), true),
        (From::Public, false),
        (From::Rebound, false),
        (From::Nowhere, false),
        (token("metrics:read"), false),
        (expired("admin:read"), false),
        (bearer(b'x', "admin:read", 7_200), false),
    ] {
        let answer = server.get("/ready", &from).await;
        assert_eq!(answer.status, 200, "{from:?}");
        let mut found = answer.json();
        for part in found.get_mut("parts").and_then(|parts| parts.as_object_mut()).into_iter().flatten() {
            part.1["took_ms"] = json!(0);
        }
        let expected = if privileged { json!({"ready": true, "parts": detail}) } else { json!({"ready": true}) };
        assert_eq!(found, expected, "{from:?}");
    }
}

#[tokio::test]
async fn readiness_follows_the_parts_from_one_request_to_the_next() {
    let server = Server::new();
    for (state, status, ready) in [
        (PartState::Degraded, 200, true),
        (PartState::Draining, 503, false),
        (PartState::Failed, 503, false),
        (PartState::Ready, 200, true),
    ] {
        server.relay.be(state);
        let answer = server.get("/ready", &From::Public).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (status, json!({"ready": ready})), "{state:?}");
    }
}

#[tokio::test]
async fn a_reload_of_keys_and_addresses_is_in_force_at_once() {
    let server = Server::new();
    let old = token("admin:read");
    let new = bearer(b'n', "admin:read", 7_200);
    let sees_detail = async |from| server.get("/ready", from).await.json().get("parts").is_some();
    assert_eq!(
        (sees_detail(&old).await, sees_detail(&new).await, sees_detail(&From::Allowed).await),
        (true, false, true)
    );
    let mut reloaded = access(b'n');
    reloaded.allow.clear();
    server.access.store(Arc::new(reloaded));
    assert_eq!(
        (sees_detail(&old).await, sees_detail(&new).await, sees_detail(&From::Allowed).await),
        (false, true, false)
    );
}
