use super::Status;
use crate::wire::structure;

/// Makes an instance of an object (TR-069 Amendment 6 Annex A.3.2.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddObject {
    /// A path that ends in a dot; with `[alias].` at its end it names the instance.
    pub path: String,
    /// Becomes the value of the ParameterKey parameter. At most 32 characters.
    pub parameter_key: String,
}

/// The instance is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddObjectResponse {
    /// Its number, 1 or more.
    pub instance_number: u32,
    /// Whether it is in force.
    pub status: Status,
}

/// Removes an instance and all below (TR-069 Amendment 6 Annex A.3.2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteObject {
    /// The path of the instance, with a dot at its end.
    pub path: String,
    /// Becomes the value of the ParameterKey parameter. At most 32 characters.
    pub parameter_key: String,
}

/// The instance is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteObjectResponse {
    /// Whether it is in force.
    pub status: Status,
}

structure!(AddObject { "ObjectName" => path, "ParameterKey" => parameter_key, });
structure!(AddObjectResponse { "InstanceNumber" => instance_number, "Status" => status, });
structure!(DeleteObject { "ObjectName" => path, "ParameterKey" => parameter_key, });
structure!(DeleteObjectResponse { "Status" => status, });
