use std::sync::Mutex;

use futures_util::future::{BoxFuture, ready};
use http::Method;
use sangam_control::{
    Members, Room, RoomEnded, RoomError, RoomList, RoomMember, RoomTimer, RoomWire, RoomWithMembers, Rooms,
};
use serde_json::json;

use crate::server::{Answer, From, NOW, Server, expired, token};

/// Rooms of which one is there, `a/b`, and one does not answer, which write down what they are told.
#[derive(Default)]
pub(crate) struct FakeRooms(Mutex<Vec<String>>);

impl FakeRooms {
    fn tell(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn room() -> Room {
    Room {
        room: "a/b".to_owned(),
        participants: 2,
        absent: 1,
        locked: true,
        timer: Some(RoomTimer { remaining_secs: 600, active: true, paused: false }),
        verse_bytes: Some(120),
        queue_bytes: None,
    }
}

fn member() -> RoomMember {
    RoomMember {
        id: "alice".to_owned(),
        name: Some("Alice".to_owned()),
        wires: vec![RoomWire::Json, RoomWire::Socketio],
        present: false,
        joined_at: NOW.wall,
        absent_since: Some(NOW.wall),
    }
}

fn known<T: Send + 'static>(room: &str, there: T) -> BoxFuture<'static, Result<T, RoomError>> {
    Box::pin(ready(match room {
        "a/b" => Ok(there),
        "silent" => Err(RoomError::Silent),
        _ => Err(RoomError::NoRoom),
    }))
}

impl Rooms for FakeRooms {
    fn list(&self, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<RoomList, RoomError>> {
        self.tell(format!("list {after:?} {limit}"));
        let has_more = after.is_none();
        Box::pin(ready(Ok(RoomList { rooms: vec![room()], has_more, total: 7, participants: 9 })))
    }

    fn find(&self, name: String, members: Members) -> BoxFuture<'_, Result<RoomWithMembers, RoomError>> {
        self.tell(format!("find {name} {} {}", members.after, members.limit));
        known(&name, RoomWithMembers { room: room(), members: vec![member()], next: Some(4) })
    }

    fn kick(&self, room: String, who: String, reason: Option<String>) -> BoxFuture<'_, Result<(), RoomError>> {
        self.tell(format!("kick {room} {who} {reason:?}"));
        if who == "nobody" { Box::pin(ready(Err(RoomError::NoParticipant))) } else { known(&room, ()) }
    }

    fn lock(&self, room: String, locked: bool) -> BoxFuture<'_, Result<(), RoomError>> {
        self.tell(format!("lock {room} {locked}"));
        known(&room, ())
    }

    fn end(&self, room: String, reason: Option<String>) -> BoxFuture<'_, Result<RoomEnded, RoomError>> {
        self.tell(format!("end {room} {reason:?}"));
        known(&room, RoomEnded { ended: 2 })
    }
}

async fn post(server: &Server, path: &str, from: &From, body: &str) -> Answer {
    let length = body.len().to_string();
    let path = format!("/api/v1/signal/rooms/{path}");
    server.send_body(Method::POST, &path, from, &[("content-length", length.as_str())], body).await
}

