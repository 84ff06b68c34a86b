use super::Status;
use crate::ParameterValue;
use crate::wire::structure;

/// Sets parameters, all of them or none (TR-069 Amendment 6 Annex A.3.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetParameterValues {
    /// Each path once.
    pub parameters: Vec<ParameterValue>,
    /// Becomes the value of the ParameterKey parameter. At most 32 characters.
    pub parameter_key: String,
}

/// All values are valid and set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetParameterValuesResponse {
    /// Whether they are in force.
    pub status: Status,
}

/// Asks for values (TR-069 Amendment 6 Annex A.3.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetParameterValues {
    /// Full paths, or partial ones that end in a dot.
    pub names: Vec<String>,
}

/// The values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetParameterValuesResponse {
    /// All below the paths asked for.
    pub parameters: Vec<ParameterValue>,
}

structure!(SetParameterValues { "ParameterList" => parameters, "ParameterKey" => parameter_key, });
structure!(SetParameterValuesResponse { "Status" => status, });
structure!(GetParameterValues { "ParameterNames" => names, });
structure!(GetParameterValuesResponse { "ParameterList" => parameters, });
