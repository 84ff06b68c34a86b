use std::time::Duration;

use sangam_control::{Members, RoomEnded, RoomError, RoomMember};
use sangam_signal_server::{Options, RendezvousOptions, SocketioOptions};
use sangam_socketio::RecoveryOptions;
use serde_json::json;

use super::visitors::Operated;

fn options() -> Options {
    let rendezvous = RendezvousOptions { hold: Duration::ZERO, ..RendezvousOptions::default() };
    let library = sangam_socketio::Options { recovery: Some(RecoveryOptions::default()), ..Default::default() };
    let socketio = SocketioOptions { library, ..SocketioOptions::default() };
    Options { rendezvous, socketio, ..Options::default() }
}

fn line(member: &RoomMember) -> String {
    let RoomMember { id, name, wires, present, .. } = member;
    format!("{id} {} {wires:?} {present}", name.as_deref().unwrap_or("-"))
}

#[tokio::test]
async fn a_room_shows_who_came_by_which_wire_and_sizes_instead_of_words() {
    let server = Operated::start(options()).await;
    let _agent = server.agent("lesson", "agent").await;
    let mut page = server.page("", "lesson", "page").await;
    server.node("lesson", "node").await;
    page.send(r#"42["change-verse",{"sessionId":"lesson","verse":"secret"}]"#).await;
    page.send(r#"42["start-session-timer",{"sessionId":"lesson","duration":600}]"#).await;
    let found = server.until_room("lesson", |found| found.room.timer.is_some()).await;
    let lines: Vec<String> = found.members.iter().map(line).collect();
    assert_eq!(lines, ["agent - [Json] true", "page Page page [Socketio] true", "node - [Rendezvous] true"]);
    assert_eq!((found.room.participants, found.room.absent, found.room.locked), (3, 0, false));
    assert!(found.room.verse_bytes.is_some_and(|bytes| bytes > 0) && found.room.queue_bytes.is_none());
    assert!(!format!("{found:?}").contains("secret"));
    assert!(found.members.iter().all(|member| member.absent_since.is_none()));
}

#[tokio::test]
async fn who_lost_its_connection_is_absent_and_since_when() {
    let server = Operated::start(options()).await;
    let _agent = server.agent("lesson", "agent").await;
    drop(server.page("", "lesson", "page").await);
    let found = server.until_room("lesson", |found| found.room.absent == 1).await;
    let away = &found.members[1];
    assert_eq!(line(away), "page Page page [Socketio] false");
    assert!(away.absent_since.is_some_and(|since| since >= away.joined_at));
}

#[tokio::test]
async fn many_rooms_come_in_the_order_of_their_names_in_pages_or_at_once() {
    let server = Operated::start(options()).await;
    let names: Vec<String> = (0..150).map(|number| format!("room-{number:03}")).collect();
    let mut visitors = Vec::new();
    for name in names.iter().rev() {
        visitors.push(server.agent(name, "a").await);
    }
    let all = server.rooms.list(None, 1_000).await.unwrap();
    assert_eq!(all.rooms.iter().map(|room| room.room.clone()).collect::<Vec<_>>(), names);
    assert_eq!((all.has_more, all.total, all.participants), (false, 150, 150));
    let first = server.rooms.list(None, 100).await.unwrap();
    assert!(first.has_more && first.rooms == all.rooms[..100]);
    let second = server.rooms.list(Some("room-099".to_owned()), 100).await.unwrap();
    assert!(!second.has_more && second.rooms == all.rooms[100..]);
}

#[tokio::test]
async fn the_members_of_a_room_come_in_pages() {
    let server = Operated::start(options()).await;
    let _visitors = [server.agent("r", "a").await, server.agent("r", "b").await, server.agent("r", "c").await];
    let page = async |after| server.rooms.find("r".to_owned(), Members { after, limit: 2 }).await.unwrap();
    let first = page(0).await;
    let second = page(first.next.unwrap()).await;
    let ids: Vec<&str> = first.members.iter().chain(&second.members).map(|member| member.id.as_str()).collect();
    assert_eq!((ids, second.next), (vec!["a", "b", "c"], None));
}

#[tokio::test]
async fn who_is_kicked_hears_why_and_the_others_too() {
    let server = Operated::start(options()).await;
    let mut agent = server.agent("lesson", "agent").await;
    let mut page = server.page("", "lesson", "page").await;
    server.rooms.kick("lesson".to_owned(), "page".to_owned(), Some("noise".to_owned())).await.unwrap();
    assert_eq!(page.event("session-ended").await, json!({ "sessionId": "lesson", "reason": "noise" }));
    agent.until(r#"{"type":"agent-left","agent_id":"page"}"#).await;
    assert_eq!(server.find("lesson").await.room.participants, 1);
    let kick = async |room: &str, who: &str| server.rooms.kick(room.to_owned(), who.to_owned(), None).await;
    assert_eq!(kick("lesson", "page").await, Err(RoomError::NoParticipant));
    assert_eq!(kick("lesson", "").await, Err(RoomError::NoParticipant));
    assert_eq!(kick("nowhere", "page").await, Err(RoomError::NoRoom));
    assert_eq!(server.metric(r#"sangam_signal_room_events_total{event="participant_kicked"}"#), 1);
}

#[tokio::test]
async fn nobody_joins_a_locked_room_until_it_is_opened() {
    let server = Operated::start(options()).await;
    let _agent = server.agent("lesson", "agent").await;
    server.rooms.lock("lesson".to_owned(), true).await.unwrap();
    let mut late = server.try_open("/r/lesson/ws").await.unwrap();
    late.send(r#"{"type":"register","agent_id":"late"}"#).await;
    late.until(r#"{"type":"error","message":"Error: The room is locked""#).await;
    assert!(server.find("lesson").await.room.locked);
    server.rooms.lock("lesson".to_owned(), false).await.unwrap();
    late.send(r#"{"type":"register","agent_id":"late"}"#).await;
    late.until(r#"{"type":"registered""#).await;
    assert_eq!(server.rooms.lock("nowhere".to_owned(), true).await, Err(RoomError::NoRoom));
}

#[tokio::test]
async fn an_ended_session_is_gone_and_all_hear_why() {
    let server = Operated::start(options()).await;
    let mut pages = [server.page("", "lesson", "a").await, server.page("", "lesson", "b").await];
    let end = async |reason: Option<&str>| server.rooms.end("lesson".to_owned(), reason.map(str::to_owned)).await;
    assert_eq!(end(Some("over")).await, Ok(RoomEnded { ended: 2 }));
    for page in &mut pages {
        assert_eq!(page.event("session-ended").await, json!({ "sessionId": "lesson", "reason": "over" }));
    }
    assert_eq!(end(None).await, Err(RoomError::NoRoom));
    let gone = server.rooms.find("lesson".to_owned(), Members { after: 0, limit: 1 }).await;
    assert_eq!(gone, Err(RoomError::NoRoom));
}
