use std::time::Duration;

use futures_util::SinkExt as _;
use sangam_engineio_proto::CloseReason;
use sangam_socketio::engine::EngineOptions;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::support::TestServer;

#[tokio::test]
async fn a_session_may_begin_on_a_websocket() {
    let server = TestServer::start(EngineOptions::default()).await;
    let (mut socket, open) = server.socket_session().await;
    assert_eq!(open["upgrades"], serde_json::json!([]));
    assert_eq!((&open["pingInterval"], &open["maxPayload"]), (&25_000.into(), &1_000_000.into()));
    socket.send("4hello").await;
    assert_eq!(socket.text().await, "4hello");
    socket.stream.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(socket.next().await.unwrap(), Message::binary(vec![1, 2, 3]));
    socket.send("4writable").await;
    assert_eq!(socket.text().await, "4true");
}

#[tokio::test]
async fn many_messages_come_back_in_order() {
    let server = TestServer::start(EngineOptions::default()).await;
    let (mut socket, _) = server.socket_session().await;
    for n in 0..500 {
        socket.stream.feed(Message::text(format!("4{n}"))).await.unwrap();
    }
    socket.stream.flush().await.unwrap();
    for n in 0..500 {
        assert_eq!(socket.text().await, format!("4{n}"));
    }
    socket.send("4count 1000").await;
    for n in 0..1_000 {
        assert_eq!(socket.text().await, format!("4{n}"));
    }
}

#[tokio::test]
async fn a_session_is_woken_from_anywhere() {
    let server = TestServer::start(EngineOptions::default()).await;
    let (mut socket, _) = server.socket_session().await;
    server.wake();
    assert_eq!(socket.text().await, "4woken");
}

#[tokio::test]
async fn the_heartbeat_goes_on_while_it_is_answered() {
    let mut options = EngineOptions::default();
    options.session.ping_interval = Duration::from_millis(20);
    let server = TestServer::start(options).await;
    let (mut socket, _) = server.socket_session().await;
    for _ in 0..5 {
        assert_eq!(socket.text().await, "2");
        socket.send("3").await;
    }
    assert_eq!(server.engine.stats().open, 1);
}

#[tokio::test]
async fn a_ping_that_is_not_answered_ends_the_session_without_a_code() {
    let mut options = EngineOptions::default();
    options.session.ping_interval = Duration::from_millis(20);
    options.session.ping_timeout = Duration::from_millis(20);
    let server = TestServer::start(options).await;
    let (mut socket, _) = server.socket_session().await;
    assert_eq!(socket.text().await, "2");
    assert_eq!(socket.closed().await, None);
    server.until_ended(CloseReason::PingTimeout).await;
}

#[tokio::test]
async fn a_client_that_leaves_is_gone_at_once() {
    let server = TestServer::start(EngineOptions::default()).await;
    let (mut socket, _) = server.socket_session().await;
    socket.stream.close(None).await.unwrap();
    server.until_ended(CloseReason::TransportClose).await;
    let (socket, _) = server.socket_session().await;
    drop(socket);
    server.until(|it| it.closed.contains(&(CloseReason::TransportClose, 2)) && it.open == 0).await;
}

#[tokio::test]
async fn a_client_that_closes_hears_its_own_code_and_reason() {
    let server = TestServer::start(EngineOptions::default()).await;
    let (mut socket, _) = server.socket_session().await;
    let close = CloseFrame { code: 3_000.into(), reason: "of its own".into() };
    socket.stream.close(Some(close.clone())).await.unwrap();
    assert_eq!(socket.closed().await, Some(close));
}

#[tokio::test]
async fn a_client_that_takes_text_alone_is_sent_base64_and_may_send_it() {
    let server = TestServer::start(EngineOptions::default()).await;
    let mut begun = server.try_open("EIO=4&transport=websocket&b64=1", &[]).await.unwrap();
    begun.text().await;
    let sid = server.poll_session().await;
    let mut upgraded = server.try_open(&format!("EIO=4&transport=websocket&sid={sid}&b64=1"), &[]).await.unwrap();
    upgraded.send("2probe").await;
    assert_eq!(upgraded.text().await, "3probe");
    upgraded.send("5").await;
    for mut socket in [begun, upgraded] {
        socket.stream.send(Message::binary(vec![1, 2, 3, 4])).await.unwrap();
        assert_eq!(socket.text().await, "bAQIDBA==");
        socket.send("bAQIDBA==").await;
        assert_eq!(socket.text().await, "bAQIDBA==");
        socket.send("4text").await;
        assert_eq!(socket.text().await, "4text");
    }
}

#[tokio::test]
async fn the_server_closes_behind_what_it_sent_without_a_code() {
    let server = TestServer::start(EngineOptions::default()).await;
    let (mut socket, _) = server.socket_session().await;
    socket.send("4close").await;
    assert_eq!(socket.text().await, "4bye");
    assert_eq!(socket.closed().await, None);
    server.until_ended(CloseReason::ForcedClose).await;
}

#[tokio::test]
async fn garbage_closes_the_session() {
    let server = TestServer::start(EngineOptions::default()).await;
    for (count, garbage) in ["", "abc", "9", "é"].into_iter().enumerate() {
        let (mut socket, _) = server.socket_session().await;
        socket.send(garbage).await;
        assert_eq!(socket.closed().await, None, "{garbage:?}");
        server.until(|it| it.closed.contains(&(CloseReason::ParseError, count as u64 + 1))).await;
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_closes_the_session_with_1009() {
    let mut options = EngineOptions::default();
    options.session.payload_bytes_max = 1_000;
    let server = TestServer::start(options).await;
    let (mut socket, _) = server.socket_session().await;
    let fits = format!("4{}", "x".repeat(999));
    socket.send(&fits).await;
    assert_eq!(socket.text().await, fits);
    socket.send(&format!("{fits}x")).await;
    let close = socket.closed().await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1_009, ""));
    server.until_ended(CloseReason::TransportError).await;
    assert_eq!(server.engine.stats().messages_too_large, 1);
}

#[tokio::test]
async fn the_first_protocol_offered_is_taken() {
    let server = TestServer::start(EngineOptions::default()).await;
    let offer = [("sec-websocket-protocol", "one, two")];
    assert!(server.try_open("EIO=4&transport=websocket", &offer).await.is_ok());
}
