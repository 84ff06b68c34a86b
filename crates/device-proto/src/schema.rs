//! Names of parameters, kept once for all devices that have the same: per OUI, product class and software version.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::device::Device;
use crate::identity::{Oui, ProductClass};
use crate::{SchemaId, ValueKind};

/// Which devices share a schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaKey {
    /// Whose.
    pub oui: Oui,
    /// Of which kind.
    pub product_class: ProductClass,
    /// The version of its software, as it reports it; may be empty.
    pub software_version: Box<str>,
}

impl SchemaKey {
    /// The one of a device as it is now.
    #[must_use]
    pub fn of(device: &Device) -> Self {
        Self {
            oui: device.key.oui,
            product_class: device.key.product_class.clone(),
            software_version: device.facts.software_version.clone(),
        }
    }
}

/// A name: what stands at an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The full path; of an object with a dot at the end.
    pub path: Arc<str>,
    /// What its values are.
    pub kind: ValueKind,
    /// Whether it can be set; `None`: nobody has said.
    pub writable: Option<bool>,
}

/// A name that was added, or of which more is known: a row to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRow {
    /// Whose.
    pub schema: SchemaId,
    /// Its place, from 0 without a gap.
    pub index: u32,
    /// What stands there.
    pub name: Name,
}

/// How many names a schema takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaRules {
    /// Names; at most [`SchemaRules::NAMES_MAX`].
    pub names_max: u32,
    /// Bytes of one path.
    pub path_bytes_max: usize,
}

impl SchemaRules {
    /// No schema has more names, whatever its rules: 1,024 pages of values.
    pub const NAMES_MAX: u32 = 65_536;
}

impl Default for SchemaRules {
    /// 20,000 names (a large gateway has 3,000; instance numbers make more of them) of 256 bytes (TR-106 §3.1).
    fn default() -> Self {
        Self { names_max: 20_000, path_bytes_max: 256 }
    }
}

/// Why a name was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotInterned {
    /// There are as many names as may be.
    #[error("the schema has as many names as it may")]
    Full,
    /// The path is empty, too long, or has a control character in it.
    #[error("the path is not usable")]
    Path,
}

/// The names of one schema. Only ever added to: an index means the same name for good.
///
/// What [`Self::intern`] adds is there at once; if the rows it gave cannot be made durable the value is to be dropped and read anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its number.
    pub id: SchemaId,
    /// Whose.
    pub key: SchemaKey,
    names: Vec<Name>,
    by_path: BTreeMap<Arc<str>, u32>,
}

impl Schema {
    /// One without names.
    #[must_use]
    pub fn new(id: SchemaId, key: SchemaKey) -> Self {
        Self { id, key, names: Vec::new(), by_path: BTreeMap::new() }
    }

    /// One with names as they were stored, in order of indices. `None`: two have the same path, so that it is not what was stored.
    #[must_use]
    pub fn with_names(id: SchemaId, key: SchemaKey, names: Vec<Name>) -> Option<Self> {
        let by_path: BTreeMap<_, _> = (0..).zip(&names).map(|(index, name)| (Arc::clone(&name.path), index)).collect();
        (by_path.len() == names.len()).then_some(Self { id, key, names, by_path })
    }

    /// The index of a path.
    #[must_use]
    pub fn index(&self, path: &str) -> Option<u32> {
        self.by_path.get(path).copied()
    }

    /// What stands at an index.
    #[must_use]
    pub fn name(&self, index: u32) -> Option<&Name> {
        self.names.get(index as usize)
    }

