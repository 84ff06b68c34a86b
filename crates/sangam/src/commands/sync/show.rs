//! Answers of the API for people.

use serde_json::Value;

use crate::commands::api::text::{escaped, line, table};

/// What a column is called, and the member that stands in it.
type Columns<'a> = &'a [(&'a str, &'a str)];

const DATABASE: Columns<'_> = &[
    ("DATABASE", "db"),
    ("HEAD", "head"),
    ("ENTITIES", "entities"),
    ("DELETED", "tombstones"),
    ("LOG", "log_len"),
    ("OVERTAKEN", "superseded"),
    ("BYTES", "bytes"),
    ("CREATED", "created_at"),
    ("EPOCH", "epoch"),
];
const REPLICA: Columns<'_> = &[
    ("DEVICE", "device"),
    ("HAS", "resume"),
    ("LAG", "lag"),
    ("STREAMS", "streams"),
    ("SEEN", "seen_at"),
    ("CLIENT", "client"),
];
const CONFLICT: Columns<'_> = &[
    ("NUMBER", "number"),
    ("AT", "at"),
    ("DEVICE", "device"),
    ("OPERATION", "op_id"),
    ("COLLECTION", "collection"),
    ("ENTITY", "entity"),
    ("ITS VERSION", "client_version"),
    ("OURS", "server_version"),
    ("AGAIN", "again"),
];
const VERSION: Columns<'_> = &[
    ("CURSOR", "cursor"),
    ("KIND", "kind"),
    ("VERSION", "version"),
    ("DEVICE", "device"),
    ("OPERATION", "op_id"),
    ("AT", "at"),
    ("BYTES", "bytes"),
];

pub(super) fn databases(body: &Value) -> String {
    list(body, DATABASE, "database")
}

pub(super) fn database(body: &Value) -> String {
    rows(std::slice::from_ref(body), DATABASE)
}

pub(super) fn replicas(body: &Value) -> String {
    list(body, REPLICA, "replica")
}

pub(super) fn conflicts(body: &Value) -> String {
    list(body, CONFLICT, "conflict")
}

pub(super) fn history(body: &Value) -> String {
    list(body, VERSION, "operation")
}

pub(super) fn other(body: &Value) -> String {
    line(body)
}

/// The members as a table, how many they are, and how to see the others.
fn list(body: &Value, columns: Columns<'_>, what: &str) -> String {
    let members = body["data"].as_array().map_or(&[][..], Vec::as_slice);
    let more = match (&body["meta"]["has_more"], &body["links"]["next"], members.last(), columns.first()) {
        (Value::Bool(true), Value::String(_), Some(last), Some((_, key))) => {
            format!(", more with `--after {}`", cell(&last[*key]))
        }
        (Value::Bool(true), ..) => ", more with a higher `--limit`, 1000 at most".to_owned(),
        _ => String::new(),
    };
    let ending = if members.len() == 1 { "" } else { "s" };
    format!("{}{} {what}{ending}{more}\n", rows(members, columns), members.len())
}

fn rows(members: &[Value], columns: Columns<'_>) -> String {
    let head = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let row = |member: &Value| columns.iter().map(|(_, key)| cell(&member[*key])).collect();
    table(&std::iter::once(head).chain(members.iter().map(row)).collect::<Vec<Vec<String>>>())
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => escaped(text),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AT: &str = "2026-01-31T12:00:00.000Z";

    #[test]
    fn databases_are_a_table_and_no_name_steers_the_terminal() {
        let database = json!({
            "db": "a\u{1b}[2Jb", "epoch": "0af3", "head": 12, "entities": 3, "tombstones": 1, "log_len": 9, "superseded": 5,
            "bytes": 4_096, "created_at": AT,
        });
        let table = "DATABASE     HEAD  ENTITIES  DELETED  LOG  OVERTAKEN  BYTES  CREATED                   EPOCH\n\
                     a\\u{1b}[2Jb  12    3         1        9    5          4096   2026-01-31T12:00:00.000Z  0af3\n";
        let body = json!({ "data": [database], "meta": { "has_more": true }, "links": { "next": "?after=a" } });
        assert_eq!(databases(&body), format!("{table}1 database, more with `--after a\\u{{1b}}[2Jb`\n"));
        assert_eq!(super::database(&body["data"][0]), table);
    }

    #[test]
    fn replicas_are_shown_with_how_far_they_are_behind() {
        let replica =
            json!({ "device": "phone", "resume": 7, "lag": 5, "seen_at": AT, "client": "android/2\n", "streams": 1 });
        let other = json!({ "device": "tablet", "resume": 12, "lag": 0, "seen_at": AT, "client": "", "streams": 0 });
        let body = json!({ "data": [replica, other], "meta": { "has_more": false }, "links": { "next": null } });
        assert_eq!(
            replicas(&body),
            "DEVICE  HAS  LAG  STREAMS  SEEN                      CLIENT\n\
             phone   7    5    1        2026-01-31T12:00:00.000Z  android/2\\n\n\
             tablet  12   0    0        2026-01-31T12:00:00.000Z  -\n\
             2 replicas\n"
        );
    }

    #[test]
    fn conflicts_go_on_after_their_number() {
        let conflict = json!({
            "number": 17, "at": AT, "device": "phone", "op_id": 5, "collection": "notes", "entity": "n-1",
            "client_version": 2, "server_version": 3, "again": true,
        });
        let body = json!({ "data": [conflict], "meta": { "has_more": true }, "links": { "next": "?after=17" } });
        assert_eq!(
            conflicts(&body),
            "NUMBER  AT                        DEVICE  OPERATION  COLLECTION  ENTITY  ITS VERSION  OURS  AGAIN\n\
             17      2026-01-31T12:00:00.000Z  phone   5          notes       n-1     2            3     yes\n\
             1 conflict, more with `--after 17`\n"
        );
    }

    #[test]
    fn a_history_that_is_longer_says_how_to_see_more() {
        let version = json!({
            "cursor": 9, "kind": "delete", "version": 4, "device": "phone", "op_id": 6, "at": AT, "bytes": 0,
        });
        let body = json!({ "data": [version], "meta": { "has_more": true }, "links": { "next": null } });
        assert_eq!(
            history(&body),
            "CURSOR  KIND    VERSION  DEVICE  OPERATION  AT                        BYTES\n\
             9       delete  4        phone   6          2026-01-31T12:00:00.000Z  0\n\
             1 operation, more with a higher `--limit`, 1000 at most\n"
        );
    }

    #[test]
    fn other_answers_are_a_line() {
        assert_eq!(other(&json!({ "db": "a", "device": "d", "resume": 0 })), "db a, device d, resume 0\n");
    }
}
