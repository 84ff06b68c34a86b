//! Answers of the API for people.

use serde_json::Value;

use crate::commands::api::text::{escaped, table};

/// What a column is called, and the member that stands in it.
pub(super) type Columns<'a> = &'a [(&'a str, &'a str)];

const DEVICE: Columns<'_> = &[
    ("DEVICE", "id"),
    ("STATE", "state"),
    ("MANUFACTURER", "manufacturer"),
    ("MODEL", "model"),
    ("SOFTWARE", "software_version"),
    ("SPEAKS", "protocols"),
    ("CONNECTED", "connected_over"),
    ("SEEN", "seen_at"),
    ("TAGS", "tags"),
];
const PARAMETER: Columns<'_> =
    &[("PATH", "path"), ("VALUE", "value"), ("TYPE", "type"), ("WRITABLE", "writable"), ("SINCE", "changed_at")];
const CHANGE: Columns<'_> = &[("FROM", "at"), ("PATH", "path"), ("VALUE", "value"), ("TYPE", "type")];
const EVENT: Columns<'_> =
    &[("NUMBER", "number"), ("AT", "at"), ("EVENT", "kind"), ("COMMAND KEY", "command_key"), ("DETAIL", "detail")];
const TASK: Columns<'_> = &[
    ("TASK", "id"),
    ("KIND", "kind"),
    ("STATE", "state"),
    ("SENT", "attempts"),
    ("ORDERED", "created_at"),
    ("BY", "ordered_by"),
    ("ENDED", "ended_at"),
    ("FAULT", "code"),
    ("SAYS", "text"),
];
const TEST: Columns<'_> = &[
    ("TEST", "id"),
    ("DEVICE", "device"),
    ("KIND", "kind"),
    ("STATE", "state"),
    ("ORDERED", "created_at"),
    ("ENDED", "ended_at"),
    ("SAYS", "error"),
    ("FOUND", "results"),
];
const REFUSED: Columns<'_> = &[("LINE", "line"), ("CODE", "code"), ("WHY", "detail")];

pub(super) fn devices(body: &Value) -> String {
    list(body, DEVICE, "device")
}

/// Everything of a device, a line for each; its own links say nothing here.
pub(super) fn device(body: &Value) -> String {
    members(body)
}

pub(super) fn parameters(body: &Value) -> String {
    list(body, PARAMETER, "parameter")
}

pub(super) fn history(body: &Value) -> String {
    list(body, CHANGE, "change")
}

pub(super) fn events(body: &Value) -> String {
    list(body, EVENT, "event")
}

pub(super) fn tasks(body: &Value) -> String {
    list(body, TASK, "task")
}

pub(super) fn task(body: &Value) -> String {
    members(body)
}

pub(super) fn diagnostics(body: &Value) -> String {
    list(body, TEST, "test")
}

pub(super) fn removed(_: &Value) -> String {
    "it is forgotten\n".to_owned()
}

/// The lines that were refused, and how many of each there are.
pub(super) fn imported(body: &Value) -> String {
    let results = body["data"].as_array().map_or(&[][..], Vec::as_slice);
    let refused: Vec<Value> = results.iter().filter(|it| it["result"] == "refused").cloned().collect();
    let shown = if refused.is_empty() { String::new() } else { rows(&refused, REFUSED) };
    let meta = &body["meta"];
    let count = |key: &str| meta[key].as_u64().unwrap_or(0);
    let (created, changed) = (count("created"), count("changed"));
    let (unchanged, refused) = (count("unchanged"), count("refused"));
    format!("{shown}{created} created, {changed} changed, {unchanged} unchanged, {refused} refused\n")
}

pub(super) fn members(body: &Value) -> String {
    let Some(members) = body.as_object() else { return String::new() };
    let shown = members.iter().filter(|(key, _)| *key != "links");
    table(&shown.map(|(key, value)| vec![key.clone(), cell(value)]).collect::<Vec<_>>())
}

