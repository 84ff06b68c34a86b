//! `sangam devices alarms`.

use http::Method;
use serde_json::{Value, json};

use super::show::{self, Columns};
use super::{Asked, option};
use crate::cli::devices::alarms::{AlarmArgs, AlarmsCommand};

const ALARM: Columns<'_> = &[
    ("ALARM", "id"),
    ("SEVERITY", "severity"),
    ("STATUS", "status"),
    ("DEVICE", "device"),
    ("TYPE", "alarm_type"),
    ("TIMES", "count"),
    ("RAISED", "raised_at"),
    ("TITLE", "title"),
];

pub(super) fn asked(command: &AlarmsCommand) -> Asked {
    let ask = |method: Method, path: String, body: Option<Value>| Asked { method, path, body };
    match command {
        AlarmsCommand::List { device, status, severity, category, after, limit } => {
            let filters = [("device", device), ("status", status), ("severity", severity), ("category", category)];
            let filters = filters.map(|(name, value)| option(name, value.as_deref())).concat();
            let after = option("after", after.map(|after| after.to_string()).as_deref());
            ask(Method::GET, format!("/alarms?limit={}{filters}{after}", limit.limit), None)
        }
        AlarmsCommand::Stats => ask(Method::GET, "/alarms/stats".to_owned(), None),
        AlarmsCommand::Show(alarm) => ask(Method::GET, of(alarm), None),
        AlarmsCommand::Acknowledge(alarm) => ask(Method::POST, of(alarm) + "/acknowledge", None),
        AlarmsCommand::Clear { alarm, resolution } => {
            let body = resolution.as_ref().map(|resolution| json!({ "resolution": resolution }));
            ask(Method::POST, of(alarm) + "/clear", body)
        }
    }
}

pub(super) fn show(command: &AlarmsCommand) -> fn(&Value) -> String {
    match command {
        AlarmsCommand::List { .. } => |body| show::list(body, ALARM, "alarm"),
        _ => show::members,
    }
}

fn of(alarm: &AlarmArgs) -> String {
    format!("/alarms/{}", alarm.alarm)
}
