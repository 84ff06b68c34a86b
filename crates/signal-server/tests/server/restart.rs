//! One server after the other, with one journal.

use std::sync::Arc;
use std::time::SystemTime;

use sangam_bus::{Journal, JournalOptions, MemoryJournal};
use sangam_signal_server::Options;
use sangam_types::Wall;

use crate::recovery::with_recovery;
use crate::support::TestServer;

fn journal() -> Arc<dyn Journal> {
    let now = || Wall::default() + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Arc::new(MemoryJournal::new(Arc::new(now), JournalOptions::default()))
}

async fn start(options: Options, journal: &Arc<dyn Journal>) -> TestServer {
    TestServer::start_with(options, Some(Arc::clone(journal)), None).await
}

#[tokio::test]
async fn after_a_restart_everything_is_where_it_was() {
    let journal = journal();
    let first = start(with_recovery(), &journal).await;
    let (mut agent, _) = first.try_open("/r/s/ws", &[]).await.unwrap();
    agent.register("a", r#"["resume","room"]"#).await;
    let mut page = first.io_in("s", "p").await;
    page.emit("verse-changed", r#"{"sessionId":"s","verse":{"n":7}}"#).await;
    page.event().await;
    page.emit("reading-queue-update", r#"{"sessionId":"s","queue":["p"]}"#).await;
    page.event().await;
    page.emit("start-session-timer", r#"{"sessionId":"s","duration":86400}"#).await;
    page.event().await;
    first.server.drain().await;
    let way = page.cut();
    drop((first, agent));

    let second = start(with_recovery(), &journal).await;
    let mut page = second.io_back(&way).await;
    assert_eq!(page.sid, way.sid);
    // It is in its room again, and is not told what it knows.
    page.expect_silence().await;
    let (mut agent, _) = second.try_open("/r/s/ws", &[]).await.unwrap();
    let registered = agent.register("a", r#"["resume"]"#).await;
    assert_eq!(registered, r#"{"type":"registered","agent_id":"a","connected_agents":["p"]}"#);
    // Nobody hears that anybody left or came.
    page.expect_silence().await;
    page.emit("webrtc-offer", r#"{"sessionId":"s","to":"a","data":{"n":1}}"#).await;
    agent.expect(r#"{"type":"offer","from":"p","to":"a","offer":{"n":1}}"#).await;

    let mut late = second.io().await;
    late.join("s", "late").await;
    late.expect("session-joined", r#"{"sessionId":"s","participants":["a","p","late"]}"#).await;
    late.expect("verse-changed", r#"{"sessionId":"s","verse":{"n":7},"timestamp":1}"#).await;
    late.expect("reading-queue-update", r#"{"sessionId":"s","queue":["p"],"timestamp":1}"#).await;
    let (name, timer) = late.event().await;
    assert_eq!(name, "session-timer-update");
    assert_eq!((timer["isActive"].as_bool(), timer["isPaused"].as_bool()), (Some(true), Some(false)));
    let remaining = timer["timeRemaining"].as_u64().unwrap();
    assert!((80_000..=86_400).contains(&remaining), "{remaining}");
    assert_eq!(second.metric("sangam_signal_absent_participants"), 0);
}

#[tokio::test]
async fn who_was_away_when_the_server_went_misses_nothing() {
    let journal = journal();
    let first = start(with_recovery(), &journal).await;
    let mut agent = first.agent_in("s", "a").await;
    let way = first.io_in("s", "p").await.cut();
    first.until_metric("sangam_signal_absent_participants", 1).await;
    agent.text().await;
    agent.send(r#"{"type":"tell","topic":"verse","value":{"verse":1}}"#).await;
    agent.text().await;
    // No drain: it dies.
    drop((first, agent));
    let second = start(with_recovery(), &journal).await;
    let mut page = second.io_back(&way).await;
    assert_eq!(page.sid, way.sid);
    page.expect("verse-changed", r#"{"sessionId":"s","verse":1,"timestamp":1}"#).await;
    page.emit("get-queue", r#"{"sessionId":"s"}"#).await;
    page.expect("queue-updated", r#"{"sessionId":"s","queue":[],"timestamp":1}"#).await;
}

#[tokio::test]
async fn what_is_said_before_everybody_is_back_is_not_missed() {
    let journal = journal();
    let first = start(with_recovery(), &journal).await;
    let mut early = first.io_in("s", "early").await;
    let late = first.io_in("s", "late").await;
    early.event().await;
    early.event().await;
    let (early, late) = (early.cut(), late.cut());
    // No drain: it dies.
    drop(first);
    let second = start(with_recovery(), &journal).await;
    let mut early = second.io_back(&early).await;
    early.emit("verse-changed", r#"{"sessionId":"s","verse":1}"#).await;
    early.expect("verse-changed", r#"{"sessionId":"s","verse":1,"timestamp":1}"#).await;
    early.emit("webrtc-offer", r#"{"sessionId":"s","to":"late","data":{"n":1}}"#).await;
    let mut late = second.io_back(&late).await;
    late.expect("verse-changed", r#"{"sessionId":"s","verse":1,"timestamp":1}"#).await;
    assert_eq!(late.event().await.0, "webrtc-offer");
    early.expect_silence().await;
}

#[tokio::test]
async fn a_page_of_the_hooks_is_spoken_to_in_its_words_after_a_restart() {
    let journal = journal();
    let first = start(with_recovery(), &journal).await;
    let mut page = first.io().await;
    page.emit("join-session", r#"{"sessionId":"s","participantId":"p","participantName":"P"}"#).await;
    page.event().await;
    first.server.drain().await;
    let way = page.cut();
    drop(first);
    let second = start(with_recovery(), &journal).await;
    let mut page = second.io_back(&way).await;
    let mut agent = second.agent_in("s", "a").await;
    page.event().await;
    page.event().await;
    agent.send(r#"{"type":"tell","topic":"queue","value":{"queue":[]}}"#).await;
    page.expect("queue-updated", r#"{"sessionId":"s","queue":[],"timestamp":1}"#).await;
    agent.send(r#"{"type":"offer","from":"a","to":"p","offer":{"n":1}}"#).await;
    let mut names = [page.event().await.0, page.event().await.0];
    names.sort();
    assert_eq!(names, ["webrtc-offer", "webrtc-signaling"]);
}

#[tokio::test]
async fn who_does_not_come_back_leaves_after_its_grace_as_ever() {
    let journal = journal();
    let first = start(with_recovery(), &journal).await;
    let page = first.io_in("s", "p").await;
    let way = first.io_in("s", "q").await.cut();
    first.server.drain().await;
    drop((first, page));
    let mut options = with_recovery();
    options.rooms.presence_grace = std::time::Duration::from_millis(500);
    let second = start(options, &journal).await;
    let mut page = second.io_back(&way).await;
    assert_eq!(page.sid, way.sid);
    loop {
        let (name, value) = page.event().await;
        if name == "participant-left" {
            assert_eq!(value["participantId"], "p");
            break;
        }
    }
    second.until_metric("sangam_signal_participants", 1).await;
}
