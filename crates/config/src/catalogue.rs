use std::sync::OnceLock;

use serde_json::Value;

use crate::config::Config;

/// Every key there is, sections and keys by name, read from the schema of [`Config`].
#[derive(Debug)]
pub struct Catalogue {
    sections: Vec<Section>,
    keys: Vec<Key>,
    schema: Value,
}

/// One section.
#[derive(Debug)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub doc: String,
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// `section.key`.
    pub name: String,
    /// The section alone; one inside another is `outer.inner`.
    pub section: String,
    /// The key alone.
    pub key: String,
    /// What it decides.
    pub doc: String,
    /// What is written there.
    pub kind: Kind,
    /// When a new value takes effect.
    pub reload: Reload,
    /// Whether its value must not be shown.
    pub secret: bool,
    /// The default, as JSON; `null` if it is not set.
    pub default: Value,
    /// The schema of its value.
    pub schema: Value,
}

/// What is written for a key: decides how text from the environment or a flag is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A text.
    Text,
    /// Several values.
    List,
}

/// When a new value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// While the server runs: on SIGHUP and when the file changes.
    Live,
    /// At the next start.
    Restart,
}

impl Catalogue {
    /// The catalogue of this version.
    pub fn get() -> &'static Self {
        static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
        CATALOGUE.get_or_init(Self::build)
    }

    /// The JSON schema (draft 2020-12) of the configuration file.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// The sections, by name.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The keys, by section and name.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether there is a section of that name.
    #[must_use]
    pub fn has_section(&self, name: &str) -> bool {
        self.sections.iter().any(|section| section.name == name)
    }

    /// The key of that name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The key that was most likely meant: the only one of that name in another section, or else the one that is
    /// spelled most like it.
    pub(crate) fn nearest_key(&self, name: &str) -> Option<String> {
        let wanted = name.rsplit('.').next().unwrap_or(name);
        let mut same = self.keys.iter().filter(|key| key.key == wanted);
        match (same.next(), same.next()) {
            (Some(only), None) => Some(only.name.clone()),
            (None, _) | (Some(_), Some(_)) => nearest(name, self.keys.iter().map(|key| key.name.as_str())),
        }
    }

    /// The section that is spelled most like `name`, if one is near.
    pub(crate) fn nearest_section(&self, name: &str) -> Option<String> {
        nearest(name, self.sections.iter().map(|section| section.name.as_str()))
    }

    fn build() -> Self {
        let generator =
            schemars::generate::SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let schema = generator.into_generator().into_root_schema_for::<Config>().to_value();
        let mut sections = Vec::new();
        let mut keys = Vec::new();
        for (name, section) in properties(&schema) {
            collect(name, section, &mut sections, &mut keys);
        }
        Self { sections, keys, schema }
    }
}

/// A section, its keys, and then the sections inside it.
fn collect(name: &str, section: &Value, sections: &mut Vec<Section>, keys: &mut Vec<Key>) {
    sections.push(Section { name: name.to_owned(), doc: text(section, "description") });
    let (inner, own): (Vec<_>, Vec<_>) = properties(section).partition(|(_, value)| value["properties"].is_object());
    keys.extend(own.into_iter().map(|(key, value)| Key::from_schema(name, key, value)));
    for (inner, value) in inner {
        collect(&format!("{name}.{inner}"), value, sections, keys);
    }
}

impl Key {
    fn from_schema(section: &str, key: &str, schema: &Value) -> Self {
        let reload = if schema["x-reload"] == "live" { Reload::Live } else { Reload::Restart };
        Self {
            name: format!("{section}.{key}"),
            section: section.to_owned(),
            key: key.to_owned(),
            doc: text(schema, "description"),
            kind: Kind::from_schema(schema),
            reload,
            secret: holds_secret(schema),
            default: schema.get("default").cloned().unwrap_or_default(),
            schema: schema.clone(),
        }
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SANGAM_{}", self.name.replace('.', "__")).to_ascii_uppercase()
    }

