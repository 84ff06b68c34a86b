//! `sangam devices profiles`.

use std::path::Path;

use anyhow::Context as _;
use http::Method;
use serde_json::Value;

use super::show::{self, Columns};
use super::{Asked, option, path, read};
use crate::cli::devices::profiles::{ProfileArgs, ProfilesCommand};

const PROFILE: Columns<'_> = &[
    ("PROFILE", "id"),
    ("NAME", "name"),
    ("REVISION", "revision"),
    ("ENABLED", "enabled"),
    ("PRIORITY", "priority"),
    ("APPLIES", "applies"),
];
const WANTED: Columns<'_> = &[
    ("PATH", "path"),
    ("WANTED", "value"),
    ("IS", "current"),
    ("STATE", "state"),
    ("TYPE", "type"),
    ("PROFILE", "profile"),
];

pub(super) fn asked(command: &ProfilesCommand) -> anyhow::Result<Asked> {
    let ask = |method: Method, path: String, body: Option<Value>| Asked { method, path, body };
    Ok(match command {
        ProfilesCommand::List { after, limit } => {
            let after = option("after", after.map(|after| after.to_string()).as_deref());
            ask(Method::GET, format!("/profiles?limit={}{after}", limit.limit), None)
        }
        ProfilesCommand::Show(profile) => ask(Method::GET, of(profile), None),
        ProfilesCommand::Of(device) => ask(Method::GET, format!("{}/profile", path(device)), None),
        ProfilesCommand::Apply(device) => ask(Method::POST, format!("{}/profile", path(device)), None),
        ProfilesCommand::Create { file, key: _ } => ask(Method::POST, "/profiles".to_owned(), Some(json(file)?)),
        ProfilesCommand::Replace { profile, file, revision } => {
            let revision = revision.map_or_else(String::new, |revision| format!("?revision={revision}"));
            ask(Method::PUT, of(profile) + &revision, Some(json(file)?))
        }
        // The command line has asked for `--yes`.
        ProfilesCommand::Remove { profile, yes: _ } => ask(Method::DELETE, of(profile), None),
    })
}

/// The same request with this is done once.
pub(super) fn key(command: &ProfilesCommand) -> Option<&str> {
    if let ProfilesCommand::Create { key, .. } = command { key.as_deref() } else { None }
}

pub(super) fn show(command: &ProfilesCommand) -> fn(&Value) -> String {
    match command {
        ProfilesCommand::List { .. } => |body| show::list(body, PROFILE, "profile"),
        ProfilesCommand::Of(_) | ProfilesCommand::Apply(_) => wants,
        ProfilesCommand::Show(_) | ProfilesCommand::Create { .. } | ProfilesCommand::Replace { .. } => show::members,
        ProfilesCommand::Remove { .. } => show::removed,
    }
}

/// How it stands, and then each value.
fn wants(body: &Value) -> String {
    let values = body["values"].as_array().map_or(&[][..], Vec::as_slice);
    let mut rest = body.clone();
    if let Value::Object(members) = &mut rest {
        members.remove("values");
    }
    let table = if values.is_empty() { String::new() } else { show::rows(values, WANTED) };
    show::members(&rest) + &table
}

fn json(file: &Path) -> anyhow::Result<Value> {
    serde_json::from_str(&read(file)?).context("the profile is not JSON; docs/operate/devices.md has one")
}

fn of(profile: &ProfileArgs) -> String {
    format!("/profiles/{}", profile.profile)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wanted_of_a_device_is_told_with_what_it_is() {
        let value = json!({ "path": "Device.A", "value": "6", "current": "1", "state": "differs", "type": "int", "profile": 3 });
        let body = json!({ "device": "d", "state": "due", "reason": "1 of 1 values differ", "values": [value] });
        assert_eq!(
            wants(&body),
            "device  d\n\
             reason  1 of 1 values differ\n\
             state   due\n\
             PATH      WANTED  IS  STATE    TYPE  PROFILE\n\
             Device.A  6       1   differs  int   3\n"
        );
    }
}
