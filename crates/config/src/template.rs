//! The commented file that `sangam init` writes.

use std::fmt::Write as _;

use serde_json::Value;

use crate::catalogue::{Catalogue, Key, Reload};
use crate::values::Secret;

/// Secrets that were made for the file.
#[derive(Debug)]
pub struct GeneratedSecrets {
    /// For `relay.secrets`.
    pub relay: Secret,
    /// For `auth.admin_keys`, with its key id.
    pub admin_key: Secret,
    /// For `auth.signal_keys`, with its key id.
    pub signal_key: Secret,
    /// For `auth.sync_keys`, with its key id.
    pub sync_key: Secret,
}

/// A configuration file with every key, its doc and its default as a comment, and the secrets set.
#[must_use]
pub fn template(secrets: &GeneratedSecrets) -> String {
    let catalogue = Catalogue::get();
    let mut file = String::from(HEAD);
    for section in catalogue.sections() {
        line(&mut file, &format!("\n[{}]", section.name));
        for key in catalogue.keys().iter().filter(|key| key.section == section.name) {
            line(&mut file, "");
            for text in wrapped(&key.doc, 110) {
                line(&mut file, &format!("# {text}"));
            }
            if key.reload == Reload::Restart {
                line(&mut file, "# Takes effect at the next start.");
            }
            line(&mut file, &setting(key, secrets));
        }
    }
    file
}

const HEAD: &str = "# Sangam's configuration. Every key is here with its default; take the `#` away to change one.
# The secrets below were made for this file: keep it to yourself (mode 0600).
# `sangam config check` reads it, `sangam config print` shows what is in force and why.
";

fn line(file: &mut String, text: &str) {
    writeln!(file, "{text}").expect("a String takes every write");
}

fn setting(key: &Key, secrets: &GeneratedSecrets) -> String {
    let generated = match key.name.as_str() {
        "relay.secrets" => Some(&secrets.relay),
        "auth.admin_keys" => Some(&secrets.admin_key),
        "auth.signal_keys" => Some(&secrets.signal_key),
        "auth.sync_keys" => Some(&secrets.sync_key),
        _ => None,
    };
    match (generated, &key.default) {
        (Some(secret), _) => format!("{} = [\"{}\"]", key.key, secret.expose()),
        (None, Value::Null) => format!("# {} =", key.key),
        // JSON scalars and arrays of them are TOML too.
        (None, default) => format!("# {} = {default}", key.key),
    }
}

/// Breaks a paragraph into lines of at most `width` letters where words allow it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::file;

    fn secrets() -> GeneratedSecrets {
        let key = |kid: &str| Secret::new(format!("{kid}:0123456789abcdefghijklmnopqrstuv"));
        GeneratedSecrets {
            relay: Secret::new("0123456789abcdef"),
            admin_key: key("a"),
            signal_key: key("s"),
            sync_key: key("y"),
        }
    }

    #[test]
    fn the_template_sets_only_secrets() {
        let text = template(&secrets());
        let entries = file::parse(Path::new("sangam.toml"), &text).unwrap();
        let mut names: Vec<&str> = entries
            .iter()
            .map(|entry| entry.name.as_str())
            .filter(|name| !Catalogue::get().has_section(name))
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["auth.admin_keys", "auth.signal_keys", "auth.sync_keys", "relay.secrets"]);
    }

    #[test]
    fn every_commented_default_is_usable_when_uncommented() {
        let uncommented: String = template(&secrets())
            .lines()
            .filter(|line| !line.ends_with('='))
            .map(|line| match line.strip_prefix("# ") {
                Some(setting) if setting.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => setting,
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let entries = file::parse(Path::new("sangam.toml"), &uncommented).unwrap();
        let optional = Catalogue::get().keys().iter().filter(|key| key.default.is_null()).count();
        let set = entries.iter().filter(|entry| entry.name.contains('.')).count();
        assert_eq!(set, Catalogue::get().keys().len() - optional);
        let mut layers = crate::layers::Layers::default();
        for entry in entries {
            layers.set_value(&entry.name, entry.value, entry.origin);
        }
        assert_eq!(layers.problems, []);
    }
}
