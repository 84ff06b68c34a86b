//! `sangam devices`: the devices that a running server manages, in its administration API.

mod alarms;
mod diagnose;
mod import;
mod profiles;
mod show;
mod subscriptions;

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use http::Method;
use sangam_net::http::percent_encoded;
use serde_json::{Value, json};

use super::api::{self, Asked, Subject};
use crate::Verdict;
use crate::cli::devices::{DeviceArgs, DevicesArgs, DevicesCommand, FilterArgs, OrderArgs, TaskArgs};

const BASE: &str = "/api/v1";
const IS_NONE: &str = "this is no administration API of devices";

pub(crate) fn run(args: &DevicesArgs) -> anyhow::Result<Verdict> {
    let subject = Subject { base: BASE, show: show(&args.command), is_none: IS_NONE };
    match &args.command {
        DevicesCommand::Import { file } => import::run(&args.api, subject, file),
        DevicesCommand::Order(order) => api::run_once(&args.api, subject, ordered(order)?, order.key.as_deref()),
        DevicesCommand::Diagnose(test) => {
            api::run_once(&args.api, subject, diagnose::ordered(test)?, test.key.as_deref())
        }
        DevicesCommand::Profiles(command) => {
            api::run_once(&args.api, subject, profiles::asked(command)?, profiles::key(command))
        }
        command => api::run(&args.api, subject, asked(command)),
    }
}

fn show(command: &DevicesCommand) -> fn(&Value) -> String {
    match command {
        DevicesCommand::List { .. } => show::devices,
        DevicesCommand::Show(_)
        | DevicesCommand::Enroll(_)
        | DevicesCommand::Block(_)
        | DevicesCommand::Tag { .. }
        | DevicesCommand::ForgetLogin(_) => show::device,
        DevicesCommand::Parameters { .. } => show::parameters,
        DevicesCommand::History { .. } => show::history,
        DevicesCommand::Events { .. } => show::events,
        DevicesCommand::Tasks { .. } => show::tasks,
        DevicesCommand::Task(_) | DevicesCommand::Order(_) | DevicesCommand::Cancel(_) => show::task,
        DevicesCommand::Diagnose(_) => show::task,
        DevicesCommand::Diagnostics { .. } => show::diagnostics,
        DevicesCommand::Remove { .. } => show::removed,
        DevicesCommand::Import { .. } => show::imported,
        DevicesCommand::Profiles(command) => profiles::show(command),
        DevicesCommand::Alarms(command) => alarms::show(command),
        DevicesCommand::Subscriptions(command) => subscriptions::show(command),
    }
}

fn asked(command: &DevicesCommand) -> Asked {
    let ask = |method: Method, path: String, body: Option<Value>| Asked { method, path, body };
    let get = |path: String| ask(Method::GET, path, None);
    let state =
        |device, state: &str| ask(Method::PUT, format!("{}/state", path(device)), Some(json!({ "state": state })));
    let after_number = |number: &Option<u64>| option("after", number.map(|number| number.to_string()).as_deref());
    match command {
        DevicesCommand::List { filter, after, limit } => {
            get(format!("/devices?limit={}{}{}", limit.limit, filtered(filter), option("after", after.as_deref())))
        }
        DevicesCommand::Show(device) => get(path(device)),
        DevicesCommand::Parameters { device, below, after, limit } => {
            let asked = option("below", below.as_deref()) + &option("after", after.as_deref());
            get(format!("{}/parameters?limit={}{asked}", path(device), limit.limit))
        }
        DevicesCommand::History { device, path: parameter, after, limit } => {
            let asked = option("path", parameter.as_deref()) + &option("after", after.as_deref());
            get(format!("{}/history?limit={}{asked}", path(device), limit.limit))
        }
        DevicesCommand::Events { device, after, limit } => {
            get(format!("{}/events?limit={}{}", path(device), limit.limit, after_number(after)))
        }
        DevicesCommand::Tasks { device, state, after, limit } => {
            let below = device.as_ref().map_or_else(String::new, |id| format!("/devices/{}", percent_encoded(id)));
            let asked = option("state", state.as_deref()) + &after_number(after);
            get(format!("{below}/tasks?limit={}{asked}", limit.limit))
        }
        DevicesCommand::Diagnostics { device, kind, after, limit } => {
            let below = device.as_ref().map_or_else(String::new, |id| format!("/devices/{}", percent_encoded(id)));
            let asked = option("kind", kind.as_deref()) + &after_number(after);
            get(format!("{below}/diagnostics?limit={}{asked}", limit.limit))
        }
        DevicesCommand::Task(of) => get(task(of)),
        DevicesCommand::Cancel(of) => ask(Method::DELETE, task(of), None),
        DevicesCommand::Enroll(device) => state(device, "enrolled"),
        DevicesCommand::Block(device) => state(device, "blocked"),
        DevicesCommand::Tag { device, tag, remove } => {
            let method = if *remove { Method::DELETE } else { Method::PUT };
            ask(method, format!("{}/tags/{}", path(device), percent_encoded(tag)), None)
        }
        DevicesCommand::ForgetLogin(device) => ask(Method::POST, format!("{}/login/forget", path(device)), None),
        // The command line has asked for `--yes`.
        DevicesCommand::Remove { device, yes: _ } => ask(Method::DELETE, path(device), None),
        // What these send is made of more than their paths.
        DevicesCommand::Diagnose(test) => ask(Method::POST, diagnose::path(test), None),
        DevicesCommand::Order(order) => ask(Method::POST, format!("{}/tasks", path(&order.device)), None),
        DevicesCommand::Import { .. } => ask(Method::POST, import::PATH.to_owned(), None),
        DevicesCommand::Profiles(_) => ask(Method::GET, "/profiles".to_owned(), None),
        DevicesCommand::Alarms(command) => alarms::asked(command),
        DevicesCommand::Subscriptions(command) => subscriptions::asked(command),
    }
}

