use std::sync::Mutex;

use bytes::Bytes;
use sangam_sync_client::{ClientWins, Cycle, MemoryStore, Replica, ReplicaStore as _, Resolver, ServerWins};
use sangam_sync_proto::message::{
    Capabilities, Conflict, EpochExtension, ErrorCode, ErrorResponse, HandshakeRequest, HandshakeResponse,
    Message as _, PullRequest, PullResponse, PushRequest, PushResponse,
};
use sangam_sync_proto::{Kind, Operation};

use crate::server::{Asked, Reply, TestServer};

fn welcome(epoch: &str, reset: bool) -> Reply {
    let extension = Some(EpochExtension { epoch: epoch.to_owned(), reset });
    let capabilities = Capabilities { pull: true, push: true, sse: true };
    Reply::cbor(200, HandshakeResponse { cursor: 0, capabilities, session_token: None, extension }.encode())
}

fn page(ops: Vec<Operation>, next: u64) -> Reply {
    Reply::cbor(200, PullResponse { ops, next, has_more: false }.encode())
}

fn operation(cursor: u64, entity: &str, body: &'static [u8]) -> Operation {
    Operation {
        op_id: cursor,
        db: "db".into(),
        device: "other".into(),
        collection: "c".into(),
        entity: entity.into(),
        kind: Kind::Upsert,
        version: cursor,
        body: Some(Bytes::from_static(body)),
        timestamp_ms: 1,
    }
}

fn push_of(asked: &Asked) -> PushRequest {
    PushRequest::decode(&asked.body, &Default::default()).unwrap()
}

fn accepted(asked: &Asked) -> Reply {
    let acknowledged = push_of(asked).ops.last().map_or(0, |op| op.op_id);
    Reply::cbor(200, PushResponse { acknowledged, conflicts: Vec::new() }.encode())
}

fn replica<R: Resolver>(server: &TestServer, resolver: R) -> Replica<MemoryStore, R> {
    Replica::new(server.client(), "db", "me", MemoryStore::default(), resolver)
}

#[tokio::test]
async fn a_replica_pulls_pushes_and_goes_on_where_it_was() {
    let server = TestServer::start(|asked, _| match asked.path.as_str() {
        "/v1/handshake" => welcome("e1", false),
        "/v1/pull" if PullRequest::decode(&asked.body, &Default::default()).unwrap().since == 0 => {
            page(vec![operation(1, "theirs", b"\x01")], 1)
        }
        "/v1/pull" => page(Vec::new(), 1),
        _ => accepted(asked),
    });
    let mut replica = replica(&server, ServerWins);
    replica.upsert("c", "mine", Bytes::from_static(b"\x02")).unwrap();
    assert_eq!(replica.sync().await.unwrap(), Cycle { pulled: 1, pushed: 1, conflicts: 0, reset: false });
    assert_eq!(replica.sync().await.unwrap(), Cycle::default());
    let entities: Vec<_> = replica.store().entities().map(|(_, entity, body)| (entity, body.to_vec())).collect();
    assert_eq!(entities, [("mine", vec![2]), ("theirs", vec![1])]);
    let again = server.asked().into_iter().rfind(|asked| asked.path == "/v1/handshake").unwrap();
    let metadata = HandshakeRequest::decode(&again.body, &Default::default()).unwrap().metadata.unwrap();
    assert_eq!((metadata["sinceCursor"].as_str(), metadata["epoch"].as_str()), ("1", "e1"));
}

/// Refuses every push of one operation whose version is not above 10^15.
fn contended() -> TestServer {
    TestServer::start(|asked, _| match asked.path.as_str() {
        "/v1/handshake" => welcome("e1", false),
        "/v1/pull" => page(Vec::new(), 0),
        _ => match push_of(asked).ops.pop() {
            Some(op) if op.version <= 1_000_000_000_000_000 => {
                let body = Bytes::from_static(b"\x07");
                let conflict = Conflict { op, version: 1_000_000_000_000_000, body, modified_ms: Some(1) };
                Reply::cbor(200, PushResponse { acknowledged: 0, conflicts: vec![conflict] }.encode())
            }
            _ => accepted(asked),
        },
    })
}

