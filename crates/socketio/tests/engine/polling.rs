use std::time::Duration;

use sangam_engineio_proto::CloseReason;
use sangam_socketio::engine::EngineOptions;

use crate::support::TestServer;

#[tokio::test]
async fn the_handshake_says_what_node_says() {
    let server = TestServer::start(EngineOptions::default()).await;
    let answer = server.request("GET", "EIO=4&transport=polling&t=abc", "", "").await;
    let (before, sid) = answer.body.split_once(r#"{"sid":""#).unwrap();
    let (sid, rest) = sid.split_at(20);
    assert_eq!(before, "0");
    assert!(sid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    let fields = r#"","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
    assert_eq!(rest, fields);
    assert_eq!(answer.header("content-type").unwrap(), "text/plain; charset=UTF-8");
    assert_eq!(answer.header("cache-control").unwrap(), "no-store");
    assert_eq!(server.engine.stats().open, 1);
}

#[tokio::test]
async fn the_path_is_served_without_its_slash_too() {
    let server = TestServer::start(EngineOptions::default()).await;
    let mut http = server.http().await;
    tokio::io::AsyncWriteExt::write_all(
        &mut http.stream,
        b"GET /socket.io?EIO=4&transport=polling HTTP/1.1\r\nhost: localhost\r\n\r\n",
    )
    .await
    .unwrap();
    assert_eq!(http.answer().await.status, 200);
}

#[tokio::test]
async fn what_is_posted_comes_back_in_the_polls_after() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let posted = server.post(&sid, "4one\u{1e}bAQID\u{1e}4two").await;
    assert_eq!((posted.status, posted.body.as_str()), (200, "ok"));
    assert_eq!(posted.header("content-type").unwrap(), "text/html");
    assert_eq!(server.poll(&sid).await.body, "4one\u{1e}bAQID\u{1e}4two");
}

#[tokio::test]
async fn a_poll_waits_until_there_is_something() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let mut http = server.http().await;
    http.send("GET", &format!("EIO=4&transport=polling&sid={sid}"), "", "").await;
    assert_eq!(server.post(&sid, "4hello").await.body, "ok");
    assert_eq!(http.answer().await.body, "4hello");
    http.send("GET", &format!("EIO=4&transport=polling&sid={sid}"), "", "").await;
    server.wake();
    assert_eq!(http.answer().await.body, "4woken");
}

#[tokio::test]
async fn a_session_that_closes_over_polling_says_so_behind_what_was_sent() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    server.post(&sid, "4close").await;
    assert_eq!(server.poll(&sid).await.body, "4bye");
    assert_eq!(server.poll(&sid).await.body, "1");
    server.until_ended(CloseReason::ForcedClose).await;
    let gone = server.poll(&sid).await;
    assert_eq!((gone.status, gone.body.as_str()), (400, r#"{"code":1,"message":"Session ID unknown"}"#));
    server.until(|it| it.open == 0).await;
}

#[tokio::test]
async fn a_client_that_closes_ends_its_poll() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let mut http = server.waiting_poll(&sid).await;
    assert_eq!(server.post(&sid, "1").await.body, "ok");
    assert_eq!(http.answer().await.body, "6");
    server.until_ended(CloseReason::TransportClose).await;
}

#[tokio::test]
async fn a_poll_that_is_given_up_ends_the_session() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    drop(server.waiting_poll(&sid).await);
    server.until_ended(CloseReason::TransportError).await;
}

#[tokio::test]
async fn two_polls_at_once_end_the_session_and_the_second_is_refused() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let query = format!("EIO=4&transport=polling&sid={sid}");
    let (mut one, mut other) = (server.http().await, server.http().await);
    one.send("GET", &query, "", "").await;
    other.send("GET", &query, "", "").await;
    let mut answers = [one.answer().await, other.answer().await];
    answers.sort_by_key(|answer| answer.status);
    assert_eq!((answers[0].status, answers[0].body.as_str()), (200, "1"));
    assert_eq!((answers[1].status, answers[1].body.as_str()), (400, ""));
    server.until_ended(CloseReason::TransportError).await;
}

#[tokio::test]
async fn two_posts_at_once_end_the_session() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let mut slow = server.http().await;
    let head = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n4"
    );
    tokio::io::AsyncWriteExt::write_all(&mut slow.stream, head.as_bytes()).await.unwrap();
    // The first may not have come yet: then this one is taken, and the next is refused.
    let mut status = 200;
    while status == 200 {
        status = server.post(&sid, "4quiet").await.status;
    }
    assert_eq!(status, 400);
    server.until_ended(CloseReason::TransportError).await;
}

#[tokio::test]
async fn a_post_that_is_given_up_ends_the_session() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let mut http = server.http().await;
    let head = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n4"
    );
    tokio::io::AsyncWriteExt::write_all(&mut http.stream, head.as_bytes()).await.unwrap();
    drop(http);
    server.until_ended(CloseReason::TransportError).await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_answered_as_node_does_and_ends_the_session() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    assert_eq!(server.post(&sid, "abc").await.body, "ok");
    server.until_ended(CloseReason::ParseError).await;
}

#[tokio::test]
async fn a_body_may_be_as_large_as_announced_and_no_larger() {
    let mut options = EngineOptions::default();
    options.session.payload_bytes_max = 1_000;
    let server = TestServer::start(options).await;
    let sid = server.poll_session().await;
    let fits = format!("4quiet {}", "x".repeat(993));
    assert_eq!(server.post(&sid, &fits).await.status, 200);
    assert_eq!(server.post(&sid, &format!("{fits}x")).await.status, 413);
    // Without an announced length.
    let mut http = server.http().await;
    let head = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let chunk = format!("3e9\r\n{fits}x\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut http.stream, format!("{head}{chunk}").as_bytes()).await.unwrap();
    assert_eq!(http.answer().await.status, 413);
    assert_eq!(server.engine.stats().bodies_too_large, 2);
    assert_eq!(server.post(&sid, "4still here").await.status, 200);
    assert_eq!(server.poll(&sid).await.body, "4still here");
}

/// The client of the regression wrote into a connection that was already reset, and never read the answer.
#[tokio::test]
async fn a_post_of_megabytes_hears_that_it_is_too_large_however_fast_it_is_refused() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let large = "4".repeat(8 << 20);
    for _ in 0..20 {
        let answer = server.post(&sid, &large).await;
        assert_eq!((answer.status, answer.header("connection").as_deref()), (413, Some("close")));
    }
    assert_eq!(server.post(&sid, "4still here").await.status, 200);
}

#[tokio::test]
async fn a_poller_is_pinged_for_as_long_as_it_answers() {
    let mut options = EngineOptions::default();
    options.session.ping_interval = Duration::from_millis(20);
    let server = TestServer::start(options).await;
    let sid = server.poll_session().await;
    for _ in 0..5 {
        assert_eq!(server.poll(&sid).await.body, "2");
        assert_eq!(server.post(&sid, "3").await.body, "ok");
    }
}

#[tokio::test]
async fn a_poller_that_answers_no_ping_is_gone() {
    let mut options = EngineOptions::default();
    options.session.ping_interval = Duration::from_millis(20);
    options.session.ping_timeout = Duration::from_millis(20);
    let server = TestServer::start(options).await;
    let sid = server.poll_session().await;
    server.until_ended(CloseReason::PingTimeout).await;
    assert_eq!(server.poll(&sid).await.body, r#"{"code":1,"message":"Session ID unknown"}"#);
}
