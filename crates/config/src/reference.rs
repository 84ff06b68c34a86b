//! The reference page, written from the catalogue.

use std::fmt::Write as _;

use serde_json::Value;

use crate::catalogue::{Catalogue, Key, Kind, Reload};

/// The text of `docs/operate/configuration-reference.md`.
#[must_use]
pub fn reference_page() -> String {
    let catalogue = Catalogue::get();
    let mut page = String::from(HEAD);
    for section in catalogue.sections() {
        line(&mut page, &format!("\n## `[{}]`\n\n{}\n", section.name, section.doc));
        line(&mut page, "| Key | Kind | Default | Takes effect | What it decides |\n|---|---|---|---|---|");
        for key in catalogue.keys().iter().filter(|key| key.section == section.name) {
            line(&mut page, &row(key));
        }
    }
    page
}

const HEAD: &str = "# Configuration reference

Written by `sangam config schema --reference` from the source; a test compares the two. How sources combine stands in
[configure.md](configure.md).

`relay.realm` is the key `realm` of the section `[relay]`; its environment variable is `SANGAM_RELAY__REALM`, its flag
`--set relay.realm=VALUE`. *live*: a new value takes effect while the server runs, on SIGHUP or when the file changes.
*restart*: at the next start. A *secret* is never printed, cannot be set by `--set`, and can stand in a file of its own.
";

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("a String takes every write");
}

fn row(key: &Key) -> String {
    let reload = match key.reload {
        Reload::Live => "live",
        Reload::Restart => "restart",
    };
    format!(
        "| `{}` | {} | {} | {reload} | {} |",
        key.key,
        kind(key),
        default(&key.default),
        key.doc.replace('|', "\\|")
    )
}

fn kind(key: &Key) -> &'static str {
    match (key.secret, key.kind) {
        (true, _) => "secret list",
        (false, Kind::Boolean) => "true or false",
        (false, Kind::Integer) => "number",
        (false, Kind::Text) => "text",
        (false, Kind::List) => "list",
    }
}

fn default(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::Array(items) if items.is_empty() => "empty".to_owned(),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::String(_) => {
            format!("`{value}`")
        }
    }
}