    /// All names in order of indices.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// Names below an object, with their indices, in order of paths: `prefix` ends in a dot, or is empty for all.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (u32, &'a Name)> {
        self.by_path
            .range(Arc::from(prefix)..)
            .take_while(move |(path, _)| path.starts_with(prefix))
            .filter_map(|(_, index)| Some((*index, self.name(*index)?)))
    }

    /// The index of a path, a new one if it has none. `Some` row: it is to be made durable, as the name is new or more is known
    /// of it than before.
    ///
    /// # Errors
    ///
    /// It is new and there is no room, or it cannot be a path.
    pub fn intern(
        &mut self,
        path: &str,
        kind: ValueKind,
        writable: Option<bool>,
        rules: &SchemaRules,
    ) -> Result<(u32, Option<NameRow>), NotInterned> {
        if let Some(index) = self.index(path) {
            return Ok((index, self.learn(index, kind, writable)));
        }
        if path.is_empty() || path.len() > rules.path_bytes_max || path.chars().any(char::is_control) {
            return Err(NotInterned::Path);
        }
        let index = u32::try_from(self.names.len()).map_err(|_| NotInterned::Full)?;
        if index >= rules.names_max.min(SchemaRules::NAMES_MAX) {
            return Err(NotInterned::Full);
        }
        let path: Arc<str> = path.into();
        let name = Name { path: Arc::clone(&path), kind, writable };
        self.names.push(name.clone());
        self.by_path.insert(path, index);
        Ok((index, Some(NameRow { schema: self.id, index, name })))
    }

    fn learn(&mut self, index: u32, kind: ValueKind, writable: Option<bool>) -> Option<NameRow> {
        let name = self.names.get_mut(index as usize)?;
        let before = (name.kind, name.writable);
        if kind != ValueKind::Unknown {
            name.kind = kind;
        }
        name.writable = writable.or(name.writable);
        let changed = before != (name.kind, name.writable);
        changed.then(|| NameRow { schema: self.id, index, name: name.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let key = SchemaKey {
            oui: "00D09E".parse().unwrap(),
            product_class: ProductClass::new("Box").unwrap(),
            software_version: "1".into(),
        };
        Schema::new(SchemaId(3), key)
    }

    fn intern(schema: &mut Schema, path: &str) -> Result<(u32, Option<NameRow>), NotInterned> {
        schema.intern(path, ValueKind::String, None, &SchemaRules { names_max: 3, path_bytes_max: 20 })
    }

    #[test]
    fn a_name_keeps_its_index_and_is_a_row_once() {
        let mut schema = schema();
        let (index, row) = intern(&mut schema, "Device.A").unwrap();
        assert_eq!((index, row.map(|row| row.schema)), (0, Some(SchemaId(3))));
        assert_eq!(intern(&mut schema, "Device.B").unwrap().0, 1);
        assert_eq!(intern(&mut schema, "Device.A"), Ok((0, None)));
        assert_eq!(schema.name(1).unwrap().path.as_ref(), "Device.B");
    }

    #[test]
    fn what_is_learnt_of_a_name_is_a_row_and_never_forgotten() {
        let mut schema = schema();
        let rules = SchemaRules::default();
        schema.intern("Device.A", ValueKind::Unknown, None, &rules).unwrap();
        let (_, row) = schema.intern("Device.A", ValueKind::Boolean, Some(true), &rules).unwrap();
        let name = row.unwrap().name;
        assert_eq!((name.kind, name.writable), (ValueKind::Boolean, Some(true)));
        assert_eq!(schema.intern("Device.A", ValueKind::Unknown, None, &rules), Ok((0, None)));
    }

    #[test]
    fn a_full_schema_takes_no_more_and_still_knows_its_own() {
        let mut schema = schema();
        for path in ["Device.A", "Device.B", "Device.C"] {
            intern(&mut schema, path).unwrap();
        }
        assert_eq!(intern(&mut schema, "Device.D"), Err(NotInterned::Full));
        assert_eq!(intern(&mut schema, "Device.C"), Ok((2, None)));
        for path in ["", "Device.\n", "Device.a.very.long.path"] {
            assert_eq!(intern(&mut schema, path), Err(NotInterned::Path), "{path:?}");
        }
    }

    #[test]
    fn names_below_an_object_are_found_in_order_of_paths() {
        let mut schema = schema();
        for path in ["Device.B.2", "Device.B.1", "Device.C"] {
            intern(&mut schema, path).unwrap();
        }
        let below: Vec<_> = schema.below("Device.B.").map(|(index, name)| (index, &*name.path)).collect();
        assert_eq!(below, [(1, "Device.B.1"), (0, "Device.B.2")]);
        assert_eq!(schema.below("").count(), 3);
    }

    #[test]
    fn what_was_stored_is_the_same_schema_again() {
        let mut one = schema();
        intern(&mut one, "Device.A").unwrap();
        let names = one.names().to_vec();
        assert_eq!(Schema::with_names(one.id, one.key.clone(), names.clone()), Some(one.clone()));
        let twice = [names.clone(), names].concat();
        assert_eq!(Schema::with_names(one.id, one.key, twice), None);
    }
}
