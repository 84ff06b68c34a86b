//! Answers of the API for people.

use serde_json::Value;

use crate::commands::api::text::{escaped, line, table};

/// Rooms, or the members of one, as a table; of other answers one line.
pub(super) fn text(body: &Value) -> String {
    if let Some(rooms) = body["data"].as_array() {
        let meta = &body["meta"];
        let ends = format!("{} of {} rooms, {} participants\n", rooms.len(), meta["rooms"], meta["participants"]);
        return room_table(rooms) + &ends;
    }
    match body["members"].as_array() {
        Some(members) => {
            let ends = format!("{} of {} participants\n", members.len(), body["participants"]);
            room_table(std::slice::from_ref(body)) + "\n" + &member_table(members) + &ends
        }
        None => line(body),
    }
}

fn room_table(rooms: &[Value]) -> String {
    let head = ["ROOM", "PARTICIPANTS", "ABSENT", "LOCKED", "TIMER", "VERSE", "QUEUE"].map(str::to_owned).to_vec();
    table(&std::iter::once(head).chain(rooms.iter().map(room)).collect::<Vec<_>>())
}

fn room(room: &Value) -> Vec<String> {
    let locked = if room["locked"] == true { "yes" } else { "no" };
    let bytes = |key: &str| room[key].as_u64().map_or("-".to_owned(), |bytes| format!("{bytes} B"));
    let (participants, absent) = (room["participants"].to_string(), room["absent"].to_string());
    let timer = timer(&room["timer"]);
    vec![
        name(&room["room"]),
        participants,
        absent,
        locked.to_owned(),
        timer,
        bytes("verse_bytes"),
        bytes("queue_bytes"),
    ]
}

fn timer(timer: &Value) -> String {
    match (timer["active"].as_bool(), timer["paused"].as_bool()) {
        (Some(true), Some(true)) => format!("{} s, paused", timer["remaining_secs"]),
        (Some(true), _) => format!("{} s", timer["remaining_secs"]),
        (Some(false), _) => "over".to_owned(),
        (None, _) => "-".to_owned(),
    }
}

fn member_table(members: &[Value]) -> String {
    let head = ["ID", "NAME", "WIRES", "JOINED", "ABSENT SINCE"].map(str::to_owned).to_vec();
    table(&std::iter::once(head).chain(members.iter().map(member)).collect::<Vec<_>>())
}

fn member(member: &Value) -> Vec<String> {
    let wires: Vec<&str> = member["wires"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let wires = if wires.is_empty() { "-".to_owned() } else { escaped(&wires.join(",")) };
    let [id, shown, joined, absent] = ["id", "name", "joined_at", "absent_since"].map(|key| name(&member[key]));
    vec![id, shown, wires, joined, absent]
}

fn name(value: &Value) -> String {
    escaped(value.as_str().unwrap_or("-"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn a_room() -> Value {
        json!({
            "room": "a\u{1b}[2Jb", "participants": 2, "absent": 1, "locked": true, "verse_bytes": 120, "queue_bytes": null,
            "timer": { "remaining_secs": 600, "active": true, "paused": true },
        })
    }

    #[test]
    fn rooms_are_a_table_and_no_name_steers_the_terminal() {
        let body = json!({ "data": [a_room()], "meta": { "rooms": 7, "participants": 9 } });
        assert_eq!(
            text(&body),
            "ROOM         PARTICIPANTS  ABSENT  LOCKED  TIMER          VERSE  QUEUE\n\
             a\\u{1b}[2Jb  2             1       yes     600 s, paused  120 B  -\n\
             1 of 7 rooms, 9 participants\n"
        );
    }

    #[test]
    fn a_room_is_shown_with_who_is_in_it() {
        let (joined, away) = ("2026-01-31T12:00:00.000Z", "2026-01-31T12:05:00.000Z");
        let mut body = a_room();
        body["members"] = json!([
            { "id": "alice", "name": "Al\nice", "wires": ["json", "socketio"], "joined_at": joined, "absent_since": null },
            { "id": "b", "name": null, "wires": [], "joined_at": joined, "absent_since": away },
        ]);
        let shown = text(&body);
        let (_, members) = shown.split_once("\n\n").unwrap();
        assert_eq!(
            members,
            "ID     NAME     WIRES          JOINED                    ABSENT SINCE\n\
             alice  Al\\nice  json,socketio  2026-01-31T12:00:00.000Z  -\n\
             b      -        -              2026-01-31T12:00:00.000Z  2026-01-31T12:05:00.000Z\n\
             2 of 2 participants\n"
        );
    }

    #[test]
    fn other_answers_are_a_line() {
        assert_eq!(text(&json!({ "room": "a", "ended": 2 })), "ended 2, room a\n");
    }
}
