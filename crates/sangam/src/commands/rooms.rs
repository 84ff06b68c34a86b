//! `sangam rooms`: the rooms in a running server's administration API.

mod show;

use http::Method;
use sangam_net::http::percent_encoded;
use serde_json::{Value, json};

use super::api::{self, Asked, Subject};
use crate::Verdict;
use crate::cli::rooms::{ReasonArgs, RoomArgs, RoomsArgs, RoomsCommand};

const SUBJECT: Subject =
    Subject { base: "/api/v1/signal/rooms", show: show::text, is_none: "this is no administration API of rooms" };

pub(crate) fn run(args: &RoomsArgs) -> anyhow::Result<Verdict> {
    api::run(&args.api, SUBJECT, asked(&args.command))
}

fn asked(command: &RoomsCommand) -> Asked {
    let get = |path: String| Asked { method: Method::GET, path, body: None };
    match command {
        RoomsCommand::List { after, limit } => {
            let after = after.as_ref().map(|after| format!("&after={}", percent_encoded(after)));
            get(format!("?limit={}{}", limit.limit, after.unwrap_or_default()))
        }
        RoomsCommand::Show { room, limit } => get(format!("{}?limit={}", path(room), limit.limit)),
        RoomsCommand::Kick { room, participant, reason } => {
            post(room, "kick", with_reason(json!({ "participant": participant }), reason))
        }
        RoomsCommand::Lock(room) => post(room, "lock", json!({ "locked": true })),
        RoomsCommand::Unlock(room) => post(room, "lock", json!({ "locked": false })),
        RoomsCommand::End { room, reason } => post(room, "end", with_reason(json!({}), reason)),
    }
}

fn path(room: &RoomArgs) -> String {
    format!("/{}", percent_encoded(&room.room))
}

fn post(room: &RoomArgs, what: &str, body: Value) -> Asked {
    Asked { method: Method::POST, path: format!("{}/{what}", path(room)), body: Some(body) }
}

fn with_reason(mut body: Value, reason: &ReasonArgs) -> Value {
    if let Some(reason) = &reason.reason {
        body["reason"] = json!(reason);
    }
    body
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn line(arguments: &str) -> Option<String> {
        let arguments = ["sangam", "rooms"].into_iter().chain(arguments.split_whitespace());
        let Ok(Cli { command: Command::Rooms(args) }) = Cli::try_parse_from(arguments) else { return None };
        let Asked { method, path, body } = asked(&args.command);
        Some(body.map_or_else(|| format!("{method} {path}"), |body| format!("{method} {path} {body}")))
    }

    #[test]
    fn each_command_asks_the_api_for_what_it_says() {
        for (arguments, expected) in [
            ("list", "GET ?limit=1000"),
            ("list --limit 5 --after a&b", "GET ?limit=5&after=a%26b"),
            ("show a/b", "GET /a%2Fb?limit=1000"),
            ("kick a/b c", r#"POST /a%2Fb/kick {"participant":"c"}"#),
            ("kick a c --reason noise", r#"POST /a/kick {"participant":"c","reason":"noise"}"#),
            ("lock a", r#"POST /a/lock {"locked":true}"#),
            ("unlock a", r#"POST /a/lock {"locked":false}"#),
            ("end a", "POST /a/end {}"),
            ("end a --reason over --json", r#"POST /a/end {"reason":"over"}"#),
        ] {
            assert_eq!(line(arguments).as_deref(), Some(expected), "{arguments}");
        }
    }

    #[test]
    fn nothing_is_done_unless_it_is_said_to_whom() {
        for arguments in ["", "show", "kick", "kick a", "lock", "end", "end a b"] {
            assert_eq!(line(arguments), None, "{arguments}");
        }
    }
}
