//! The configuration file: TOML, with the line of every key.

use std::path::Path;

use serde::Deserialize;
use toml::Value;
use toml::de::{DeTable, DeValue, ValueDeserializer};

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

/// Takes the text of the file at `path` apart. A section may have sections of its own only as values of a key.
///
/// # Errors
///
/// If it is not TOML, or if a value stands where a section belongs.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Vec<FileEntry>, Problems> {
    let origin = |offset| Origin::File { path: path.to_owned(), line: line_of(text, offset) };
    let table = DeTable::parse(text).map_err(|error| Problem::Syntax {
        origin: origin(error.span().map_or(0, |span| span.start)),
        cause: error.message().to_owned(),
    })?;
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    for (section, value) in table.get_ref() {
        let DeValue::Table(keys) = value.get_ref() else {
            let origin = origin(section.span().start);
            problems.push(Problem::NotASection { origin, section: section.get_ref().to_string() });
            continue;
        };
        if keys.is_empty() {
            // Kept so that an unknown section is found even if nothing stands in it.
            entries.push(FileEntry {
                name: section.get_ref().to_string(),
                value: Value::Boolean(true),
                origin: origin(section.span().start),
            });
        }
        for (key, value) in keys {
            let origin = origin(key.span().start);
            let name = format!("{}.{}", section.get_ref(), key.get_ref());
            match Value::deserialize(ValueDeserializer::from(value.clone())) {
                Ok(value) => entries.push(FileEntry { name, value, origin }),
                Err(error) => {
                    problems.push(Problem::BadValue { origin, key: name, cause: error.message().to_owned() });
                }
            }
        }
    }
    Problems::none_or(problems).map(|()| entries)
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
    fn a_value_outside_of_a_section_is_refused() {
        let error = parse(Path::new("s.toml"), "\nrelay = 1\n").err().unwrap().to_string();
        assert!(error.contains("s.toml line 2: `relay` is a section"), "{error}");
    }
}