fn ordered(order: &OrderArgs) -> anyhow::Result<Asked> {
    let text = match (&order.payload, &order.payload_file) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(file)) => Some(read(file)?),
        (None, None) => None,
    };
    let payload: Option<Value> = text.map(|text| serde_json::from_str(&text)).transpose().context(
        "the payload is not JSON; write it as the manual has it, for example --payload '{\"paths\": [\"Device.\"]}'",
    )?;
    let mut body = json!({ "kind": order.kind, "priority": order.priority });
    if let Some(payload) = payload {
        body["payload"] = payload;
    }
    for (key, time) in [("not_before", &order.not_before), ("expires", &order.expires)] {
        if let Some(time) = time {
            body[key] = json!(time);
        }
    }
    Ok(Asked { method: Method::POST, path: format!("{}/tasks", path(&order.device)), body: Some(body) })
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn filtered(filter: &FilterArgs) -> String {
    let FilterArgs { state, tag, manufacturer, model, search } = filter;
    let options =
        [("state", state), ("tag", tag), ("manufacturer", manufacturer), ("model", model), ("search", search)];
    options.map(|(name, value)| option(name, value.as_deref())).concat()
}

fn option(name: &str, value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!("&{name}={}", percent_encoded(value)))
}

fn path(device: &DeviceArgs) -> String {
    format!("/devices/{}", percent_encoded(&device.device))
}

