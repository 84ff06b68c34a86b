//! Answers of the API for people.

use serde_json::Value;

use crate::commands::api::text::{escaped, line, table};

/// Sessions as a table; of other answers, one line for each of their members.
pub(super) fn text(body: &Value) -> String {
    match body["data"].as_array() {
        Some(members) if members.iter().all(|member| member["id"].is_string()) => sessions(members, &body["meta"]),
        Some(members) => members.iter().map(line).collect(),
        None => line(body),
    }
}

fn sessions(sessions: &[Value], meta: &Value) -> String {
    let head = ["ID", "USER", "CLIENT", "RELAYED", "TO PEER", "TO CLIENT", "ENDS IN"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(sessions.iter().map(row)).collect();
    let mut text = table(&rows);
    text.push_str(&format!("{} of {} sessions\n", sessions.len(), meta["allocations"]));
    let silent = meta["silent_threads"].as_array().filter(|threads| !threads.is_empty());
    if let Some(threads) = silent {
        text.push_str(&format!("relay threads that did not answer: {}\n", Value::from(threads.clone())));
    }
    text
}

fn row(session: &Value) -> Vec<String> {
    let shown = |key: &str| escaped(session[key].as_str().unwrap_or("-"));
    let rate = |key: &str| {
        let rate = &session[key];
        format!("{}/s {} B/s", rate["packets"], rate["bytes"])
    };
    let ends = format!("{} s", session["expires_in_secs"]);
    let rates = [rate("to_peer_per_sec"), rate("to_client_per_sec"), ends];
    ["id", "user", "client", "relayed"].map(shown).into_iter().chain(rates).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sessions_are_a_table_and_no_name_steers_the_terminal() {
        let session = json!({
            "id": "1-2-3", "user": "a\u{1b}[2Jb", "client": "203.0.113.9:50000", "relayed": "10.0.0.5:49152",
            "to_peer_per_sec": { "packets": 50, "bytes": 9000 }, "to_client_per_sec": { "packets": 0, "bytes": 0 },
            "expires_in_secs": 541,
        });
        let body = json!({ "data": [session], "meta": { "allocations": 7, "silent_threads": [2] } });
        assert_eq!(
            text(&body),
            "ID     USER         CLIENT             RELAYED         TO PEER        TO CLIENT  ENDS IN\n\
             1-2-3  a\\u{1b}[2Jb  203.0.113.9:50000  10.0.0.5:49152  50/s 9000 B/s  0/s 0 B/s  541 s\n\
             1 of 7 sessions\n\
             relay threads that did not answer: [2]\n"
        );
    }

    #[test]
    fn other_answers_are_a_line_each() {
        assert_eq!(text(&json!({ "ended": 3, "silent_threads": [] })), "ended 3, silent_threads []\n");
        let revoked = json!({ "data": [{ "label": "alice", "until": null }, { "user": "bob", "until": null }] });
        assert_eq!(text(&revoked), "label alice, until null\nuntil null, user bob\n");
        assert_eq!(text(&Value::Null), "");
    }
}
