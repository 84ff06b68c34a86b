use sangam_sync_client::{ClientError, Stats, Version};
use sangam_sync_proto::message::{
    ErrorCode, ErrorResponse, Message as _, PullRequest, PullResponse, PushRequest, PushResponse,
};

use crate::server::{Reply, TestServer};

fn push() -> PushRequest {
    PushRequest { db: "db".into(), device: "me".into(), ops: Vec::new() }
}

fn pushed() -> Reply {
    Reply::cbor(200, PushResponse { acknowledged: 7, conflicts: Vec::new() }.encode())
}

fn refused(status: u16, code: ErrorCode, secs: Option<u64>) -> Reply {
    let error = ErrorResponse {
        code,
        message: "because".to_owned(),
        details: None,
        field: None,
        retry_after_secs: secs,
        request_id: None,
    };
    Reply::cbor(status, error.encode())
}

#[tokio::test]
async fn a_push_whose_answer_was_lost_is_sent_again_byte_for_byte() {
    let server = TestServer::start(|_, before| if before < 2 { Reply::Cut } else { pushed() });
    assert_eq!(server.client().push(&push()).await.unwrap().acknowledged, 7);
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|one| one.body == asked[0].body && one.path == "/v1/push"));
}

#[tokio::test]
async fn requests_share_a_connection_and_carry_the_token() {
    let server = TestServer::start(|_, _| pushed());
    let client = server.client();
    for _ in 0..3 {
        client.push(&push()).await.unwrap();
    }
    let asked = server.asked();
    assert!(asked.iter().all(|one| one.connection == 0), "{asked:?}");
    for part in ["authorization: Bearer a.b.c", "content-type: application/cbor", "accept: application/cbor"] {
        assert!(asked[0].head.contains(part), "{}", asked[0].head);
    }
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let server = TestServer::start(|_, before| match before {
        0 => refused(503, ErrorCode::ServiceUnavailable, Some(0)),
        1 => refused(429, ErrorCode::RateLimitExceeded, Some(0)),
        2 => pushed(),
        _ => refused(403, ErrorCode::AuthorizationFailed, None),
    });
    let client = server.client();
    assert_eq!(client.push(&push()).await.unwrap().acknowledged, 7);
    let error = client.push(&push()).await.unwrap_err();
    assert!(error.needs_login() && !error.is_retryable(), "{error}");
    assert_eq!(error.to_string(), "403, code 3: because");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn attempts_come_to_an_end() {
    let server = TestServer::start(|_, _| Reply::Cut);
    let error = server.client().push(&push()).await.unwrap_err();
    assert!(matches!(error, ClientError::Exchange(_)) && error.is_retryable(), "{error:?}");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn all_pages_are_pulled_and_a_server_that_stands_still_is_not_asked_for_ever() {
    let server = TestServer::start(|asked, _| {
        let since = PullRequest::decode(&asked.body, &Default::default()).unwrap().since;
        let next = (since + 10).min(30);
        Reply::cbor(200, PullResponse { ops: Vec::new(), next, has_more: true }.encode())
    });
    let (_, next) = server.client().pull_all(&"db".into(), 0, None).await.unwrap();
    assert_eq!((next, server.asked().len()), (30, 4));
}

#[tokio::test]
async fn version_and_stats_are_read() {
    let server = TestServer::start(|asked, _| {
        let body = match asked.path.as_str() {
            "/v1/version" => r#"{"version":1,"minSupported":1}"#,
            _ => r#"{"cursor":9,"oplogSize":8,"deviceCount":7,"sse":{"subscriptions":0,"devices":0}}"#,
        };
        Reply::Answer { status: 200, fields: "Content-Type: application/json\r\n", body: body.into() }
    });
    let client = server.client();
    assert_eq!(client.version().await.unwrap(), Version { version: 1, min_supported: 1 });
    assert_eq!(client.stats().await.unwrap(), Stats { cursor: 9, oplog_size: 8, device_count: 7 });
}

#[tokio::test]
async fn an_answer_that_is_none_is_told_apart_from_no_answer() {
    let server = TestServer::start(|_, _| Reply::cbor(200, vec![0xa0]));
    let error = server.client().push(&push()).await.unwrap_err();
    assert!(matches!(error, ClientError::Malformed { what: "push", .. }) && !error.is_retryable(), "{error:?}");
}