    /// Its value in a whole configuration written as JSON; `null` if there is none.
    #[must_use]
    pub fn value_in<'a>(&self, configuration: &'a Value) -> &'a Value {
        self.name.split('.').fold(configuration, |value, part| &value[part])
    }
}

impl Kind {
    fn from_schema(schema: &Value) -> Self {
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
        };
        // A size may be a number or a text: the text says it all.
        match types.iter().copied().find(|name| *name != "null") {
            Some("boolean") => Self::Boolean,
            Some("integer" | "number") => Self::Integer,
            Some("array") => Self::List,
            _ => Self::Text,
        }
    }

    /// How to write a value of this kind, for the end of an error message.
    pub(crate) fn mend(self) -> &'static str {
        match self {
            Self::Boolean => "write true or false",
            Self::Integer => "write a whole number that is not negative",
            Self::Text => "write a text in quotes",
            Self::List => "write a list, such as [\"a\", \"b\"]",
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// A description as one paragraph.
fn text(schema: &Value, key: &str) -> String {
    schema[key].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn holds_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.get("x-secret") == Some(&Value::Bool(true)) || members.values().any(holds_secret)
        }
        Value::Array(items) => items.iter().any(holds_secret),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The candidate with the fewest edits to `name`, if they are at most a third of its letters, or two.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let most = (name.len() / 3).max(2);
    let measured = candidates.map(|candidate| (edits(name, candidate), candidate));
    measured.min().filter(|(edits, _)| *edits <= most).map(|(_, candidate)| candidate.to_owned())
}

/// The Levenshtein distance: how many letters must be put in, taken out or changed.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_doc_and_says_when_it_takes_effect() {
        for key in Catalogue::get().keys() {
            assert!(!key.doc.is_empty(), "{} has no doc", key.name);
            assert!(["live", "restart"].contains(&key.schema["x-reload"].as_str().unwrap_or("")), "{}", key.name);
        }
        for section in Catalogue::get().sections() {
            assert!(!section.doc.is_empty(), "{} has no doc", section.name);
        }
    }

    #[test]
    fn every_secret_key_can_be_read_from_a_file_too() {
        let catalogue = Catalogue::get();
        let secret: Vec<&Key> = catalogue.keys().iter().filter(|key| key.secret).collect();
        assert!(secret.iter().any(|key| key.name == "relay.secrets"));
        assert!(secret.iter().any(|key| key.name == "ice.servers"));
        for key in secret {
            assert!(catalogue.key(&format!("{}_file", key.name)).is_some(), "{}_file is missing", key.name);
        }
    }

    #[test]
    fn kinds_follow_from_the_types() {
        let kind = |name| Catalogue::get().key(name).unwrap().kind;
        assert_eq!(kind("server.lan"), Kind::Boolean);
        assert_eq!(kind("signal.open"), Kind::Boolean);
        assert_eq!(kind("relay.min_port"), Kind::Integer);
        assert_eq!(kind("relay.listen"), Kind::List);
        assert_eq!(kind("relay.drain_limit"), Kind::Text);
        assert_eq!(kind("http.header_bytes_max"), Kind::Text);
        assert_eq!(kind("http.tls"), Kind::Text);
        assert_eq!(kind("log.level"), Kind::Text);
        assert_eq!(kind("tls.key_file"), Kind::Text);
    }

    #[test]
    fn the_nearest_key_is_found_and_nonsense_has_none() {
        let nearest = |name| Catalogue::get().nearest_key(name);
        assert_eq!(nearest("relay.relm").as_deref(), Some("relay.realm"));
        assert_eq!(nearest("signal.lisen").as_deref(), Some("signal.listen"));
        assert_eq!(nearest("server.enroll").as_deref(), Some("devices.enroll"));
        assert_eq!(nearest("relay.zzzzzzzzzzzz"), None);
        assert_eq!(Catalogue::get().nearest_section("realy").as_deref(), Some("relay"));
    }

    #[test]
    fn the_variable_of_a_key_has_two_underscores_after_the_section() {
        assert_eq!(Catalogue::get().key("relay.secrets_file").unwrap().variable(), "SANGAM_RELAY__SECRETS_FILE");
    }
}