/// The members as a table, how many they are, and how to see the others.
pub(super) fn list(body: &Value, columns: Columns<'_>, what: &str) -> String {
    let members = body["data"].as_array().map_or(&[][..], Vec::as_slice);
    let cursor = body["links"]["next"].as_str().and_then(|next| next.rsplit_once("after=")).map(|(_, after)| after);
    // A cursor stands last in its link, and its characters need no encoding; where they do, as in a path, the last member has it.
    let more = match (cursor, members.last(), columns.first()) {
        (Some(cursor), ..) if !cursor.contains('%') => format!(", more with `--after {cursor}`"),
        (Some(_), Some(last), Some((_, key))) => format!(", more with `--after {}`", cell(&last[*key])),
        _ => String::new(),
    };
    let ending = if members.len() == 1 { "" } else { "s" };
    format!("{}{} {what}{ending}{more}\n", rows(members, columns), members.len())
}

pub(super) fn rows(members: &[Value], columns: Columns<'_>) -> String {
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
        Value::Array(members) if members.is_empty() => "-".to_owned(),
        Value::Array(members) if members.iter().all(Value::is_string) => {
            members.iter().map(cell).collect::<Vec<_>>().join(",")
        }
        other => escaped(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AT: &str = "2026-01-31T12:00:00.000Z";

    #[test]
    fn devices_are_a_table_and_no_name_steers_the_terminal() {
        let device = json!({
            "id": "00D09E-Box-A1", "state": "pending", "manufacturer": "M\u{1b}[2J", "model": "", "software_version": "1",
            "protocols": ["cwmp", "usp"], "connected_over": "websocket", "seen_at": AT, "tags": ["a", "b"], "links": { "self": "/api/v1/devices/00D09E-Box-A1" },
        });
        let body = json!({ "data": [device], "meta": { "has_more": true }, "links": { "next": "?limit=1&after=7" } });
        assert_eq!(
            devices(&body),
            "DEVICE         STATE    MANUFACTURER  MODEL  SOFTWARE  SPEAKS    CONNECTED  SEEN                      TAGS\n\
             00D09E-Box-A1  pending  M\\u{1b}[2J    -      1         cwmp,usp  websocket  2026-01-31T12:00:00.000Z  a,b\n\
             1 device, more with `--after 7`\n"
        );
        let shown = super::device(&body["data"][0]);
        assert!(shown.contains("tags              a,b\n") && !shown.contains("links"), "{shown}");
    }

    #[test]
    fn parameters_go_on_after_their_path_and_tasks_say_what_came_of_them() {
        let value = json!({ "path": "Device.A b", "value": "", "type": "string", "writable": null, "changed_at": AT });
        let body = json!({ "data": [value], "links": { "next": "?after=Device.A%20b" } });
        assert_eq!(
            parameters(&body),
            "PATH        VALUE  TYPE    WRITABLE  SINCE\n\
             Device.A b  -      string  -         2026-01-31T12:00:00.000Z\n\
             1 parameter, more with `--after Device.A b`\n"
        );
        let task =
            json!({ "id": 7, "kind": "reboot", "state": "unknown", "text": "nobody knows", "result": { "a": 1 } });
        assert!(super::task(&task).contains("result  {\"a\":1}\n"), "{}", super::task(&task));
    }

    #[test]
    fn of_an_import_what_was_refused_is_shown_with_its_line() {
        let results = json!([
            { "line": 1, "id": "00D09E-Box-A1", "result": "created", "code": null, "detail": null },
            { "line": 2, "id": null, "result": "refused", "code": "order_invalid", "detail": "No OUI." },
        ]);
        let body = json!({ "data": results, "meta": { "count": 2, "created": 1, "refused": 1 } });
        assert_eq!(
            imported(&body),
            "LINE  CODE           WHY\n\
             2     order_invalid  No OUI.\n\
             1 created, 0 changed, 0 unchanged, 1 refused\n"
        );
    }
}
