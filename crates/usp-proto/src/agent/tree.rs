use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::model::{DataModel, Operated, SupportedModel};
use crate::error_code::ErrorCode;
use crate::message::ParamValueType;
use crate::path::{split_parameter, to_supported};

/// A data model in memory: values by path, and the instances of each table. What it supports is shared.
#[derive(Clone, Debug)]
pub struct TreeModel {
    supported: Arc<SupportedModel>,
    values: BTreeMap<String, String>,
    tables: BTreeMap<String, Table>,
    /// Instances that a table may have.
    instances_max: usize,
}

#[derive(Clone, Debug, Default)]
struct Table {
    instances: BTreeSet<u32>,
    /// Numbers are not given twice (R-ARC.8 lets them persist until the instance is removed).
    last: u32,
}

impl TreeModel {
    /// Without instances. Objects that are no instances have their default values.
    #[must_use]
    pub fn new(supported: Arc<SupportedModel>, instances_max: usize) -> Self {
        let mut model = Self { supported, values: BTreeMap::new(), tables: BTreeMap::new(), instances_max };
        model.fill("");
        model
    }

    /// Writes a value past all rules, and creates the instances on its path.
    pub fn put(&mut self, path: &str, value: &str) {
        let mut table = String::new();
        for part in path.split_inclusive('.') {
            if let Some(number) = part.strip_suffix('.').and_then(|part| part.parse::<u32>().ok()) {
                let known = self.tables.entry(table.clone()).or_default();
                known.last = known.last.max(number);
                if known.instances.insert(number) {
                    self.fill(&format!("{table}{part}"));
                }
            }
            table.push_str(part);
        }
        self.values.insert(path.to_owned(), value.to_owned());
    }

    /// Gives default values to an object and those within it that are no instances.
    fn fill(&mut self, object: &str) {
        let supported = Arc::clone(&self.supported);
        let root = to_supported(object);
        for (path, schema) in supported.within(&root) {
            let Some(rest) = path.strip_prefix(&root).filter(|rest| !rest.contains("{i}")) else { continue };
            for param in &schema.params {
                let default = match param.value_type {
                    ParamValueType::Boolean => "false",
                    ParamValueType::Int
                    | ParamValueType::Long
                    | ParamValueType::UnsignedInt
                    | ParamValueType::UnsignedLong
                    | ParamValueType::Decimal => "0",
                    ParamValueType::DateTime => "0001-01-01T00:00:00Z",
                    ParamValueType::Unknown
                    | ParamValueType::Base64
                    | ParamValueType::HexBinary
                    | ParamValueType::String => "",
                };
                self.values.insert(format!("{object}{rest}{}", param.name), default.to_owned());
            }
        }
    }
}

impl DataModel for TreeModel {
    fn supported(&self) -> &SupportedModel {
        &self.supported
    }

    fn instances(&self, table: &str) -> Vec<u32> {
        self.tables.get(table).map_or_else(Vec::new, |table| table.instances.iter().copied().collect())
    }

    fn value(&self, path: &str) -> Option<String> {
        self.values.get(path).cloned()
    }

    fn set_value(&mut self, path: &str, value: &str) -> Result<(), ErrorCode> {
        let (object, _) = split_parameter(path).ok_or(ErrorCode::InvalidPath)?;
        if !self.exists(object) {
            return Err(ErrorCode::ObjectDoesNotExist);
        }
        self.values.insert(path.to_owned(), value.to_owned());
        Ok(())
    }

    fn create(&mut self, table: &str) -> Result<u32, ErrorCode> {
        let known = self.tables.entry(table.to_owned()).or_default();
        if known.instances.len() >= self.instances_max {
            return Err(ErrorCode::ResourcesExceeded);
        }
        let number = known.last.checked_add(1).ok_or(ErrorCode::ResourcesExceeded)?;
        known.last = number;
        known.instances.insert(number);
        self.fill(&format!("{table}{number}."));
        Ok(number)
    }

    fn remove(&mut self, instance: &str) -> Result<(), ErrorCode> {
        let (table, number) = split_instance(instance).ok_or(ErrorCode::InvalidPath)?;
        if !self.tables.get_mut(table).is_some_and(|table| table.instances.remove(&number)) {
            return Err(ErrorCode::ObjectDoesNotExist);
        }
        self.values.retain(|path, _| !path.starts_with(instance));
        self.tables.retain(|path, _| !path.starts_with(instance));
        Ok(())
    }

    fn operate(&mut self, _command: &str, _command_key: &str, _args: &BTreeMap<String, String>) -> Operated {
        Operated::Done(BTreeMap::new())
    }
}

/// The table and number of an instance's path.
pub(super) fn split_instance(path: &str) -> Option<(&str, u32)> {
    let inner = path.strip_suffix('.')?;
    let at = inner.rfind('.')? + 1;
    let number = inner[at..].parse().ok()?;
    Some((&path[..at], number))
}
