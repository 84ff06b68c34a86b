use sangam_auth::token::Use;
use sangam_sync_server::Streams;
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::side::{bearer, claims, mint, upsert};
use crate::support::Server;

#[tokio::test]
async fn a_stream_needs_the_name_of_its_replica() {
    let server = Server::plain().await;
    let refusal = server.refusal("/v1/events", &bearer("d", Some("a"))).await;
    assert_eq!(refusal, (400, json!({ "error": "Missing deviceId query parameter", "code": 1 })));
    for path in ["/v1/events?deviceId=", "/v1/stream?dbId=d", "/v1/events?deviceId=%ff"] {
        assert_eq!(server.refusal(path, &bearer("d", None)).await.0, 400, "{path}");
    }
    let long = format!("/v1/events?deviceId={}", "x".repeat(513));
    assert_eq!(server.refusal(&long, &bearer("d", None)).await.0, 400);
}

#[tokio::test]
async fn a_stream_is_of_the_database_and_replica_of_its_token_alone() {
    let server = Server::plain().await;
    for (path, token) in [
        ("/v1/events?deviceId=a&dbId=other", bearer("d", None)),
        ("/v1/events?deviceId=b", bearer("d", Some("a"))),
        ("/v1/stream?deviceId=b&dbId=d", bearer("d", Some("a"))),
    ] {
        let (status, body) = server.refusal(path, &token).await;
        assert_eq!((status, &body["code"]), (403, &json!(3)), "{path}");
    }
    let (status, body) = server.refusal("/v1/events?deviceId=a", "Bearer nonsense").await;
    assert_eq!((status, &body["code"]), (401, &json!(2)));
    for use_ in [Use::Admin, Use::Signal] {
        let token = format!("Bearer {}", mint(use_, &claims(Some("d"), None)));
        assert_eq!(server.refusal("/v1/events?deviceId=a", &token).await.0, 401);
    }
}

#[tokio::test]
async fn what_is_committed_in_a_database_reaches_no_stream_of_another() {
    let server = Server::plain().await;
    let mut there = server.events_at("/v1/events?deviceId=a", &bearer("other", Some("a")), "").await;
    let mut here = server.events("a").await;
    let mut socket = server.try_socket("?deviceId=a", &bearer("other", Some("a"))).await.unwrap();
    assert_eq!(socket.json().await["type"], "subscribed");
    assert_eq!((there.connected().await, here.connected().await), (0, 0));
    for n in 1..=3 {
        server.push("d", "b", vec![upsert("d", "b", n, "secret", n)]).await;
    }
    assert_eq!(here.cursors_to(3).await, [1, 2, 3]);
    server.push("other", "b", vec![upsert("other", "b", 1, "own", 1)]).await;
    let event = there.next().await.unwrap();
    assert!(event.contains("\"own\"") && !event.contains("secret"), "{event}");
    let message = socket.text().await;
    assert!(message.contains("\"own\"") && !message.contains("secret"), "{message}");
}

#[tokio::test]
async fn a_socket_takes_a_token_as_bearer_as_basic_password_or_in_the_query() {
    let server = Server::plain().await;
    let token = mint(Use::Sync, &claims(Some("d"), Some("a")));
    let basic = format!("Basic {}", STANDARD.encode(format!("t:{token}")));
    for (query, headers) in [
        ("?deviceId=a".to_owned(), vec![("authorization", format!("Bearer {token}"))]),
        ("?deviceId=a&dbId=d".to_owned(), vec![("authorization", basic.clone())]),
        (format!("?deviceId=a&token={token}"), vec![]),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let mut socket = server.try_socket_of(&query, &headers).await.unwrap();
        assert_eq!(socket.json().await["type"], "subscribed");
    }
    assert_eq!(server.refusal("/v1/events?deviceId=a", &basic).await.0, 401, "an event stream can send a header");
}

#[tokio::test]
async fn a_socket_is_refused_before_it_is_one() {
    let server = Server::plain().await;
    let own = bearer("d", Some("a"));
    for (query, headers, status) in [
        ("?deviceId=a", vec![], 401),
        ("?deviceId=a&token=nonsense", vec![], 401),
        ("", vec![("authorization", &*own)], 400),
        ("?deviceId=b", vec![("authorization", &*own)], 403),
        ("?deviceId=a&dbId=other", vec![("authorization", &*own)], 403),
        ("?deviceId=a", vec![("authorization", &*own), ("origin", "https://evil.example")], 403),
    ] {
        let refused = server.try_socket_of(query, &headers).await;
        let Err(Error::Http(response)) = refused else { panic!("{query} {headers:?} was not refused") };
        assert_eq!(response.status(), status, "{query}");
    }
    let own = [("authorization", &*own), ("origin", "https://page.example")];
    assert!(server.try_socket_of("?deviceId=a", &own).await.is_ok());
}

#[tokio::test]
async fn a_plain_request_is_no_socket() {
    let server = Server::plain().await;
    let (status, body) = server.refusal("/v1/ws?deviceId=a", &bearer("d", Some("a"))).await;
    assert!((400..=426).contains(&status), "{status}");
    assert_eq!(body["code"], 1);
}

#[tokio::test]
async fn too_many_streams_are_refused_with_429() {
    let limits = Streams { sse_max: 3, websocket_max: 1, per_database_max: 2, ..Streams::default() };
    let server = Server::with(limits).await;
    let mut open = vec![server.events("a").await, server.events("b").await];
    for path in ["/v1/events?deviceId=c", "/v1/stream?deviceId=c"] {
        let (status, body) = server.refusal(path, &bearer("d", None)).await;
        assert_eq!((status, &body["code"], &body["error"]), (429, &json!(7), &json!("Too many SSE connections")));
    }
    open.push(server.events_at("/v1/events?deviceId=a", &bearer("other", None), "").await);
    assert_eq!(server.refusal("/v1/events?deviceId=a", &bearer("third", None)).await.0, 429);
    let _socket = server.socket("a").await;
    let refused = server.try_socket("?deviceId=b", &bearer("d", None)).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 429));
    open.clear();
    // The server sees a connection end in its own time.
    let reopened = async {
        while server
            .ask(&format!("GET /v1/events?deviceId=c HTTP/1.1\r\nauthorization: {}\r\n", bearer("d", None)))
            .await
            .status
            != 200
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, reopened).await.unwrap();
}

#[tokio::test]
async fn event_streams_can_be_switched_off() {
    let server = Server::with(Streams { sse: false, ..Streams::default() }).await;
    assert_eq!(server.refusal("/v1/events?deviceId=a", &bearer("d", None)).await.0, 404);
    server.socket("a").await;
}
