use std::sync::Mutex;

use futures_util::future::{BoxFuture, ready};
use http::Method;
use sangam_control::{SyncAdmin, SyncAdminError, SyncConflict, SyncDatabase, SyncList, SyncReplica, SyncVersion};
use serde_json::json;

use crate::server::{Answer, From, Server, bearer, expired, token};

const AT: &str = "2023-11-14T22:13:20.000Z";

/// Sync of which one database is there, `a/b`, and one cannot be asked, which writes down what it is told.
#[derive(Default)]
pub(crate) struct FakeSync(Mutex<Vec<String>>);

type Answered<'a, T> = BoxFuture<'a, Result<T, SyncAdminError>>;

impl FakeSync {
    fn tell(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn a_database() -> SyncDatabase {
    SyncDatabase {
        db: "a/b".to_owned(),
        epoch: "0af3".to_owned(),
        head: 12,
        entities: 3,
        tombstones: 1,
        log_len: 9,
        superseded: 5,
        bytes: 4_096,
        created_at: AT.to_owned(),
    }
}

fn a_replica() -> SyncReplica {
    SyncReplica {
        device: "phone/1".to_owned(),
        resume: 7,
        lag: 5,
        seen_at: AT.to_owned(),
        client: "android 2".to_owned(),
        streams: 1,
    }
}

fn a_conflict() -> SyncConflict {
    SyncConflict {
        number: 17,
        at: AT.to_owned(),
        device: "phone/1".to_owned(),
        op_id: 5,
        collection: "notes".to_owned(),
        entity: "n-1".to_owned(),
        client_version: 2,
        server_version: 3,
        again: true,
    }
}

fn a_version() -> SyncVersion {
    SyncVersion {
        cursor: 9,
        kind: "delete",
        version: 4,
        device: "phone/1".to_owned(),
        op_id: 6,
        at: AT.to_owned(),
        bytes: 0,
    }
}

fn known<T: Send + 'static>(db: &str, there: T) -> Answered<'static, T> {
    Box::pin(ready(match db {
        "a/b" => Ok(there),
        "busy" => Err(SyncAdminError::Unavailable("the disk is full".to_owned())),
        _ => Err(SyncAdminError::NoDatabase),
    }))
}

fn list<T>(item: T, has_more: bool) -> SyncList<T> {
    SyncList { items: vec![item], has_more }
}

impl SyncAdmin for FakeSync {
    fn databases(&self, after: Option<String>, limit: usize) -> Answered<'_, SyncList<SyncDatabase>> {
        self.tell(format!("databases {after:?} {limit}"));
        known("a/b", list(a_database(), after.is_none()))
    }

    fn database(&self, db: String) -> Answered<'_, SyncDatabase> {
        self.tell(format!("database {db}"));
        known(&db, a_database())
    }

    fn replicas(&self, db: String, after: Option<String>, limit: usize) -> Answered<'_, SyncList<SyncReplica>> {
        self.tell(format!("replicas {db} {after:?} {limit}"));
        known(&db, list(a_replica(), after.is_none()))
    }

    fn conflicts(&self, db: String, before: Option<u64>, limit: usize) -> Answered<'_, SyncList<SyncConflict>> {
        self.tell(format!("conflicts {db} {before:?} {limit}"));
        known(&db, list(a_conflict(), before.is_none()))
    }

    fn history(
        &self,
        db: String,
        collection: String,
        entity: String,
        limit: usize,
    ) -> Answered<'_, SyncList<SyncVersion>> {
        self.tell(format!("history {db} {collection} {entity} {limit}"));
        if entity == "gone" {
            return Box::pin(ready(Err(SyncAdminError::NoEntity)));
        }
        known(&db, list(a_version(), true))
    }

    fn reset_replica(&self, db: String, device: String) -> Answered<'_, ()> {
        self.tell(format!("reset {db} {device}"));
        if device == "nobody" { Box::pin(ready(Err(SyncAdminError::NoReplica))) } else { known(&db, ()) }
    }

    fn reset_database(&self, db: String) -> Answered<'_, SyncDatabase> {
        self.tell(format!("reset {db}"));
        known(&db, SyncDatabase { epoch: "ffff".to_owned(), head: 0, ..a_database() })
    }
}

