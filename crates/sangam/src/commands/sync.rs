//! `sangam sync`: what sync holds, in a running server's administration API.

mod show;

use http::Method;
use sangam_net::http::percent_encoded;
use serde_json::{Value, json};

use super::api::{self, Asked, Subject};
use crate::Verdict;
use crate::cli::sync::{DatabaseArgs, SyncArgs, SyncCommand};

pub(crate) fn run(args: &SyncArgs) -> anyhow::Result<Verdict> {
    let (show, is_none) = (show(&args.command), "this is no administration API of sync");
    let subject = Subject { base: "/api/v1/sync/databases", show, is_none };
    api::run(&args.api, subject, asked(&args.command))
}

fn show(command: &SyncCommand) -> fn(&Value) -> String {
    match command {
        SyncCommand::Databases { .. } => show::databases,
        SyncCommand::Show(_) | SyncCommand::Reset { .. } => show::database,
        SyncCommand::Replicas { .. } => show::replicas,
        SyncCommand::Conflicts { .. } => show::conflicts,
        SyncCommand::History { .. } => show::history,
        SyncCommand::ResetReplica { .. } => show::other,
    }
}

fn asked(command: &SyncCommand) -> Asked {
    let get = |path: String| Asked { method: Method::GET, path, body: None };
    let post = |path: String, body: Option<Value>| Asked { method: Method::POST, path, body };
    let after = |after: Option<String>| after.map(|after| format!("&after={after}")).unwrap_or_default();
    let after_name = |name: &Option<String>| after(name.as_deref().map(percent_encoded));
    match command {
        SyncCommand::Databases { after, limit } => get(format!("?limit={}{}", limit.limit, after_name(after))),
        SyncCommand::Show(db) => get(path(db)),
        SyncCommand::Replicas { db, after, limit } => {
            get(format!("{}/replicas?limit={}{}", path(db), limit.limit, after_name(after)))
        }
        SyncCommand::Conflicts { db, after: number, limit } => {
            let after = after(number.map(|number| number.to_string()));
            get(format!("{}/conflicts?limit={}{after}", path(db), limit.limit))
        }
        SyncCommand::History { db, collection, entity, limit } => {
            let (collection, entity) = (percent_encoded(collection), percent_encoded(entity));
            let query = format!("collection={collection}&entity={entity}&limit={}", limit.limit);
            get(format!("{}/history?{query}", path(db)))
        }
        SyncCommand::ResetReplica { db, device } => {
            post(format!("{}/replicas/{}/reset", path(db), percent_encoded(device)), None)
        }
        // The command line has asked for `--yes`.
        SyncCommand::Reset { db, yes: _ } => post(format!("{}/reset", path(db)), Some(json!({ "db": db.db }))),
    }
}

fn path(db: &DatabaseArgs) -> String {
    format!("/{}", percent_encoded(&db.db))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn line(arguments: &str) -> Option<String> {
        let arguments = ["sangam", "sync"].into_iter().chain(arguments.split_whitespace());
        let Ok(Cli { command: Command::Sync(args) }) = Cli::try_parse_from(arguments) else { return None };
        let Asked { method, path, body } = asked(&args.command);
        Some(body.map_or_else(|| format!("{method} {path}"), |body| format!("{method} {path} {body}")))
    }

    #[test]
    fn each_command_asks_the_api_for_what_it_says() {
        for (arguments, expected) in [
            ("databases", "GET ?limit=1000"),
            ("databases --limit 5 --after a&b", "GET ?limit=5&after=a%26b"),
            ("show a/b", "GET /a%2Fb"),
            ("replicas a/b", "GET /a%2Fb/replicas?limit=1000"),
            ("replicas a --after d/1 --limit 2", "GET /a/replicas?limit=2&after=d%2F1"),
            ("conflicts a --json", "GET /a/conflicts?limit=1000"),
            ("conflicts a --after 17", "GET /a/conflicts?limit=1000&after=17"),
            ("history a/b c&d e=f", "GET /a%2Fb/history?collection=c%26d&entity=e%3Df&limit=1000"),
            ("reset-replica a/b d/1", "POST /a%2Fb/replicas/d%2F1/reset"),
            ("reset a/b --yes", r#"POST /a%2Fb/reset {"db":"a/b"}"#),
        ] {
            assert_eq!(line(arguments).as_deref(), Some(expected), "{arguments}");
        }
    }

    #[test]
    fn nothing_is_done_unless_it_is_said_to_what_and_that_it_is_meant() {
        for arguments in
            ["", "show", "replicas", "conflicts", "history a b", "reset-replica a", "reset --yes", "reset a"]
        {
            assert_eq!(line(arguments), None, "{arguments}");
        }
    }
}
