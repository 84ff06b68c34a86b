//! Sessions of Socket.IO beside the other wires.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_bus::{Journal, JournalError, Record};
use sangam_signal_server::{Limits, Options};
use sangam_types::Wall;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::socketio_client::Io;
use crate::support::{TestServer, until};
use crate::wire::get;

#[tokio::test]
async fn an_agent_and_a_page_are_in_one_room_and_hear_each_other_in_their_own_words() {
    let server = TestServer::start(Options::default()).await;
    let mut agent = server.agent_in("s", "a").await;
    let mut page = server.io().await;
    page.join("s", "p").await;
    page.expect("session-joined", r#"{"sessionId":"s","participants":["a","p"]}"#).await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;

    page.emit("webrtc-offer", r#"{"sessionId":"s","from":"forged","to":"a","data":{"type":"offer","sdp":"v"}}"#).await;
    agent.expect(r#"{"type":"offer","from":"p","to":"a","offer":{"type":"offer","sdp":"v"}}"#).await;
    agent.send(r#"{"type":"answer","from":"a","to":"p","answer":{"type":"answer","sdp":"w"}}"#).await;
    let answer =
        r#"{"type":"answer","sessionId":"s","from":"a","to":"p","data":{"type":"answer","sdp":"w"},"timestamp":1}"#;
    page.expect("webrtc-answer", answer).await;

    page.emit("verse-changed", r#"{"sessionId":"s","verse":{"n":7}}"#).await;
    page.expect("verse-changed", r#"{"sessionId":"s","verse":{"n":7},"timestamp":1}"#).await;
    agent.expect(r#"{"type":"told","topic":"verse","from":"p","value":{"verse":{"n":7}}}"#).await;
    agent.send(r#"{"type":"tell","topic":"queue","value":{"queue":["p"]}}"#).await;
    agent.expect(r#"{"type":"told","topic":"queue","from":"a","value":{"queue":["p"]}}"#).await;
    page.expect("reading-queue-update", r#"{"sessionId":"s","queue":["p"],"timestamp":1}"#).await;

    agent.send(r#"{"type":"timer","order":"start","seconds":600}"#).await;
    let timer = r#"{"sessionId":"s","timeRemaining":600,"isActive":true,"isPaused":false,"timestamp":1}"#;
    page.expect("session-timer-update", timer).await;
    agent.expect(r#"{"type":"timer","remaining":600,"active":true,"paused":false}"#).await;
    page.emit("session-ended", r#"{"sessionId":"s","reason":"late"}"#).await;
    page.expect("session-ended", r#"{"sessionId":"s","reason":"late","timestamp":1}"#).await;
    agent.expect(r#"{"type":"ended","reason":"late"}"#).await;
    page.expect_silence().await;
    agent.expect_silence().await;
}

#[tokio::test]
async fn who_is_in_another_room_hears_nothing() {
    let server = TestServer::start(Options::default()).await;
    let (mut here, mut there) = (server.io_in("here", "a").await, server.io_in("there", "a").await);
    let mut agent = server.agent_in("there", "b").await;
    there.event().await;
    there.event().await;
    here.emit("verse-changed", r#"{"sessionId":"here","verse":1}"#).await;
    here.event().await;
    // An outsider's words are refused and delivered to nobody.
    here.emit("verse-changed", r#"{"sessionId":"there","verse":1}"#).await;
    here.expect_error("not_in_session").await;
    here.emit("webrtc-offer", r#"{"sessionId":"there","to":"a","data":{}}"#).await;
    here.expect_error("not_in_session").await;
    here.emit("leave-session", r#"{"sessionId":"there","participantId":"b"}"#).await;
    here.expect_error("not_in_session").await;
    there.expect_silence().await;
    agent.expect_silence().await;
}

#[tokio::test]
async fn both_sockets_of_a_participant_hear_and_it_leaves_with_the_last() {
    let server = TestServer::start(Options::default()).await;
    let mut agent = server.agent_in("s", "a").await;
    let (mut video, mut reading) = (server.io_in("s", "p").await, server.io_in("s", "p").await);
    agent.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
    agent.send(r#"{"type":"offer","from":"a","to":"p","offer":{"n":1}}"#).await;
    for page in [&mut video, &mut reading] {
        let offer = r#"{"type":"offer","sessionId":"s","from":"a","to":"p","data":{"n":1},"timestamp":1}"#;
        page.expect("webrtc-offer", offer).await;
    }
    // Leaves the namespace, as `socket.disconnect()` does.
    video.socket.send("41").await;
    video.ended().now_or_never();
    reading.expect_silence().await;
    agent.expect_silence().await;
    reading.socket.send("41").await;
    agent.expect(r#"{"type":"agent-left","agent_id":"p"}"#).await;
}

#[tokio::test]
async fn a_page_that_only_listens_stays() {
    let mut options = Options::default();
    options.rooms.ping_interval = Duration::from_millis(5);
    options.rooms.ping_timeout = Duration::from_secs(1);
    let server = TestServer::start(options).await;
    let mut page = server.io_in("s", "p").await;
    let mut agent = server.agent_in("s", "a").await;
    page.event().await;
    page.event().await;
    // As long as it takes to be asked ten times and to answer.
    for _ in 0..10 {
        assert!(matches!(agent.next().await.unwrap(), Message::Ping(_)));
    }
    agent.send(r#"{"type":"tell","topic":"verse","value":{"verse":1}}"#).await;
    page.expect("verse-changed", r#"{"sessionId":"s","verse":1,"timestamp":1}"#).await;
    assert_eq!(server.metric(r#"sangam_signal_closes_total{reason="silent"}"#), 0);
}

#[tokio::test]
async fn an_id_of_a_page_is_not_taken_by_somebody_elsewhere() {
    let mut options = Options::default();
    options.live.access.open = sangam_signal_server::Open::all(true);
    options.rooms.claim_timeout = Duration::from_secs(60);
    let server = TestServer::start(options).await;
    let mut page = server.io_in("s", "p").await;
    let (mut thief, _) = server.try_open("/r/s/ws", &[("x-test-from", "192.0.2.66")]).await.unwrap();
    thief.send(r#"{"type":"register","agent_id":"p"}"#).await;
    thief.expect(r#"{"type":"error","message":"Error: Agent id p is in use from another address"}"#).await;
    page.expect_silence().await;
}

#[tokio::test]
async fn a_moderator_puts_a_page_out_and_locks_the_room() {
    let server = TestServer::start(Options::default()).await;
    let mut page = server.io_in("s", "p").await;
    let mut agent = server.agent_in("s", "a").await;
    page.event().await;
    page.event().await;
    agent.send(r#"{"type":"lock"}"#).await;
    agent.expect(r#"{"type":"locked","locked":true}"#).await;
    page.expect("session-locked", r#"{"sessionId":"s","locked":true,"timestamp":1}"#).await;
    let mut late = server.io().await;
    late.join("s", "late").await;
    late.expect_error("session_locked").await;
    agent.send(r#"{"type":"kick","agent_id":"p","reason":"rude"}"#).await;
    page.expect("session-ended", r#"{"sessionId":"s","reason":"rude","timestamp":1}"#).await;
    agent.expect(r#"{"type":"agent-left","agent_id":"p"}"#).await;
    page.emit("verse-changed", r#"{"sessionId":"s","verse":1}"#).await;
    page.expect_error("not_in_session").await;
    page.join("s", "p").await;
    page.expect_error("session_locked").await;
}

#[tokio::test]
async fn a_drain_tells_clients_of_every_wire() {
    let server = TestServer::start(Options::default()).await;
    let mut page = server.io_in("s", "p").await;
    let mut agent = server.agent_in("s", "a").await;
    page.event().await;
    page.event().await;
    let addr = server.addr;
    let poll = tokio::spawn(crate::wire::request_to(addr, "GET", "/r/s/signal/poll/n", &[], String::new()));
    agent.expect(r#"{"type":"agent-joined","agent_id":"n"}"#).await;
    page.event().await;
    page.event().await;
    let draining = tokio::spawn({
        let server = server.server.clone();
        async move { server.drain().await }
    });
    // Nobody hears of anybody's leaving, and nobody is told to stay away.
    let (frames, close) = page.ended().await;
    assert_eq!(frames, Vec::<String>::new());
    let close = close.unwrap();
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::Away, "going away"));
    assert_eq!(agent.closed().await.code, CloseCode::Away);
    let (status, _, body) = poll.await.unwrap();
    assert_eq!((status, body.as_str()), (200, "[]"));
    draining.await.unwrap();
    let (status, _, _) = get(&server, "/socket.io/?EIO=4&transport=polling", &[]).await;
    assert_eq!(status, 503);
}

#[tokio::test]
async fn the_guides_health_says_how_many_there_are() {
    let server = TestServer::start(Options::default()).await;
    let health = async || {
        let (status, headers, body) = get(&server, "/beside/health", &[]).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "application/json; charset=utf-8"));
        let health: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(health["status"], "ok");
        assert!(health["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
        (health["activeSessions"].as_u64().unwrap(), health["activeParticipants"].as_u64().unwrap())
    };
    assert_eq!(health().await, (0, 0));
    let mut page = server.io_in("one", "a").await;
    let _second = server.io_in("one", "a").await;
    let _agent = server.agent_in("two", "a").await;
    let _in_no_room = server.io().await;
    assert_eq!(health().await, (2, 2));
    page.join("two", "p").await;
    page.event().await;
    assert_eq!(health().await, (2, 3));
    page.emit("session-ended", r#"{"sessionId":"one"}"#).await;
    page.event().await;
    assert_eq!(health().await, (1, 2));
}

/// One that keeps whoever writes waiting, until it is let go.
#[derive(Debug, Default)]
struct Stuck {
    is_stuck: Mutex<bool>,
    changed: Condvar,
    waiting: AtomicUsize,
}

/// Lets go when it is dropped.
struct Hold<'a>(&'a Stuck);

impl Stuck {
    fn hold(&self) -> Hold<'_> {
        *self.is_stuck.lock().unwrap() = true;
        Hold(self)
    }

    fn wait(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // The task alone is stuck, not what else its thread has to do.
        tokio::task::block_in_place(|| {
            drop(self.changed.wait_while(self.is_stuck.lock().unwrap(), |it| *it).unwrap());
        });
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        *self.0.is_stuck.lock().unwrap() = false;
        self.0.changed.notify_all();
    }
}

impl Journal for Stuck {
    fn put(&self, _area: &'static str, _key: &str, _value: Bytes, _expires: Wall) {
        self.wait();
    }

    fn remove(&self, _area: &'static str, _key: &str) {}

    fn load(&self, _area: &'static str) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        async { Ok(()) }.boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_that_gives_no_answer_is_told_by_health_and_its_clients_lose_nothing() {
    let journal = Arc::new(Stuck::default());
    let limits = Limits { queue_len_max: 2, ..Limits::default() };
    let mut options = Options { limits, ..Options::default() };
    options.socketio.backlog_len_max = 8;
    let server = TestServer::start_with(options, Some(Arc::clone(&journal) as _), None).await;
    let mut page = server.io_in("s", "p").await;
    let hold = journal.hold();
    page.emit("verse-changed", r#"{"sessionId":"s","verse":0}"#).await;
    until("the task is stuck", || journal.waiting.load(Ordering::SeqCst) == 1).await;
    let (status, _, body) = get(&server, "/beside/health", &[]).await;
    assert_eq!(status, 503, "{body}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], "unavailable");
    assert_eq!(server.server.part().check().await.state, sangam_control::PartState::Failed);
    for n in 1..30 {
        page.emit("verse-changed", &format!(r#"{{"sessionId":"s","verse":{n}}}"#)).await;
    }
    // What does not wait is refused, and said to be.
    let busy = r#"sangam_signal_refusals_total{reason="busy"}"#;
    until("something is refused", || server.metric(busy) > 0).await;
    drop(hold);
    let (told, refused) = heard(&mut page, 30).await;
    assert_eq!(refused, server.metric(busy));
    assert!(told.is_sorted() && told.len() >= 8, "{told:?}");
    assert_eq!(get(&server, "/beside/health", &[]).await.0, 200);
}

/// Of so many events: the verses that it hears, and how often it was refused.
async fn heard(page: &mut Io, count: usize) -> (Vec<u64>, u64) {
    let (mut told, mut refused) = (Vec::new(), 0);
    for _ in 0..count {
        match page.event().await {
            (name, value) if name == "verse-changed" => told.push(value["verse"].as_u64().unwrap()),
            (name, value) if name == "error" && value["code"] == "busy" => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    (told, refused)
}

#[tokio::test]
async fn a_sender_faster_than_the_rooms_loses_nothing_and_keeps_its_order() {
    let limits = Limits { queue_len_max: 1, ..Limits::default() };
    let server = TestServer::start(Options { limits, ..Options::default() }).await;
    let (mut a, mut b) = (server.io_in("s", "a").await, server.io_in("s", "b").await);
    a.event().await;
    a.event().await;
    for n in 0..200 {
        a.emit("webrtc-offer", &format!(r#"{{"sessionId":"s","to":"b","data":{{"n":{n}}}}}"#)).await;
    }
    for n in 0..200 {
        let (_, offer) = b.event().await;
        assert_eq!(offer["data"]["n"], n);
    }
}
