//! `sangam relay`: the relay's part of a running server's administration API.

mod show;

use http::Method;
use sangam_net::http::percent_encoded;
use serde_json::json;

use super::api::{self, Asked, Subject};
use crate::Verdict;
use crate::cli::relay::{ChoiceArgs, DrainState, RelayArgs, RelayCommand, SessionsArgs, TopBy};

const SUBJECT: Subject =
    Subject { base: "/api/v1/relay/", show: show::text, is_none: "this is no administration API of a relay" };

pub(crate) fn run(args: &RelayArgs) -> anyhow::Result<Verdict> {
    api::run(&args.api, SUBJECT, asked(&args.command))
}

fn asked(command: &RelayCommand) -> Asked {
    let get = |path: String| Asked { method: Method::GET, path, body: None };
    let delete = |path: String| Asked { method: Method::DELETE, path, body: None };
    match command {
        RelayCommand::Sessions(SessionsArgs { id: Some(id), .. }) => get(format!("sessions/{}", percent_encoded(id))),
        RelayCommand::Sessions(args) => {
            get(format!("sessions?{}", pairs(&args.choice, &[("limit", args.limit.to_string())])))
        }
        RelayCommand::Top(args) => {
            let by = if args.by == TopBy::Packets { "packets" } else { "bytes" };
            get(format!("sessions/top?by={by}&count={}", args.count))
        }
        RelayCommand::Kick(args) => delete(match &args.id {
            Some(id) => format!("sessions/{}", percent_encoded(id)),
            None => format!("sessions?{}", pairs(&args.choice, &[])),
        }),
        RelayCommand::Drain { state: None } => get("drain".to_owned()),
        RelayCommand::Drain { state: Some(state) } => {
            let body = Some(json!({ "draining": *state == DrainState::On }));
            Asked { method: Method::PUT, path: "drain".to_owned(), body }
        }
        RelayCommand::Revoke(args) if args.user.is_none() && args.label.is_none() => get("revocations".to_owned()),
        RelayCommand::Revoke(args) => {
            let given = [("user", &args.user), ("label", &args.label), ("until", &args.until)];
            let given = given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?))));
            Asked { method: Method::POST, path: "revocations".to_owned(), body: Some(given.collect()) }
        }
        RelayCommand::Restore(args) => {
            let whose = ChoiceArgs { user: args.user.clone(), label: args.label.clone(), client: None };
            delete(format!("revocations?{}", pairs(&whose, &[])))
        }
    }
}

/// `key=value&…`
fn pairs(choice: &ChoiceArgs, more: &[(&str, String)]) -> String {
    let client = choice.client.map(|client| client.to_string());
    let given = [("user", &choice.user), ("label", &choice.label), ("client", &client)];
    let given = given.into_iter().filter_map(|(key, value)| value.as_ref().map(|value| (key, value)));
    let all = given.chain(more.iter().map(|(key, value)| (*key, value)));
    all.map(|(key, value)| format!("{key}={}", percent_encoded(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn line(arguments: &str) -> Option<String> {
        let arguments = ["sangam", "relay"].into_iter().chain(arguments.split_whitespace());
        let Ok(Cli { command: Command::Relay(args) }) = Cli::try_parse_from(arguments) else { return None };
        let Asked { method, path, body } = asked(&args.command);
        Some(body.map_or_else(|| format!("{method} {path}"), |body| format!("{method} {path} {body}")))
    }

    #[test]
    fn each_command_asks_the_api_for_what_it_says() {
        for (arguments, expected) in [
            ("sessions", "GET sessions?limit=1000"),
            ("sessions 1-00000abc-100000000", "GET sessions/1-00000abc-100000000"),
            ("sessions --user a/b&c --limit 5", "GET sessions?user=a%2Fb%26c&limit=5"),
            ("top --by packets --count 3", "GET sessions/top?by=packets&count=3"),
            ("kick 1-2-3", "DELETE sessions/1-2-3"),
            ("kick --label alice --client ::1", "DELETE sessions?label=alice&client=%3A%3A1"),
            ("drain", "GET drain"),
            ("drain on", r#"PUT drain {"draining":true}"#),
            ("revoke", "GET revocations"),
            (
                "revoke --label alice --until 2030-01-31T12:00:00Z",
                r#"POST revocations {"label":"alice","until":"2030-01-31T12:00:00Z"}"#,
            ),
            ("restore --user bob", "DELETE revocations?user=bob"),
        ] {
            assert_eq!(line(arguments).as_deref(), Some(expected), "{arguments}");
        }
    }

    #[test]
    fn nothing_is_ended_unless_it_is_said_whose() {
        for arguments in ["kick", "restore", "kick 1-2-3 --user alice", "revoke --user a --label b", "drain maybe"] {
            assert_eq!(line(arguments), None, "{arguments}");
        }
    }
}
