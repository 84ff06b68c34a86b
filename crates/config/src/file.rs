//! The configuration file: TOML, with the line of every key.

use std::path::Path;

use serde::Deserialize;
use toml::Value;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::catalogue::Catalogue;
use crate::origin::Origin;
use crate::problem::{Problem, Problems};

/// One key as it stands in the file; whether there is such a key is decided elsewhere.
pub(crate) struct FileEntry {
    /// `section.key`.
    pub(crate) name: String,
    /// What is written there.
    pub(crate) value: Value,
    /// File and line.
    pub(crate) origin: Origin,
}

/// Reads a file.
///
/// # Errors
///
/// If it cannot be read or is not TOML.
pub(crate) fn read(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path)
        .map_err(|error| Problem::UnreadableFile { path: path.to_owned(), cause: error.to_string() })
}

/// Takes the text of the file at `path` apart. A table inside a section is a section if there is one of that name, else
/// the value of a key.
///
/// # Errors
///
/// If it is not TOML, or if a value stands where a section belongs.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Vec<FileEntry>, Problems> {
    let mut parts = Parts { path, text, entries: Vec::new(), problems: Vec::new() };
    let table = DeTable::parse(text).map_err(|error| Problem::Syntax {
        origin: parts.origin(error.span().map_or(0, |span| span.start)),
        cause: error.message().to_owned(),
    })?;
    for (section, value) in table.get_ref() {
        let origin = parts.origin(section.span().start);
        match value.get_ref() {
            DeValue::Table(keys) => parts.take_section(section.get_ref(), keys, origin),
            _ => parts.problems.push(Problem::NotASection { origin, section: section.get_ref().to_string() }),
        }
    }
    Problems::none_or(parts.problems).map(|()| parts.entries)
}

/// A file that is being taken apart.
struct Parts<'a> {
    path: &'a Path,
    text: &'a str,
    entries: Vec<FileEntry>,
    problems: Vec<Problem>,
}

impl Parts<'_> {
    fn take_section(&mut self, section: &str, keys: &DeTable<'_>, origin: Origin) {
        if keys.is_empty() {
            // Kept so that an unknown section is found even if nothing stands in it.
            self.entries.push(FileEntry { name: section.to_owned(), value: Value::Boolean(true), origin });
        }
        for (key, value) in keys {
            let origin = self.origin(key.span().start);
            let name = format!("{section}.{}", key.get_ref());
            match (value.get_ref(), Catalogue::get().has_section(&name)) {
                (DeValue::Table(keys), true) => self.take_section(&name, keys, origin),
                (_, true) => self.problems.push(Problem::NotASection { origin, section: name }),
                (_, false) => match Value::deserialize(ValueDeserializer::from(value.clone())) {
                    Ok(value) => self.entries.push(FileEntry { name, value, origin }),
                    Err(error) => {
                        let cause = error.message().to_owned();
                        self.problems.push(Problem::BadValue { origin, key: name, cause });
                    }
                },
            }
        }
    }

    fn origin(&self, offset: usize) -> Origin {
        Origin::File { path: self.path.to_owned(), line: line_of(self.text, offset) }
    }
}

/// Counted from one.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(String, usize)> {
        let entries = parse(Path::new("s.toml"), text).unwrap();
        let line = |origin: &Origin| match origin {
            Origin::File { line, .. } => *line,
            other => panic!("{other:?}"),
        };
        let mut lines: Vec<_> = entries.iter().map(|entry| (entry.name.clone(), line(&entry.origin))).collect();
        lines.sort();
        lines
    }

    #[test]
    fn every_key_knows_its_line() {
        let text = "# first\n[relay]\nrealm = \"x\"\n\nmin_port = 1\n[[ice.servers]]\nurls = \"stun:a\"\n";
        assert_eq!(
            lines(text),
            [("ice.servers".to_owned(), 6), ("relay.min_port".to_owned(), 5), ("relay.realm".to_owned(), 3)]
        );
        assert_eq!(lines("relay.realm = \"x\""), [("relay.realm".to_owned(), 1)]);
    }

    #[test]
    fn a_broken_file_is_refused_with_its_line_and_without_its_text() {
        let error = parse(Path::new("s.toml"), "[relay]\nsecrets = [\"hunter2\n").err().unwrap().to_string();
        assert!(error.contains("s.toml line 2") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_section_may_stand_in_another() {
        let text = "[signal]\nopen = true\n[signal.socketio]\nstrict = true\n";
        assert_eq!(lines(text), [("signal.open".to_owned(), 2), ("signal.socketio.strict".to_owned(), 4)]);
        let error = parse(Path::new("s.toml"), "[signal]\nsocketio = 1\n").err().unwrap().to_string();
        assert!(error.contains("s.toml line 2: `signal.socketio` is a section"), "{error}");
    }

    #[test]
    fn a_value_outside_of_a_section_is_refused() {
        let error = parse(Path::new("s.toml"), "\nrelay = 1\n").err().unwrap().to_string();
        assert!(error.contains("s.toml line 2: `relay` is a section"), "{error}");
    }
}
