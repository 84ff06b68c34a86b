//! Values from several sources, the stronger one over the weaker.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::{Table, Value};

use crate::catalogue::{Catalogue, Key};
use crate::config::Config;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::text;

/// A value and where it came from.
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// The values set so far, each known to fit its key, and what was found wrong on the way.
#[derive(Default)]
pub(crate) struct Layers {
    pub(crate) entries: BTreeMap<String, Entry>,
    pub(crate) problems: Vec<Problem>,
}

impl Layers {
    /// Sets a key from a file.
    pub(crate) fn set_value(&mut self, name: &str, value: Value, origin: Origin) {
        let catalogue = Catalogue::get();
        if let Some(key) = catalogue.key(name) {
            self.set_known(key, value, origin);
            return;
        }
        let section = name.split('.').next().unwrap_or(name);
        if !catalogue.has_section(section) {
            let nearest = catalogue.nearest_section(section);
            self.problems.push(Problem::UnknownSection { origin, section: section.to_owned(), nearest });
        } else if !catalogue.has_section(name) {
            self.problems.push(Problem::UnknownKey {
                origin,
                key: name.to_owned(),
                nearest: catalogue.nearest_key(name),
            });
        }
    }

    /// Sets a key from a text, as flags and the environment have it.
    pub(crate) fn set_text(&mut self, name: &str, text: &str, origin: Origin) {
        let Some(key) = Catalogue::get().key(name) else {
            self.set_value(name, Value::Boolean(true), origin);
            return;
        };
        match text::parse(key.kind, text) {
            Ok(value) => self.set_known(key, value, origin),
            Err(cause) => self.problems.push(Problem::BadValue { origin, key: name.to_owned(), cause }),
        }
    }

    fn set_known(&mut self, key: &Key, value: Value, origin: Origin) {
        match fits(key, &value) {
            Ok(()) => {
                self.entries.insert(key.name.clone(), Entry { value, origin });
            }
            Err(cause) => self.problems.push(Problem::BadValue { origin, key: key.name.clone(), cause }),
        }
    }

    /// Where the value of a key came from.
    pub(crate) fn origin(&self, name: &str) -> Origin {
        self.entries.get(name).map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// What stands over `weaker` for a key, or for the file that it is read from.
    pub(crate) fn overriding(&self, name: &str, weaker: &Origin) -> Option<Origin> {
        let origins = [self.origin(name), self.origin(&format!("{name}_file"))];
        origins.into_iter().find(|origin| origin.rank() > weaker.rank())
    }

    /// A key that holds a path, if it is set.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.entries.get(name)?.value.as_str().map(PathBuf::from)
    }

    /// The configuration that these values make over the defaults.
    pub(crate) fn config(&self) -> Config {
        let mut root = Table::new();
        for (name, entry) in &self.entries {
            let (section, key) = name.rsplit_once('.').expect("every key of the catalogue is section.key");
            let section = section.split('.').fold(&mut root, |outer, inner| {
                let inner = outer.entry(inner).or_insert_with(|| Value::Table(Table::new()));
                inner.as_table_mut().expect("sections are tables, and no key is named as one")
            });
            section.insert(key.to_owned(), entry.value.clone());
        }
        Config::deserialize(root).expect("each value was tried alone and keys do not depend on each other")
    }
}

/// Whether the value can stand for the key: tried alone, so that the answer names the right one.
fn fits(key: &Key, value: &Value) -> Result<(), String> {
    let section = Table::from_iter([(key.key.clone(), value.clone())]);
    let root = key.section.rsplit('.').fold(section, |inner, name| Table::from_iter([(name.to_owned(), inner.into())]));
    let Err(error) = Config::deserialize(root) else { return Ok(()) };
    if key.secret {
        // The parser's message could quote the secret.
        return Err(format!("it does not have the right shape; {}", key.kind.mend()));
    }
    let message = error.message();
    let of_the_parser = message.starts_with("invalid type") || message.starts_with("invalid value");
    Err(if of_the_parser { format!("{message}; {}", key.kind.mend()) } else { message.to_owned() })
}
