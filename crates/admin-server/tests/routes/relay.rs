use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use http::Method;
use http_body_util::BodyExt as _;
use sangam_control::{
    Ended, Kick, RelayEvent, RelayEventSubscription, RelayEvents, RelaySession, RelaySessions, RelayTraffic,
    Revocation, RevocationError, RevocationOrder, Revoked, RevokedName, SessionChange, SessionCursor, SessionFilter,
    SessionId, SessionList, SessionPage, SessionTransport, TopBy,
};
use sangam_types::Wall;
use serde_json::json;

use crate::server::{From, NOW, Server, expired, token};

/// A relay with one session, which writes down what it is told.
pub(crate) struct FakeSessions {
    told: Mutex<Vec<String>>,
    events: RelayEvents,
}

impl Default for FakeSessions {
    fn default() -> Self {
        Self { told: Mutex::default(), events: RelayEvents::new(2, 1) }
    }
}

const ID: SessionId = SessionId { thread: 1, start: 0xabc, allocation: 1 << 32 };

fn session() -> RelaySession {
    let traffic = |packets| RelayTraffic { packets, bytes: packets * 100 };
    RelaySession {
        id: ID,
        username: "1700000600:alice/1".to_owned(),
        user: "alice/1".to_owned(),
        label: "alice".to_owned(),
        client: "203.0.113.9:50000".parse().unwrap(),
        server: "192.0.2.1:3478".parse().unwrap(),
        transport: SessionTransport::Udp,
        relayed: "10.0.0.5:49152".parse().unwrap(),
        external: "192.0.2.1:49152".parse().unwrap(),
        additional: None,
        begun_at: NOW.wall,
        expires_in_secs: 600,
        permissions: 2,
        channels: 1,
        to_peer: traffic(3),
        to_client: traffic(4),
        to_peer_per_sec: traffic(1),
        to_client_per_sec: traffic(2),
    }
}

impl FakeSessions {
    fn tell(&self, what: String) {
        self.told.lock().unwrap().push(what);
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

fn list(sessions: Vec<RelaySession>, next: Option<SessionCursor>) -> SessionList {
    SessionList { sessions, next, allocations: 7, silent_threads: vec![2], interval: Duration::from_secs(5) }
}

impl RelaySessions for FakeSessions {
    fn list(&self, page: SessionPage) -> BoxFuture<'_, SessionList> {
        let SessionPage { filter: SessionFilter { user, label, client }, from, limit } = page;
        self.tell(format!("list {user:?} {label:?} {client:?} {}-{} {limit}", from.thread, from.place));
        Box::pin(ready(list(vec![session()], Some(SessionCursor { thread: 1, place: 9 }))))
    }

    fn top(&self, by: TopBy, count: usize) -> BoxFuture<'_, SessionList> {
        self.tell(format!("top {by:?} {count}"));
        Box::pin(ready(list(vec![session()], None)))
    }

    fn find(&self, id: SessionId) -> BoxFuture<'_, SessionList> {
        let sessions = if id == ID { vec![session()] } else { vec![] };
        let silent_threads = if id.thread == 2 { vec![2] } else { vec![] };
        Box::pin(ready(SessionList { silent_threads, ..list(sessions, None) }))
    }

    fn kick(&self, whom: Kick) -> BoxFuture<'_, Ended> {
        let ended = usize::from(whom != Kick::One(SessionId { thread: 0, ..ID }));
        self.tell(format!("kick {whom:?}"));
        Box::pin(ready(Ended { ended, silent_threads: vec![] }))
    }

    fn is_draining(&self) -> bool {
        false
    }

    fn set_draining(&self, draining: bool) {
        self.tell(format!("drain {draining}"));
    }

    fn revocations(&self) -> Vec<Revocation> {
        vec![Revocation { name: RevokedName::User("eve".to_owned()), since: NOW.wall, until: None }]
    }

    fn revoke(&self, order: RevocationOrder) -> BoxFuture<'_, Result<Revoked, RevocationError>> {
        self.tell(format!("revoke {order:?}"));
        let full = order.name == RevokedName::User("one too many".to_owned());
        let revocation = Revocation { name: order.name, since: NOW.wall, until: order.until };
        let done = Revoked { revocation, sessions: Ended { ended: 3, silent_threads: vec![] } };
        Box::pin(ready(if full { Err(RevocationError::Full { max: 4 }) } else { Ok(done) }))
    }

    fn restore(&self, whose: RevokedName) -> BoxFuture<'_, Result<bool, RevocationError>> {
        let is_there = whose == RevokedName::User("eve".to_owned());
        self.tell(format!("restore {whose:?}"));
        Box::pin(ready(Ok(is_there)))
    }

    fn subscribe(&self) -> Option<RelayEventSubscription> {
        self.events.subscribe()
    }
}

