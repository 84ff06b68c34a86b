use std::time::Duration;

use sangam_engineio_proto::CloseReason;
use sangam_socketio::engine::{EngineOptions, NotOpened};

use crate::support::TestServer;

/// A busy machine is no reason to give up on a drain.
fn patient() -> EngineOptions {
    EngineOptions { drain_limit: Duration::from_secs(60), ..EngineOptions::default() }
}

#[tokio::test]
async fn a_drain_ends_every_session_without_a_close_packet() {
    let server = TestServer::start(patient()).await;
    let sid = server.poll_session().await;
    let mut http = server.waiting_poll(&sid).await;
    let (mut socket, _) = server.socket_session().await;
    let client = tokio::spawn(async move {
        let close = socket.closed().await.unwrap();
        // The answer to the close goes out while the stream is read on.
        while socket.next().await.is_ok() {}
        close
    });
    assert_eq!(server.engine.drain("another server is there").await, 0);
    let close = client.await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1_001, "another server is there"));
    let last = http.answer().await;
    assert_eq!(last.body, "6");
    assert_eq!(last.header("connection").unwrap(), "close");
    assert!(server.engine.stats().closed.contains(&(CloseReason::TransportClose, 2)));
}

#[tokio::test]
async fn nobody_is_let_in_during_a_drain() {
    let server = TestServer::start(patient()).await;
    server.engine.drain("").await;
    let answer = server.request("GET", "EIO=4&transport=polling", "", "").await;
    assert!(answer.status == 503 && answer.header("retry-after").is_some());
    let (status, _, headers) = server.refusal("EIO=4&transport=websocket", &[]).await;
    assert!(status == 503 && headers.contains_key("retry-after"));
    assert!(server.engine.stats().not_opened.contains(&(NotOpened::Draining, 2)));
}

#[tokio::test]
async fn a_drain_gives_up_on_clients_that_do_not_answer_its_close() {
    let server = TestServer::start(patient()).await;
    let (_socket, _) = server.socket_session().await;
    assert_eq!(server.engine.drain(&"é".repeat(200)).await, 0);
}
