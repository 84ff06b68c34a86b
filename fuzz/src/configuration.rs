use std::collections::BTreeMap;

use sangam_config::{Catalogue, Setting, load_text};

/// A configuration from anywhere: lines `env NAME=VALUE` and `flag KEY=VALUE`, all others the text of the file. Each
/// problem names where it stands, and a configuration that can be used is the same when it is read again.
pub fn configuration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (mut file, mut variables, mut settings) = (String::new(), BTreeMap::new(), Vec::new());
    for line in text.lines() {
        let variable = line.strip_prefix("env ").and_then(|line| line.split_once('='));
        if let Some((name, value)) = variable {
            variables.insert(name.to_owned(), value.to_owned());
        } else if let Some(flag) = line.strip_prefix("flag ") {
            settings.extend(Setting::parse(flag));
        } else {
            file.push_str(line);
            file.push('\n');
        }
    }
    match load_text(&file, &variables, &settings) {
        Ok(loaded) => {
            for key in Catalogue::get().keys() {
                assert!(!loaded.origin(&key.name).to_string().is_empty(), "{} came from nowhere", key.name);
            }
            let again = load_text(&file, &variables, &settings).expect("it could be used a moment ago");
            assert!(loaded.changes_to(&again).is_empty(), "the same text says something else");
        }
        Err(problems) => {
            assert!(problems.iter().next().is_some(), "a refusal without a cause");
            for problem in problems.iter().map(ToString::to_string) {
                assert!(
                    PLACES.iter().any(|place| problem.contains(place))
                        || variables.keys().any(|name| problem.contains(name.as_str())),
                    "no place in: {problem}"
                );
            }
        }
    }
}

/// A line of the file, a flag, or a value that nobody set.
const PLACES: [&str; 4] = ["sangam.toml line ", "--set", "default", "SANGAM_"];