#[tokio::test]
async fn sessions_come_as_a_page_with_a_link_to_the_next() {
    let server = Server::new();
    let path = "/api/v1/relay/sessions?label=alice&client=203.0.113.9&limit=1&after=0-3";
    let answer = server.get(path, &token("admin:read")).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    assert_eq!(server.sessions.told(), [r#"list None Some("alice") Some(203.0.113.9) 0-3 1"#]);
    let next = "/api/v1/relay/sessions?label=alice&client=203.0.113.9&limit=1&after=1-9";
    assert_eq!(answer.json()["links"], json!({ "self": path, "next": next }));
    let meta = json!({ "count": 1, "allocations": 7, "silent_threads": [2], "interval_secs": 5.0 });
    assert_eq!(answer.json()["meta"], meta);
    let expected = json!({
        "id": "1-00000abc-100000000", "username": "1700000600:alice/1", "user": "alice/1", "label": "alice",
        "client": "203.0.113.9:50000", "server": "192.0.2.1:3478", "transport": "udp",
        "relayed": "10.0.0.5:49152", "external": "192.0.2.1:49152",
        "begun_at": "2023-11-14T22:13:20.000Z", "expires_in_secs": 600, "permissions": 2, "channels": 1,
        "to_peer": { "packets": 3, "bytes": 300 }, "to_client": { "packets": 4, "bytes": 400 },
        "to_peer_per_sec": { "packets": 1, "bytes": 100 }, "to_client_per_sec": { "packets": 2, "bytes": 200 },
    });
    assert_eq!(answer.json()["data"], json!([expected]));
    let one = server.get("/api/v1/relay/sessions/1-00000abc-100000000", &From::Loopback).await;
    assert_eq!((one.status.as_u16(), one.json()), (200, expected));
    server.get("/api/v1/relay/sessions/top?by=packets&count=3", &From::Loopback).await;
    server.get("/api/v1/relay/sessions/top", &From::Loopback).await;
    server.get("/api/v1/relay/sessions", &From::Loopback).await;
    assert_eq!(server.sessions.told(), ["top Packets 3", "top Bytes 10", "list None None None 0-0 100"]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_with_a_code_and_does_nothing() {
    let server = Server::new();
    let writer = token("admin:write");
    for (method, path, body, status, code) in [
        (Method::GET, "sessions?limit=0", "", 400, "query_invalid"),
        (Method::GET, "sessions?limit=1001", "", 400, "query_invalid"),
        (Method::GET, "sessions?after=9", "", 400, "query_invalid"),
        (Method::GET, "sessions?usr=alice", "", 400, "query_invalid"),
        (Method::GET, "sessions/top?by=age", "", 400, "query_invalid"),
        (Method::GET, "sessions/7", "", 404, "session_not_found"),
        (Method::GET, "sessions/0-00000abc-100000000", "", 404, "session_not_found"),
        (Method::GET, "sessions/2-00000abc-100000000", "", 503, "thread_silent"),
        (Method::DELETE, "sessions", "", 400, "selection_required"),
        (Method::DELETE, "sessions?usr=alice", "", 400, "query_invalid"),
        (Method::PUT, "drain", "", 400, "body_invalid"),
        (Method::PUT, "drain", r#"{"draining":"yes"}"#, 400, "body_invalid"),
        (Method::POST, "revocations", "{}", 400, "selection_required"),
        (Method::POST, "revocations", r#"{"user":"a","label":"b"}"#, 400, "selection_required"),
        (Method::POST, "revocations", r#"{"user":""}"#, 400, "name_invalid"),
        (Method::POST, "revocations", r#"{"user":"a","until":"tomorrow"}"#, 400, "time_invalid"),
        (Method::DELETE, "revocations", "", 400, "selection_required"),
    ] {
        let length = body.len().to_string();
        let headers = [("content-length", length.as_str())];
        let answer = server.send_body(method.clone(), &format!("/api/v1/relay/{path}"), &writer, &headers, body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (status, &json!(code)), "{method} {path} {body}");
    }
    assert_eq!(server.sessions.told(), Vec::<String>::new());
    let gone = server.send(Method::DELETE, "/api/v1/relay/sessions/0-00000abc-100000000", &writer, &[]).await;
    assert_eq!((gone.status.as_u16(), &gone.json()["code"]), (404, &json!("session_not_found")));
    let gone = server.send(Method::DELETE, "/api/v1/relay/revocations?label=eve", &writer, &[]).await;
    assert_eq!((gone.status.as_u16(), &gone.json()["code"]), (404, &json!("revocation_not_found")));
}

const WRITES: [(Method, &str, &str, u16, &str); 6] = [
    (
        Method::DELETE,
        "sessions/1-00000abc-100000000",
        "",
        200,
        "kick One(SessionId { thread: 1, start: 2748, allocation: 4294967296 })",
    ),
    (
        Method::DELETE,
        "sessions?user=alice%2F1",
        "",
        200,
        r#"kick Each(SessionFilter { user: Some("alice/1"), label: None, client: None })"#,
    ),
    (Method::PUT, "drain", r#"{"draining":true}"#, 200, "drain true"),
    (
        Method::POST,
        "revocations",
        r#"{"label":"alice"}"#,
        201,
        r#"revoke RevocationOrder { name: Label("alice"), until: None }"#,
    ),
    (
        Method::POST,
        "revocations",
        r#"{"user":"alice","until":"2030-01-31T12:00:00Z"}"#,
        201,
        r#"revoke RevocationOrder { name: User("alice"), until: Some(Wall(1896091200000)) }"#,
    ),
    (Method::DELETE, "revocations?user=eve", "", 204, r#"restore User("eve")"#),
];

#[tokio::test]
async fn changing_something_needs_a_token_with_the_write_scope_from_everywhere() {
    let server = Server::new();
    for (method, path, body, status, order) in WRITES {
        let length = body.len().to_string();
        let headers = [("content-length", length.as_str())];
        let path = format!("/api/v1/relay/{path}");
        for (from, refusal) in [
            (From::Loopback, (401, "token_required")),
            (From::Allowed, (401, "token_required")),
            (From::Public, (401, "token_required")),
            (token("admin:read"), (403, "scope_required")),
            (expired("admin:write"), (401, "token_expired")),
        ] {
            let answer = server.send_body(method.clone(), &path, &from, &headers, body).await;
            assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str().unwrap()), refusal, "{path} {from:?}");
            assert_eq!(server.sessions.told(), Vec::<String>::new());
        }
        let answer = server.send_body(method, &path, &token("admin:write"), &headers, body).await;
        assert_eq!((answer.status.as_u16(), server.sessions.told()), (status, vec![order.to_owned()]), "{path}");
    }
}

#[tokio::test]
async fn a_revocation_is_shown_as_it_is_in_force_and_one_too_many_is_refused() {
    let server = Server::new();
    let revoke = async |body: &str| {
        let length = body.len().to_string();
        let headers = [("content-length", length.as_str())];
        server.send_body(Method::POST, "/api/v1/relay/revocations", &token("admin:write"), &headers, body).await
    };
    let answer = revoke(r#"{"label":"alice","until":"2030-01-31T12:00:00Z"}"#).await;
    let expected = json!({
        "label": "alice", "since": "2023-11-14T22:13:20.000Z", "until": "2030-01-31T12:00:00.000Z",
        "ended": 3, "silent_threads": [],
    });
    assert_eq!(answer.json(), expected);
    let full = revoke(r#"{"user":"one too many"}"#).await;
    assert_eq!((full.status.as_u16(), &full.json()["code"]), (409, &json!("revocations_full")));
    let list = server.get("/api/v1/relay/revocations", &From::Loopback).await;
    let eve = json!([{ "user": "eve", "since": "2023-11-14T22:13:20.000Z", "until": null }]);
    assert_eq!((&list.json()["data"], &list.json()["meta"]), (&eve, &json!({ "count": 1 })));
    let drain = server.get("/api/v1/relay/drain", &From::Loopback).await;
    assert_eq!(drain.json(), json!({ "draining": false }));
}

#[tokio::test]
async fn events_come_one_json_object_each_and_a_slow_reader_is_told_how_many_it_missed() {
    let server = Server::new();
    let path = "/api/v1/relay/events";
    assert_eq!(server.get(path, &From::Public).await.status, 401);
    let response = server.respond(Method::GET, path, &From::Loopback, &[], "").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let second = server.get(path, &From::Loopback).await;
    assert_eq!((second.status.as_u16(), &second.json()["code"]), (503, &json!("too_many_subscribers")));
    for lifetime_secs in 1..=5 {
        let addr = "203.0.113.9:50000".parse().unwrap();
        server.sessions.events.publish(RelayEvent {
            at: Wall::from_unix_secs(1_700_000_000),
            session: ID,
            user: "alice/1".to_owned(),
            label: "alice".to_owned(),
            client: addr,
            relayed: addr,
            change: SessionChange::New { lifetime_secs },
        });
    }
    server.sessions.events.close();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let events: Vec<&str> = text.trim_end().split("\n\n").collect();
    assert_eq!(events.len(), 3, "{text}");
    assert_eq!(events[0], "event: missed\ndata: {\"missed\":3}");
    let data = events[1].strip_prefix("event: session\ndata: ").unwrap();
    let event: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(
        (&event["status"], &event["lifetime_secs"], &event["label"]),
        (&json!("new"), &json!(4), &json!("alice"))
    );
}