#[tokio::test]
async fn rooms_come_as_a_page_with_a_link_to_the_next() {
    let server = Server::new();
    let path = "/api/v1/signal/rooms?limit=1";
    let answer = server.get(path, &token("admin:read")).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    let next = "/api/v1/signal/rooms?limit=1&after=a%2Fb";
    let expected = json!({
        "data": [{
            "room": "a/b", "participants": 2, "absent": 1, "locked": true,
            "timer": { "remaining_secs": 600, "active": true, "paused": false },
            "verse_bytes": 120, "queue_bytes": null,
        }],
        "meta": { "count": 1, "rooms": 7, "participants": 9 },
        "links": { "self": path, "next": next },
    });
    assert_eq!(answer.json(), expected);
    let last = server.get(next, &From::Loopback).await;
    assert_eq!(last.json()["links"], json!({ "self": next, "next": null }));
    assert_eq!(server.rooms.told(), ["list None 1", r#"list Some("a/b") 1"#]);
}

#[tokio::test]
async fn a_room_shows_who_is_in_it_and_how_they_come() {
    let server = Server::new();
    let path = "/api/v1/signal/rooms/a%2Fb";
    let answer = server.get(path, &From::Loopback).await;
    assert_eq!(answer.status, 200);
    let time = "2023-11-14T22:13:20.000Z";
    let member = json!({
        "id": "alice", "name": "Alice", "wires": ["json", "socketio"], "present": false,
        "joined_at": time, "absent_since": time,
    });
    assert_eq!((&answer.json()["room"], &answer.json()["members"]), (&json!("a/b"), &json!([member])));
    let next = format!("{path}?after=4");
    assert_eq!(answer.json()["links"], json!({ "self": path, "next": next }));
    server.get(&format!("{next}&limit=9"), &From::Loopback).await;
    assert_eq!(server.rooms.told(), ["find a/b 0 100", "find a/b 4 9"]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_with_a_code() {
    let server = Server::new();
    for (path, status, code) in [
        ("?limit=0", 400, "query_invalid"),
        ("?limit=1001", 400, "query_invalid"),
        ("?room=x", 400, "query_invalid"),
        ("/a%2Fb?after=x", 400, "query_invalid"),
        ("/%ff", 400, "path_invalid"),
        ("/gone", 404, "room_not_found"),
        ("/silent", 503, "rooms_silent"),
    ] {
        let answer = server.get(&format!("/api/v1/signal/rooms{path}"), &From::Loopback).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (status, &json!(code)), "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(257));
    for (path, body, status, code) in [
        ("a%2Fb/kick", "", 400, "body_invalid"),
        ("a%2Fb/kick", "{}", 400, "body_invalid"),
        ("a%2Fb/kick", r#"{"participant":"a","why":""}"#, 400, "body_invalid"),
        ("a%2Fb/kick", r#"{"participant":"a","reason":"\u0007"}"#, 400, "reason_invalid"),
        ("a%2Fb/kick", r#"{"participant":"nobody"}"#, 404, "participant_not_found"),
        ("gone/kick", r#"{"participant":"a"}"#, 404, "room_not_found"),
        ("a%2Fb/lock", "{}", 400, "body_invalid"),
        ("gone/lock", r#"{"locked":true}"#, 404, "room_not_found"),
        ("silent/lock", r#"{"locked":true}"#, 503, "rooms_silent"),
        ("a%2Fb/end", &long, 400, "reason_invalid"),
        ("gone/end", "{}", 404, "room_not_found"),
    ] {
        let answer = post(&server, path, &token("admin:write"), body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (status, &json!(code)), "{path} {body}");
    }
}

#[tokio::test]
async fn moderating_needs_a_token_with_the_write_scope_from_everywhere() {
    let server = Server::new();
    for (path, body, order, answer) in [
        (
            "a%2Fb/kick",
            r#"{"participant":"c/d","reason":"noise"}"#,
            r#"kick a/b c/d Some("noise")"#,
            json!({ "room": "a/b", "kicked": "c/d" }),
        ),
        (
            "a%2Fb/kick",
            r#"{"participant":"c","reason":""}"#,
            "kick a/b c None",
            json!({ "room": "a/b", "kicked": "c" }),
        ),
        ("a%2Fb/lock", r#"{"locked":false}"#, "lock a/b false", json!({ "room": "a/b", "locked": false })),
        ("a%2Fb/end", "{}", "end a/b None", json!({ "room": "a/b", "ended": 2 })),
    ] {
        for (from, refusal) in [
            (From::Loopback, (401, "token_required")),
            (From::Allowed, (401, "token_required")),
            (token("admin:read"), (403, "scope_required")),
            (expired("admin:write"), (401, "token_expired")),
        ] {
            let answer = post(&server, path, &from, body).await;
            assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str().unwrap()), refusal, "{path} {from:?}");
            assert_eq!(server.rooms.told(), Vec::<String>::new());
        }
        let done = post(&server, path, &token("admin:write"), body).await;
        assert_eq!((done.status.as_u16(), done.json()), (200, answer), "{path}");
        assert_eq!(server.rooms.told(), [order]);
    }
    assert_eq!(server.get("/api/v1/signal/rooms", &From::Public).await.status, 401);
}
