use std::sync::Arc;
use std::time::Duration;

use sangam_auth::token::{Claims, Key, Keyring, TokenOptions, Use};
use sangam_control::PartState;
use sangam_signal_server::{Limits, Options};
use sangam_types::Wall;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::TestServer;

#[tokio::test]
async fn a_drain_closes_every_socket_with_1001_and_opens_none() {
    let server = TestServer::start(Options::default()).await;
    let (mut a, mut b) = (server.agent("a").await, server.agent("b").await);
    a.expect(r#"{"type":"agent-joined","agent_id":"b"}"#).await;
    let draining = tokio::spawn({
        let server = server.server.clone();
        async move { server.drain().await }
    });
    for socket in [&mut a, &mut b] {
        let Message::Close(Some(frame)) = socket.next().await.unwrap() else { panic!("something before the close") };
        assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Away, "going away"));
        // Reading on is what answers the close.
        assert!(socket.next().await.is_err());
    }
    draining.await.unwrap();
    assert_eq!(server.refusal("/ws", &[]).await, (503, "draining".to_owned()));
    assert_eq!(server.server.part().check().await.state, PartState::Draining);
}

#[tokio::test]
async fn a_drain_is_over_in_time_although_a_client_does_not_answer() {
    let limits = Limits { drain_limit: Duration::from_millis(50), ..Limits::default() };
    let server = TestServer::start(Options { limits, ..Options::default() }).await;
    let _silent = server.agent("a").await;
    let begun = std::time::Instant::now();
    server.server.drain().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn the_part_says_how_many_there_are() {
    let server = TestServer::start(Options::default()).await;
    let _a = server.agent("a").await;
    let _anonymous = server.open().await;
    server.until_metric("sangam_signal_sockets", 2).await;
    let part = server.server.part();
    assert_eq!(part.name(), "signal");
    let report = part.check().await;
    assert_eq!((report.state, report.detail.as_str()), (PartState::Ready, "2 sockets, 1 participants"));
}

#[tokio::test]
async fn the_newest_socket_of_an_address_takes_the_id_and_the_older_is_closed() {
    let server = TestServer::start(Options::default()).await;
    let mut older = server.agent("a").await;
    let _newer = server.agent("a").await;
    assert_eq!(older.closed().await.code, CloseCode::Library(4_001));
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let mut options = Options::default();
    options.rooms.ping_interval = Duration::from_millis(20);
    options.rooms.ping_timeout = Duration::from_secs(1);
    let server = TestServer::start(options).await;
    let mut a = server.agent("a").await;
    let _silent = server.agent("b").await;
    a.expect(r#"{"type":"agent-joined","agent_id":"b"}"#).await;
    // Reading is what answers our own pings.
    a.expect(r#"{"type":"agent-left","agent_id":"b"}"#).await;
    assert_eq!(server.metric("sangam_signal_participants"), 1);
}

fn keyring() -> Arc<Keyring> {
    let secret = b"a secret of the tests that is long enough".to_vec().into();
    let keys = [Use::Signal, Use::Admin].map(|use_| Key::new(use_.as_str(), use_, &secret).unwrap());
    Arc::new(Keyring::new(keys.into(), TokenOptions::default()).unwrap())
}

fn now() -> Wall {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Wall::default() + since_epoch
}

async fn with_tokens() -> (TestServer, Arc<Keyring>) {
    let keyring = keyring();
    let mut options = Options::default();
    options.live.access.keyring = Some(Arc::clone(&keyring));
    (TestServer::start(options).await, keyring)
}

#[tokio::test]
async fn a_token_opens_a_socket_in_the_header_or_the_query() {
    let (server, keyring) = with_tokens().await;
    let token = keyring.mint(Use::Signal, &Claims::new("alice", now() + Duration::from_secs(60))).unwrap();
    let public = ("x-test-from", "192.0.2.1");
    let bearer = format!("Bearer {token}");
    assert!(server.try_open("/ws", &[public, ("authorization", &bearer)]).await.is_ok());
    for name in ["token", "access_token"] {
        assert!(server.try_open(&format!("/ws?x=1&{name}={token}"), &[public]).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_token_that_is_shown_must_be_good_even_where_none_is_needed() {
    let (server, keyring) = with_tokens().await;
    let in_time = now() + Duration::from_secs(60);
    let for_another_use = keyring.mint(Use::Admin, &Claims::new("alice", in_time)).unwrap();
    let too_late = keyring.mint(Use::Signal, &Claims::new("alice", Wall::from_unix_secs(1))).unwrap();
    for token in ["", "x", &for_another_use, &too_late] {
        let refusal = server.refusal(&format!("/ws?token={token}"), &[]).await;
        assert_eq!(refusal, (401, "token_refused".to_owned()), "{token}");
    }
    let elsewhere = Claims { room: Some("other".to_owned()), ..Claims::new("alice", in_time) };
    let token = keyring.mint(Use::Signal, &elsewhere).unwrap();
    let refusal = server.refusal(&format!("/r/main/ws?token={token}"), &[]).await;
    assert_eq!(refusal, (403, "room_not_allowed".to_owned()));
    // Without a room in the path it is in the one of its token.
    let (mut elsewhere, _) = server.try_open(&format!("/ws?token={token}"), &[]).await.unwrap();
    elsewhere.register("a", "[]").await;
    assert_eq!(server.agent_in("other", "b").await.register("b", "[]").await.matches(r#"["a"]"#).count(), 1);
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let (server, keyring) = with_tokens().await;
    // Whole seconds on the wire: between one and two from now.
    let token = keyring.mint(Use::Signal, &Claims::new("alice", now() + Duration::from_secs(2))).unwrap();
    let (mut socket, _) = server.try_open(&format!("/ws?token={token}"), &[]).await.unwrap();
    assert_eq!(socket.closed().await.code, CloseCode::Policy);
}

#[tokio::test]
async fn an_id_belongs_to_a_tokens_subject_wherever_it_comes_from() {
    let (server, keyring) = with_tokens().await;
    let path = |sub: &str| {
        let claims = Claims::new(sub, now() + Duration::from_secs(60));
        format!("/ws?token={}", keyring.mint(Use::Signal, &claims).unwrap())
    };
    let (mut older, _) = server.try_open(&path("alice"), &[("x-test-from", "192.0.2.1")]).await.unwrap();
    older.send(r#"{"type":"register","agent_id":"a"}"#).await;
    older.expect(r#"{"type":"registered","agent_id":"a","connected_agents":[]}"#).await;
    let (mut newer, _) = server.try_open(&path("alice"), &[("x-test-from", "192.0.2.2")]).await.unwrap();
    newer.send(r#"{"type":"register","agent_id":"a"}"#).await;
    newer.expect(r#"{"type":"registered","agent_id":"a","connected_agents":[]}"#).await;
    assert_eq!(older.closed().await.code, CloseCode::Library(4_001));
}
