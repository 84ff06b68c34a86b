use std::time::Duration;

use futures_util::SinkExt as _;
use sangam_engineio_proto::CloseReason;
use sangam_socketio::engine::{EngineOptions, NotOpened};
use tokio_tungstenite::tungstenite::Message;

use crate::support::TestServer;

const POLLING: &str = "EIO=4&transport=polling";
const WEBSOCKET: &str = "EIO=4&transport=websocket";

#[tokio::test]
async fn so_many_sessions_are_open_and_the_next_is_told_when_to_come_back() {
    let server = TestServer::start(EngineOptions { sessions_max: 2, ..EngineOptions::default() }).await;
    let (socket, _) = server.socket_session().await;
    server.poll_session().await;
    let answer = server.request("GET", POLLING, "", "").await;
    assert_eq!(answer.status, 503);
    let retry: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&retry));
    let (status, _, headers) = server.refusal(WEBSOCKET, &[]).await;
    assert!(status == 503 && headers.contains_key("retry-after"));
    assert!(server.engine.stats().not_opened.contains(&(NotOpened::Full, 2)));
    drop(socket);
    server.until(|it| it.open == 1).await;
    server.socket_session().await;
}

#[tokio::test]
async fn one_address_has_so_many_sessions_and_an_ipv6_network_is_one() {
    let server = TestServer::start(EngineOptions { sessions_per_address_max: 1, ..EngineOptions::default() }).await;
    let from = |last: &str| format!("x-test-from: 2001:db8:0:1::{last}\r\n");
    assert_eq!(server.request("GET", POLLING, &from("1"), "").await.status, 200);
    assert_eq!(server.request("GET", POLLING, &from("2"), "").await.status, 429);
    assert_eq!(server.request("GET", POLLING, "x-test-from: 2001:db8:0:2::1\r\n", "").await.status, 200);
    assert!(server.engine.stats().not_opened.contains(&(NotOpened::AddressFull, 1)));
}

#[tokio::test]
async fn sessions_begin_no_faster_than_they_may() {
    let options = EngineOptions { openings_per_sec: 1, openings_burst: 1, ..EngineOptions::default() };
    let server = TestServer::start(options).await;
    let mut refused = 0;
    // Time passes while a test runs, so a few may be let in.
    for _ in 0..50 {
        let answer = server.request("GET", POLLING, "", "").await;
        if answer.status == 503 {
            assert!(answer.header("retry-after").is_some());
            refused += 1;
        }
    }
    assert!(refused > 0);
    assert!(server.engine.stats().not_opened.contains(&(NotOpened::TooFast, refused)));
}

#[tokio::test]
async fn who_sends_too_fast_is_read_more_slowly_and_loses_nothing() {
    let options = EngineOptions { messages_per_sec: 1_000, messages_burst: 10, ..EngineOptions::default() };
    let server = TestServer::start(options).await;
    let (mut socket, _) = server.socket_session().await;
    for n in 0..200 {
        socket.stream.feed(Message::text(format!("4{n}"))).await.unwrap();
    }
    socket.stream.flush().await.unwrap();
    for n in 0..200 {
        assert_eq!(socket.text().await, format!("4{n}"));
    }
    assert!(server.engine.stats().throttled > 0);
}

#[tokio::test]
async fn who_posts_too_fast_is_answered_later_and_loses_nothing() {
    let options = EngineOptions { messages_per_sec: 1_000, messages_burst: 10, ..EngineOptions::default() };
    let server = TestServer::start(options).await;
    let sid = server.poll_session().await;
    let body: Vec<String> = (0..50).map(|n| format!("4{n}")).collect();
    let body = body.join("\u{1e}");
    assert_eq!(server.post(&sid, &body).await.body, "ok");
    assert_eq!(server.poll(&sid).await.body, body);
    assert!(server.engine.stats().throttled > 0);
}

#[tokio::test]
async fn a_websocket_for_which_too_much_waits_is_closed() {
    let options = EngineOptions { outgoing_bytes_max: 100_000, ..EngineOptions::default() };
    let server = TestServer::start(options).await;
    let (mut socket, _) = server.socket_session().await;
    socket.send("4bytes 90000").await;
    assert_eq!(socket.text().await.len(), 90_001);
    socket.send("4bytes 110000").await;
    assert_eq!(u16::from(socket.closed().await.unwrap().code), 1_013);
    server.until_ended(CloseReason::TooSlow).await;
    assert_eq!(server.engine.stats().queues_full, 1);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up() {
    let options = EngineOptions {
        outgoing_bytes_max: 64 << 20,
        write_timeout: Duration::from_millis(100),
        ..EngineOptions::default()
    };
    let server = TestServer::start(options).await;
    let (mut socket, _) = server.socket_session().await;
    // More than the buffers of both ends of a connection hold.
    socket.send("4bytes 32000000").await;
    server.until_ended(CloseReason::TooSlow).await;
    assert_eq!(server.engine.stats().write_timeouts, 1);
    server.until(|it| it.open == 0).await;
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_everything() {
    let server = TestServer::start(EngineOptions { outgoing_bytes_max: 64 << 20, ..EngineOptions::default() }).await;
    let (mut socket, _) = server.socket_session().await;
    for _ in 0..20 {
        socket.send("4bytes 1000000").await;
    }
    socket.send("4last").await;
    for _ in 0..20 {
        assert_eq!(socket.text().await.len(), 1_000_001);
    }
    assert_eq!(socket.text().await, "4last");
}
