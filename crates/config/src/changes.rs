//! What differs between two configurations.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use serde_json::Value;

use crate::catalogue::{Catalogue, Reload};
use crate::config::Config;
use crate::layers::Entry;
use crate::load::Loaded;

/// A key whose value is another one now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedKey {
    /// `section.key`.
    pub name: String,
    /// When the new value takes effect.
    pub reload: Reload,
}

/// One number for each key, different if the value is. Secrets are compared without being kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fingerprints(BTreeMap<String, u64>);

impl Fingerprints {
    pub(crate) fn of(config: &Config, entries: &BTreeMap<String, Entry>) -> Self {
        let shown = serde_json::to_value(config).unwrap_or_default();
        let of_key = |key: &crate::Key| {
            let value = key.value_in(&shown);
            let secret = entries.get(&key.name).filter(|_| key.secret).map(|entry| entry.value.to_string());
            (key.name.clone(), fingerprint(value, secret.as_deref()))
        };
        Self(Catalogue::get().keys().iter().map(of_key).collect())
    }
}

fn fingerprint(shown: &Value, secret: Option<&str>) -> u64 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    KEYS.get_or_init(RandomState::new).hash_one((shown.to_string(), secret))
}

impl Loaded {
    /// The keys that have another value in `newer`, in the order of the catalogue.
    #[must_use]
    pub fn changes_to(&self, newer: &Self) -> Vec<ChangedKey> {
        let keys = Catalogue::get().keys().iter();
        let changed = keys.filter(|key| self.fingerprints.0.get(&key.name) != newer.fingerprints.0.get(&key.name));
        changed.map(|key| ChangedKey { name: key.name.clone(), reload: key.reload }).collect()
    }
}
