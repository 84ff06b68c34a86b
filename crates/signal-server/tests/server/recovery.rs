//! Socket.IO clients whose transport is lost.

use std::time::Duration;

use sangam_signal_server::Options;
use sangam_socketio::RecoveryOptions;

use crate::support::TestServer;

pub(crate) fn with_recovery() -> Options {
    let mut options = Options::default();
    options.socketio.library.recovery = Some(RecoveryOptions::default());
    options
}

#[tokio::test]
async fn a_lost_transport_comes_back_as_if_nothing_had_been() {
    let server = TestServer::start(with_recovery()).await;
    let mut agent = server.agent_in("s", "a").await;
    let page = server.io_in("s", "p").await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
    let way = page.cut();
    server.until_metric("sangam_signal_absent_participants", 1).await;
    agent.send(r#"{"type":"tell","topic":"verse","value":{"verse":1}}"#).await;
    agent.expect(r#"{"type":"told","topic":"verse","from":"a","value":{"verse":1}}"#).await;
    agent.send(r#"{"type":"offer","from":"a","to":"p","offer":{"n":1}}"#).await;
    server.until_metric(r#"sangam_signal_messages_relayed_total{type="offer"}"#, 1).await;
    let mut page = server.io_back(&way).await;
    assert_eq!(page.sid, way.sid);
    page.expect("verse-changed", r#"{"sessionId":"s","verse":1,"timestamp":1}"#).await;
    let offer = r#"{"type":"offer","sessionId":"s","from":"a","to":"p","data":{"n":1},"timestamp":1}"#;
    page.expect("webrtc-offer", offer).await;
    page.emit("webrtc-answer", r#"{"sessionId":"s","to":"a","data":{"n":2}}"#).await;
    agent.expect(r#"{"type":"answer","from":"p","to":"a","answer":{"n":2}}"#).await;
    page.expect_silence().await;
    agent.expect_silence().await;
    server.until_metric("sangam_signal_absent_participants", 0).await;
}

#[tokio::test]
async fn who_is_back_before_the_loss_is_known_is_told_nothing_twice() {
    let server = TestServer::start(with_recovery()).await;
    let mut agent = server.agent_in("s", "a").await;
    let mut page = server.io_in("s", "p").await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
    for n in 0..5 {
        let way = page.cut();
        page = server.io_back(&way).await;
        assert_eq!(page.sid, way.sid);
        agent.send(&format!(r#"{{"type":"tell","topic":"verse","value":{{"verse":{n}}}}}"#)).await;
        agent.text().await;
        page.expect("verse-changed", &format!(r#"{{"sessionId":"s","verse":{n},"timestamp":1}}"#)).await;
    }
    page.expect_silence().await;
    agent.expect_silence().await;
}

#[tokio::test]
async fn after_the_grace_the_others_are_told_and_who_comes_back_later_joins_again() {
    let mut options = with_recovery();
    options.rooms.presence_grace = Duration::from_millis(20);
    let server = TestServer::start(options).await;
    let mut agent = server.agent_in("s", "a").await;
    let page = server.io_in("s", "p").await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
    let way = page.cut();
    agent.expect(r#"{"type":"agent-left","agent_id":"p"}"#).await;
    let mut page = server.io_back(&way).await;
    assert_eq!(page.sid, way.sid);
    agent.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
    page.expect("session-joined", r#"{"sessionId":"s","participants":["a","p"]}"#).await;
    page.emit("webrtc-offer", r#"{"sessionId":"s","to":"a","data":{"n":1}}"#).await;
    agent.expect(r#"{"type":"offer","from":"p","to":"a","offer":{"n":1}}"#).await;
    // And once more: the second absence is like the first.
    let way = page.cut();
    agent.expect(r#"{"type":"agent-left","agent_id":"p"}"#).await;
    let _page = server.io_back(&way).await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
}

#[tokio::test]
async fn a_page_of_the_newest_hooks_is_still_spoken_to_in_its_words() {
    let server = TestServer::start(with_recovery()).await;
    let mut agent = server.agent_in("s", "a").await;
    let mut page = server.io().await;
    page.emit("join-session", r#"{"sessionId":"s","participantId":"p","participantName":"P"}"#).await;
    page.event().await;
    page.emit("webrtc-signaling", r#"{"sessionId":"s","type":"ice-candidate","to":"x","data":{}}"#).await;
    page.expect_silence().await;
    let way = page.cut();
    server.until_metric("sangam_signal_absent_participants", 1).await;
    let mut page = server.io_back(&way).await;
    assert_eq!(page.sid, way.sid);
    server.until_metric("sangam_signal_absent_participants", 0).await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"p","name":"P"}"#).await;
    agent.send(r#"{"type":"tell","topic":"queue","value":{"queue":[]}}"#).await;
    page.expect("queue-updated", r#"{"sessionId":"s","queue":[],"timestamp":1}"#).await;
    agent.send(r#"{"type":"offer","from":"a","to":"p","offer":{"n":1}}"#).await;
    let offer = r#"{"type":"offer","sessionId":"s","from":"a","to":"p","data":{"n":1},"timestamp":1}"#;
    page.expect("webrtc-signaling", offer).await;
    page.expect_silence().await;
}

#[tokio::test]
async fn who_was_in_no_room_when_it_was_lost_may_join_one_when_it_is_back() {
    let server = TestServer::start(with_recovery()).await;
    let mut page = server.io().await;
    page.emit("subscribe-parser-monitor", "null").await;
    assert_eq!(page.event().await.0, "parser-monitor-subscribed");
    let way = page.cut();
    server.until_metric("sangam_signal_sockets", 0).await;
    let mut page = server.io_back(&way).await;
    assert_eq!(page.sid, way.sid);
    page.join("s", "p").await;
    page.expect("session-joined", r#"{"sessionId":"s","participants":["p"]}"#).await;
}

#[tokio::test]
async fn who_does_not_come_back_in_time_is_forgotten() {
    let mut options = with_recovery();
    options.rooms.presence_grace = Duration::from_millis(1);
    let recovery = RecoveryOptions { window: Duration::from_millis(20), ..RecoveryOptions::default() };
    options.socketio.library.recovery = Some(recovery);
    let server = TestServer::start(options).await;
    let figures = server.server.socketio_figures();
    let way = server.io_in("s", "p").await.cut();
    server.until_metric("sangam_signal_sockets", 0).await;
    crate::support::until("its session is over", || figures().waiting == 0).await;
    let mut page = server.io_back(&way).await;
    assert_ne!(page.sid, way.sid);
    page.emit("get-queue", r#"{"sessionId":"s"}"#).await;
    page.expect_error("not_in_session").await;
}
