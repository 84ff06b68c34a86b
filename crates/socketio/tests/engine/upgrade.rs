use std::time::Duration;

use sangam_engineio_proto::CloseReason;
use sangam_socketio::engine::EngineOptions;

use crate::support::{Socket, TestServer};

async fn probe(server: &TestServer, sid: &str) -> Socket {
    let mut socket = server.try_open(&format!("EIO=4&transport=websocket&sid={sid}"), &[]).await.unwrap();
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    socket
}

#[tokio::test]
async fn what_waits_for_a_poll_comes_on_the_websocket_in_order() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let mut socket = probe(&server, &sid).await;
    server.post(&sid, "4count 3").await;
    socket.send("5").await;
    socket.send("4count 2").await;
    for expected in ["40", "41", "42", "40", "41"] {
        assert_eq!(socket.text().await, expected);
    }
    let late = server.poll(&sid).await;
    assert_eq!((late.status, late.body.as_str()), (400, r#"{"code":3,"message":"Bad request"}"#));
    assert_eq!(server.post(&sid, "4x").await.status, 400);
    assert_eq!(server.engine.stats().upgraded, 1);
    socket.send("4after").await;
    assert_eq!(socket.text().await, "4after");
}

#[tokio::test]
async fn a_poll_that_waits_ends_when_a_websocket_is_to_take_over() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let mut http = server.http().await;
    http.send("GET", &format!("EIO=4&transport=polling&sid={sid}"), "", "").await;
    let mut socket = probe(&server, &sid).await;
    assert_eq!(http.answer().await.body, "6");
    socket.send("5").await;
    socket.send("4hello").await;
    assert_eq!(socket.text().await, "4hello");
}

#[tokio::test]
async fn a_websocket_for_a_session_that_has_one_is_closed() {
    let server = TestServer::start(EngineOptions::default()).await;
    let (mut socket, open) = server.socket_session().await;
    let query = format!("EIO=4&transport=websocket&sid={}", open["sid"].as_str().unwrap());
    assert_eq!(server.try_open(&query, &[]).await.unwrap().closed().await, None);
    let sid = server.poll_session().await;
    let first = probe(&server, &sid).await;
    let query = format!("EIO=4&transport=websocket&sid={sid}");
    assert_eq!(server.try_open(&query, &[]).await.unwrap().closed().await, None);
    drop(first);
    socket.send("4untouched").await;
    assert_eq!(socket.text().await, "4untouched");
}

#[tokio::test]
async fn polling_goes_on_when_a_probe_fails_or_takes_too_long() {
    let mut options = EngineOptions::default();
    options.session.upgrade_timeout = Duration::from_millis(50);
    let server = TestServer::start(options).await;
    let sid = server.poll_session().await;
    let mut silent = server.try_open(&format!("EIO=4&transport=websocket&sid={sid}"), &[]).await.unwrap();
    assert_eq!(silent.closed().await, None);
    let mut wrong = server.try_open(&format!("EIO=4&transport=websocket&sid={sid}"), &[]).await.unwrap();
    wrong.send("4hello").await;
    assert_eq!(wrong.closed().await, None);
    server.post(&sid, "4still here").await;
    assert_eq!(server.poll(&sid).await.body, "4still here");
}

#[tokio::test]
async fn a_session_that_upgraded_ends_with_its_websocket() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let mut socket = probe(&server, &sid).await;
    socket.send("5").await;
    socket.send("4close").await;
    assert_eq!(socket.text().await, "4bye");
    assert_eq!(socket.closed().await, None);
    server.until_ended(CloseReason::ForcedClose).await;
}