#[tokio::test]
async fn a_replica_that_gives_in_has_the_servers_state_at_once() {
    let server = contended();
    let mut replica = replica(&server, ServerWins);
    replica.upsert("c", "e", Bytes::from_static(b"\x02")).unwrap();
    assert_eq!(replica.sync().await.unwrap(), Cycle { pulled: 0, pushed: 1, conflicts: 1, reset: false });
    assert_eq!(replica.store().get("c", "e").map(|body| body.to_vec()), Some(vec![7]));
    assert_eq!(replica.store().waiting_len(), 0);
}

#[tokio::test]
async fn a_replica_that_insists_pushes_once_more_under_a_number_of_its_own() {
    let server = contended();
    let mut replica = replica(&server, ClientWins);
    replica.upsert("c", "e", Bytes::from_static(b"\x02")).unwrap();
    assert_eq!(replica.sync().await.unwrap(), Cycle { pulled: 0, pushed: 2, conflicts: 1, reset: false });
    let numbers: Vec<(u64, u64)> = server
        .asked()
        .iter()
        .filter(|asked| asked.path == "/v1/push")
        .map(|asked| push_of(asked).ops[0].clone())
        .map(|op| (op.op_id, op.version.max(1_000_000_000_000_000)))
        .collect();
    assert_eq!(numbers, [(1, 1_000_000_000_000_000), (2, 1_000_000_000_000_001)]);
    assert_eq!(replica.store().waiting_len(), 0);
}

#[tokio::test]
async fn another_life_of_the_database_drops_what_was_pulled_and_keeps_what_waits() {
    let epoch = Mutex::new("e1");
    let server = TestServer::start(move |asked, before| {
        if before == 2 {
            *epoch.lock().unwrap() = "e2";
        }
        let epoch = *epoch.lock().unwrap();
        match asked.path.as_str() {
            "/v1/handshake" => welcome(epoch, false),
            "/v1/pull" if epoch == "e1" => page(vec![operation(1, "old", b"\x01")], 1),
            "/v1/pull" => page(vec![operation(1, "new", b"\x01")], 1),
            _ => accepted(asked),
        }
    });
    let mut replica = replica(&server, ServerWins);
    replica.sync().await.unwrap();
    replica.upsert("c", "mine", Bytes::from_static(b"\x02")).unwrap();
    let did = replica.sync().await.unwrap();
    assert_eq!(did, Cycle { pulled: 1, pushed: 1, conflicts: 0, reset: true });
    let names: Vec<_> = replica.store().entities().map(|(_, entity, _)| entity).collect();
    assert_eq!(names, ["mine", "new"]);
}

#[tokio::test]
async fn a_database_that_is_reset_between_handshake_and_pull_is_noticed() {
    let server = TestServer::start(|asked, before| match (asked.path.as_str(), before) {
        ("/v1/handshake", 0) => welcome("e1", false),
        ("/v1/handshake", _) => welcome("e2", false),
        (_, 1) => {
            let error = ErrorResponse {
                code: ErrorCode::InvalidCursor,
                message: "another epoch".to_owned(),
                details: None,
                field: None,
                retry_after_secs: None,
                request_id: None,
            };
            Reply::cbor(409, error.encode())
        }
        _ => page(vec![operation(1, "new", b"\x01")], 1),
    });
    let mut replica = replica(&server, ServerWins);
    assert_eq!(replica.sync().await.unwrap(), Cycle { pulled: 1, pushed: 0, conflicts: 0, reset: true });
    assert_eq!(replica.store().position().unwrap().epoch.as_deref(), Some("e2"));
}

#[tokio::test]
async fn a_page_does_not_undo_an_edit_that_waits() {
    let server = TestServer::start(|asked, _| match asked.path.as_str() {
        "/v1/handshake" => welcome("e1", false),
        "/v1/pull" => page(vec![operation(1, "e", b"\x01")], 1),
        _ => accepted(asked),
    });
    let mut replica = replica(&server, ServerWins);
    replica.upsert("c", "e", Bytes::from_static(b"\x02")).unwrap();
    replica.sync().await.unwrap();
    assert_eq!(replica.store().get("c", "e").map(|body| body.to_vec()), Some(vec![2]));
}