const BASE: &str = "/api/v1/sync/databases";

async fn post(server: &Server, path: &str, from: &From, body: &str) -> Answer {
    let length = body.len().to_string();
    let path = format!("{BASE}{path}");
    server.send_body(Method::POST, &path, from, &[("content-length", length.as_str())], body).await
}

#[tokio::test]
async fn databases_come_as_a_page_with_a_link_to_the_next() {
    let server = Server::new();
    let path = format!("{BASE}?limit=1");
    let answer = server.get(&path, &token("admin:read")).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    let next = format!("{BASE}?limit=1&after=a%2Fb");
    let database = json!({
        "db": "a/b", "epoch": "0af3", "head": 12, "entities": 3, "tombstones": 1, "log_len": 9, "superseded": 5,
        "bytes": 4_096, "created_at": AT,
    });
    let expected = json!({
        "data": [database], "meta": { "count": 1, "has_more": true }, "links": { "self": path, "next": next },
    });
    assert_eq!(answer.json(), expected);
    let last = server.get(&next, &From::Loopback).await.json();
    assert_eq!((&last["links"], &last["meta"]["has_more"]), (&json!({ "self": next, "next": null }), &json!(false)));
    assert_eq!(server.get(&format!("{BASE}/a%2Fb"), &From::Loopback).await.json(), database);
    assert_eq!(server.sync.told(), ["databases None 1", r#"databases Some("a/b") 1"#, "database a/b"]);
}

#[tokio::test]
async fn replicas_conflicts_and_a_history_are_lists_of_a_database() {
    let server = Server::new();
    let (replica, conflict, version) = (
        json!({
            "device": "phone/1", "resume": 7, "lag": 5, "seen_at": AT, "client": "android 2", "streams": 1,
        }),
        json!({
            "number": 17, "at": AT, "device": "phone/1", "op_id": 5, "collection": "notes", "entity": "n-1",
            "client_version": 2, "server_version": 3, "again": true,
        }),
        json!({
            "cursor": 9, "kind": "delete", "version": 4, "device": "phone/1", "op_id": 6, "at": AT, "bytes": 0,
        }),
    );
    for (path, member, next) in [
        ("replicas?limit=1", &replica, json!(format!("{BASE}/a%2Fb/replicas?limit=1&after=phone%2F1"))),
        ("replicas?after=phone%2F1", &replica, json!(null)),
        ("conflicts", &conflict, json!(format!("{BASE}/a%2Fb/conflicts?after=17"))),
        ("conflicts?after=17&limit=9", &conflict, json!(null)),
        ("history?collection=c%2Fd&entity=e%20f&limit=2", &version, json!(null)),
    ] {
        let answer = server.get(&format!("{BASE}/a%2Fb/{path}"), &From::Loopback).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["data"]), (200, &json!([member])), "{path}");
        assert_eq!(answer.json()["links"]["next"], next, "{path}");
    }
    let told = [
        "replicas a/b None 1",
        r#"replicas a/b Some("phone/1") 100"#,
        "conflicts a/b None 100",
        "conflicts a/b Some(17) 9",
        "history a/b c/d e f 2",
    ];
    assert_eq!(server.sync.told(), told);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_with_a_code() {
    let server = Server::new();
    for (path, status, code) in [
        ("?limit=0", 400, "query_invalid"),
        ("?limit=1001", 400, "query_invalid"),
        ("?db=x", 400, "query_invalid"),
        ("/%ff", 400, "path_invalid"),
        ("/gone", 404, "database_not_found"),
        ("/busy", 503, "store_unavailable"),
        ("/gone/replicas", 404, "database_not_found"),
        ("/a%2Fb/replicas?limit=-1", 400, "query_invalid"),
        ("/gone/conflicts", 404, "database_not_found"),
        ("/a%2Fb/conflicts?after=x", 400, "query_invalid"),
        ("/a%2Fb/conflicts?limit=1001", 400, "query_invalid"),
        ("/a%2Fb/history", 400, "query_invalid"),
        ("/a%2Fb/history?collection=c", 400, "query_invalid"),
        ("/a%2Fb/history?collection=c&entity=e&limit=0", 400, "query_invalid"),
        ("/a%2Fb/history?collection=c&entity=gone", 404, "entity_not_found"),
        ("/gone/history?collection=c&entity=e", 404, "database_not_found"),
        ("/a%2Fb/nothing", 404, "not_found"),
    ] {
        let answer = server.get(&format!("{BASE}{path}"), &From::Loopback).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (status, &json!(code)), "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    server.sync.told();
    for (path, body, status, code) in [
        ("/a%2Fb/reset", "", 400, "body_invalid"),
        ("/a%2Fb/reset", "{}", 400, "body_invalid"),
        ("/a%2Fb/reset", r#"{"db":"a/b","why":""}"#, 400, "body_invalid"),
        ("/a%2Fb/reset", r#"{"db":"a"}"#, 400, "name_differs"),
        ("/%ff/replicas/x/reset", "", 400, "path_invalid"),
    ] {
        let answer = post(&server, path, &token("admin:write"), body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (status, &json!(code)), "{path} {body}");
    }
    assert_eq!(server.sync.told(), Vec::<String>::new(), "nothing was reset");
    for (path, body, status, code) in [
        ("/gone/reset", r#"{"db":"gone"}"#, 404, "database_not_found"),
        ("/busy/reset", r#"{"db":"busy"}"#, 503, "store_unavailable"),
        ("/gone/replicas/d/reset", "", 404, "database_not_found"),
        ("/a%2Fb/replicas/nobody/reset", "", 404, "replica_not_found"),
    ] {
        let answer = post(&server, path, &token("admin:write"), body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (status, &json!(code)), "{path} {body}");
    }
}

#[tokio::test]
async fn mending_needs_a_token_with_the_write_scope_from_everywhere() {
    let server = Server::new();
    for (path, body, order, answer) in [
        (
            "/a%2Fb/replicas/phone%2F1/reset",
            "",
            "reset a/b phone/1",
            json!({ "db": "a/b", "device": "phone/1", "resume": 0 }),
        ),
        (
            "/a%2Fb/reset",
            r#"{"db":"a/b"}"#,
            "reset a/b",
            json!({
                "db": "a/b", "epoch": "ffff", "head": 0, "entities": 3, "tombstones": 1, "log_len": 9, "superseded": 5,
                "bytes": 4_096, "created_at": AT,
            }),
        ),
    ] {
        for (from, refusal) in [
            (From::Loopback, (401, "token_required")),
            (From::Allowed, (401, "token_required")),
            (token("admin:read"), (403, "scope_required")),
            (expired("admin:write"), (401, "token_expired")),
        ] {
            let answer = post(&server, path, &from, body).await;
            assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str().unwrap()), refusal, "{path} {from:?}");
            assert_eq!(server.sync.told(), Vec::<String>::new());
        }
        let done = post(&server, path, &token("admin:write"), body).await;
        assert_eq!((done.status.as_u16(), done.json()), (200, answer), "{path}");
        assert_eq!(server.sync.told(), [order]);
    }
}

#[tokio::test]
async fn reading_needs_the_read_scope_from_beyond_this_machine() {
    let server = Server::new();
    for path in ["", "/a%2Fb", "/a%2Fb/replicas", "/a%2Fb/conflicts", "/a%2Fb/history?collection=c&entity=e", "/gone"] {
        let path = format!("{BASE}{path}");
        assert_eq!(server.get(&path, &From::Public).await.status, 401, "{path}");
        assert_eq!(server.get(&path, &token("metrics:read")).await.status, 403, "{path}");
        assert_eq!(server.get(&path, &bearer(b'x', "admin:read", 7_200)).await.status, 401, "{path}");
    }
    assert_eq!(server.sync.told(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_without_sync_says_so_to_those_who_may_ask() {
    let server = Server::without_sync();
    for path in ["", "/a", "/a/replicas", "/a/conflicts", "/a/history?collection=c&entity=e"] {
        let path = format!("{BASE}{path}");
        let answer = server.get(&path, &From::Loopback).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!("no_sync")), "{path}");
        assert_eq!(server.get(&path, &From::Public).await.status, 401, "{path}");
    }
    let answer = post(&server, "/a/reset", &token("admin:write"), r#"{"db":"a"}"#).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!("no_sync")));
}