fn task(task: &TaskArgs) -> String {
    format!("/tasks/{}", task.task)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn line(arguments: &str) -> Option<String> {
        let arguments = ["sangam", "devices"].into_iter().chain(arguments.split_whitespace());
        let Ok(Cli { command: Command::Devices(args) }) = Cli::try_parse_from(arguments) else { return None };
        let asked = match &args.command {
            DevicesCommand::Order(order) => ordered(order).unwrap(),
            DevicesCommand::Diagnose(test) => diagnose::ordered(test).unwrap(),
            DevicesCommand::Profiles(command) => profiles::asked(command).unwrap(),
            command => asked(command),
        };
        let Asked { method, path, body } = asked;
        Some(body.map_or_else(|| format!("{method} {path}"), |body| format!("{method} {path} {body}")))
    }

    #[test]
    fn each_command_asks_the_api_for_what_it_says() {
        for (arguments, expected) in [
            ("list", "GET /devices?limit=1000"),
            ("list --state pending --limit 5 --after 7", "GET /devices?limit=5&state=pending&after=7"),
            ("list --tag a&b --search x", "GET /devices?limit=1000&tag=a%26b&search=x"),
            ("show 00D09E-Box-A1", "GET /devices/00D09E-Box-A1"),
            ("show 00D09E-Box%20X-A1", "GET /devices/00D09E-Box%2520X-A1"),
            ("parameters d --below Device.WiFi.", "GET /devices/d/parameters?limit=1000&below=Device.WiFi."),
            ("history d --path Device.A --after 1.2.3", "GET /devices/d/history?limit=1000&path=Device.A&after=1.2.3"),
            ("events d --after 9 --limit 2", "GET /devices/d/events?limit=2&after=9"),
            ("tasks", "GET /tasks?limit=1000"),
            ("tasks d --state unknown --after 9", "GET /devices/d/tasks?limit=1000&state=unknown&after=9"),
            ("task 7 --json", "GET /tasks/7"),
            ("cancel 7", "DELETE /tasks/7"),
            (
                "diagnose d ping host=192.0.2.1 repetitions=4",
                r#"POST /devices/d/diagnostics {"kind":"ping","inputs":{"host":"192.0.2.1","repetitions":4}}"#,
            ),
            (
                "diagnose d serverselection hosts=a,b protocol=udpecho",
                r#"POST /devices/d/diagnostics {"kind":"serverselection","inputs":{"hosts":["a","b"],"protocol":"udpecho"}}"#,
            ),
            ("diagnostics", "GET /diagnostics?limit=1000"),
            ("diagnostics d --kind ping --after 9", "GET /devices/d/diagnostics?limit=1000&kind=ping&after=9"),
            ("order d reboot", r#"POST /devices/d/tasks {"kind":"reboot","priority":0}"#),
            (
                r#"order d get_values --payload {"paths":["Device."]} --priority 9 --expires 2026-01-31T12:00:00Z"#,
                r#"POST /devices/d/tasks {"kind":"get_values","priority":9,"payload":{"paths":["Device."]},"expires":"2026-01-31T12:00:00Z"}"#,
            ),
            ("enroll d", r#"PUT /devices/d/state {"state":"enrolled"}"#),
            ("block d", r#"PUT /devices/d/state {"state":"blocked"}"#),
            ("tag d a/b", "PUT /devices/d/tags/a%2Fb"),
            ("tag d a --remove", "DELETE /devices/d/tags/a"),
            ("forget-login d", "POST /devices/d/login/forget"),
            ("remove d --yes", "DELETE /devices/d"),
            ("import devices.jsonl", "POST /devices/import"),
            ("profiles list --after 3", "GET /profiles?limit=1000&after=3"),
            ("profiles show 3", "GET /profiles/3"),
            ("profiles of d", "GET /devices/d/profile"),
            ("profiles apply d", "POST /devices/d/profile"),
            ("profiles remove 3 --yes", "DELETE /profiles/3"),
            (
                "alarms list --severity major --status active --limit 5",
                "GET /alarms?limit=5&status=active&severity=major",
            ),
            (
                "alarms list --device d --category task --after 9",
                "GET /alarms?limit=1000&device=d&category=task&after=9",
            ),
            ("alarms stats", "GET /alarms/stats"),
            ("alarms show 5", "GET /alarms/5"),
            ("alarms acknowledge 5", "POST /alarms/5/acknowledge"),
            ("alarms clear 5", "POST /alarms/5/clear"),
            ("alarms clear 5 --resolution done", r#"POST /alarms/5/clear {"resolution":"done"}"#),
            ("subscriptions list d --after 1.a", "GET /subscriptions?limit=1000&device=d&after=1.a"),
            ("subscriptions show d a/b", "GET /subscriptions/d/a%2Fb"),
            (
                "subscriptions put d s ValueChange Device.A Device.B --no-retry",
                r#"PUT /subscriptions/d/s {"notify":"ValueChange","paths":["Device.A","Device.B"],"persistent":true,"retry":false}"#,
            ),
            ("subscriptions remove d s", "DELETE /subscriptions/d/s"),
        ] {
            let (found, expected) = (line(arguments), Some(expected.to_owned()));
            // Members of an object are in no order.
            let parts = |text: Option<String>| -> Vec<char> {
                let mut all: Vec<char> = text.unwrap_or_default().chars().collect();
                all.sort_unstable();
                all
            };
            assert_eq!(parts(found.clone()), parts(expected), "{arguments}: {found:?}");
        }
    }

    #[test]
    fn nothing_is_done_unless_it_is_said_to_what_and_that_it_is_meant() {
        for arguments in [
            "",
            "show",
            "order",
            "order d",
            "cancel",
            "cancel x",
            "remove d",
            "remove --yes",
            "tag d",
            "import",
            "diagnose d",
        ] {
            assert_eq!(line(arguments), None, "{arguments}");
        }
    }
}
