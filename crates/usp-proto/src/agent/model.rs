use std::collections::BTreeMap;

use crate::error_code::ErrorCode;
use crate::message::{CmdType, Failure, ObjAccessType, ParamAccessType, ParamValueType, ValueChangeType};

/// What an agent keeps of its device. Paths are concrete: instance numbers, a dot at the end of objects.
///
/// What may be done with it is the agent's to judge, by [`DataModel::supported`]; the model does what it is told.
pub trait DataModel {
    /// What there may be.
    fn supported(&self) -> &SupportedModel;

    /// The instances of a table, in ascending order.
    fn instances(&self, table: &str) -> Vec<u32>;

    /// The value of a parameter; `None` if it is not there.
    fn value(&self, path: &str) -> Option<String>;

    /// Writes a value.
    ///
    /// # Errors
    /// If the device does not take it.
    fn set_value(&mut self, path: &str, value: &str) -> Result<(), ErrorCode>;

    /// Creates an instance with default values and answers its number.
    ///
    /// # Errors
    /// If the device cannot have another.
    fn create(&mut self, table: &str) -> Result<u32, ErrorCode>;

    /// Removes an instance and all within.
    ///
    /// # Errors
    /// If the device keeps it.
    fn remove(&mut self, instance: &str) -> Result<(), ErrorCode>;

    /// Runs a command that answers at once; `command_key` is the controller's name for it. Commands that go on are handed to the
    /// driver instead.
    fn operate(&mut self, command: &str, command_key: &str, args: &BTreeMap<String, String>) -> Operated;

    /// Whether an object is there: each instance on its path is.
    fn exists(&self, object: &str) -> bool {
        let mut path = String::new();
        object.split_inclusive('.').all(|part| {
            let is_there = match part.trim_end_matches('.').parse::<u32>() {
                Ok(number) => self.instances(&path).contains(&number),
                Err(_) => true,
            };
            path.push_str(part);
            is_there
        })
    }
}

/// How a command that answers at once went.
#[derive(Clone, Debug, PartialEq)]
pub enum Operated {
    /// It is done, and gave this.
    Done(BTreeMap<String, String>),
    /// It failed.
    Failed(Failure),
}

/// A supported data model; agents of one kind share it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SupportedModel {
    /// Which data model it is of.
    pub uri: String,
    objects: BTreeMap<String, ObjectSchema>,
}

/// An object of a supported data model.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectSchema {
    /// Whether instances may be made and removed.
    pub access: ObjAccessType,
    /// Its parameters.
    pub params: Vec<ParamSchema>,
    /// Its commands.
    pub commands: Vec<CommandSchema>,
    /// Its events.
    pub events: Vec<EventSchema>,
    /// Parameters that are unique together.
    pub unique_keys: Vec<Vec<String>>,
}

/// A parameter of a supported data model.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSchema {
    /// Its name.
    pub name: String,
    /// Whether it may be read and written.
    pub access: ParamAccessType,
    /// Of which type it is.
    pub value_type: ParamValueType,
    /// Whether a subscription to its changes is honoured.
    pub value_change: ValueChangeType,
}

/// A command of a supported data model.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandSchema {
    /// Its name, with `()`.
    pub name: String,
    /// Whether it answers at once.
    pub kind: CmdType,
    /// What it must be given.
    pub mandatory_inputs: Vec<String>,
    /// What else it may be given.
    pub inputs: Vec<String>,
    /// What it gives.
    pub outputs: Vec<String>,
}

/// An event of a supported data model.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSchema {
    /// Its name, with `!`.
    pub name: String,
    /// What comes with it.
    pub args: Vec<String>,
}

impl Default for ObjectSchema {
    fn default() -> Self {
        Self {
            access: ObjAccessType::ReadOnly,
            params: Vec::new(),
            commands: Vec::new(),
            events: Vec::new(),
            unique_keys: Vec::new(),
        }
    }
}

impl ObjectSchema {
    /// An object whose instances may be made and removed.
    #[must_use]
    pub fn table() -> Self {
        Self { access: ObjAccessType::AddDelete, ..Self::default() }
    }

    /// With a parameter that may be written, whose changes are told.
    #[must_use]
    pub fn writable(self, name: &str, value_type: ParamValueType) -> Self {
        self.param(name, ParamAccessType::ReadWrite, value_type)
    }

    /// With a parameter that may be read, whose changes are told.
    #[must_use]
    pub fn readable(self, name: &str, value_type: ParamValueType) -> Self {
        self.param(name, ParamAccessType::ReadOnly, value_type)
    }

    /// With a parameter.
    #[must_use]
    pub fn param(mut self, name: &str, access: ParamAccessType, value_type: ParamValueType) -> Self {
        let value_change = ValueChangeType::Allowed;
        self.params.push(ParamSchema { name: name.to_owned(), access, value_type, value_change });
        self
    }

    /// With a unique key of these parameters.
    #[must_use]
    pub fn unique(mut self, names: &[&str]) -> Self {
        self.unique_keys.push(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// With a command.
    #[must_use]
    pub fn command(mut self, name: &str, kind: CmdType, mandatory_inputs: &[&str], outputs: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        self.commands.push(CommandSchema {
            name: name.to_owned(),
            kind,
            mandatory_inputs: owned(mandatory_inputs),
            inputs: Vec::new(),
            outputs: owned(outputs),
        });
        self
    }

    /// With an event.
    #[must_use]
    pub fn event(mut self, name: &str, args: &[&str]) -> Self {
        let args = args.iter().map(|name| (*name).to_owned()).collect();
        self.events.push(EventSchema { name: name.to_owned(), args });
        self
    }
}

impl SupportedModel {
    /// Without objects yet.
    #[must_use]
    pub fn new(uri: &str) -> Self {
        Self { uri: uri.to_owned(), objects: BTreeMap::new() }
    }

    /// With an object, by its path with `{i}` for instances and a dot at the end.
    #[must_use]
    pub fn with(mut self, path: &str, object: ObjectSchema) -> Self {
        self.objects.insert(path.to_owned(), object);
        self
    }

    /// The object of a path with `{i}`.
    #[must_use]
    pub fn object(&self, path: &str) -> Option<&ObjectSchema> {
        self.objects.get(path)
    }

    /// Whether there is such an object, table or something within.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.within(path).next().is_some()
    }

    /// Whether it is a table, by its path without the last `{i}`.
    #[must_use]
    pub fn is_table(&self, path: &str) -> bool {
        self.objects.contains_key(&format!("{path}{{i}}."))
    }

    /// A parameter of an object.
    #[must_use]
    pub fn parameter(&self, object: &str, name: &str) -> Option<&ParamSchema> {
        self.objects.get(object)?.params.iter().find(|param| param.name == name)
    }

    /// An object and all within it, in order of their paths.
    pub fn within<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, &'a ObjectSchema)> {
        let from = self.objects.range::<str, _>((std::ops::Bound::Included(path), std::ops::Bound::Unbounded));
        from.take_while(move |(object, _)| object.starts_with(path)).map(|(path, object)| (path.as_str(), object))
    }
}
