use crate::wire::{item, structure};

/// Asks what parameters and objects there are (TR-069 Amendment 6 Annex A.3.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetParameterNames {
    /// A full path, a partial one that ends in a dot, or nothing for the root.
    pub path: String,
    /// Only what lies directly below.
    pub next_level: bool,
}

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetParameterNamesResponse {
    /// Paths of objects end in a dot.
    pub parameters: Vec<ParameterInfo>,
}

/// A parameter or object of the data model (`ParameterInfoStruct`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterInfo {
    /// The full path.
    pub path: String,
    /// A parameter: can be set. An object of many instances: instances can be added. An instance: it can be deleted.
    pub writable: bool,
}

structure!(GetParameterNames { "ParameterPath" => path, "NextLevel" => next_level, });
structure!(GetParameterNamesResponse { "ParameterList" => parameters, });
structure!(ParameterInfo { "Name" => path, "Writable" => writable, });
item!(ParameterInfo = "ParameterInfoStruct", Parameters);
