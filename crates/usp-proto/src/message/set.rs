use std::collections::BTreeMap;

use super::{ObjectSettings, PathError};

/// Writes values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Set {
    /// Whether some may fail and the others stay.
    #[prost(bool, tag = "1")]
    pub allow_partial: bool,
    /// What to write.
    #[prost(message, repeated, tag = "2")]
    pub update_objs: Vec<ObjectSettings>,
}

/// Answers [`Set`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetResp {
    /// One for each object asked for.
    #[prost(message, repeated, tag = "1")]
    pub updated_obj_results: Vec<UpdatedObjectResult>,
}

/// What became of one object of a [`Set`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct UpdatedObjectResult {
    /// The path asked for.
    #[prost(string, tag = "1")]
    pub requested_path: String,
    /// Written or not; [`UpdatedObjectResult::outcome`] reads it.
    #[prost(message, optional, tag = "2")]
    pub oper_status: Option<SetStatus>,
}

/// Written or not.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetStatus {
    /// Which.
    #[prost(oneof = "SetOutcome", tags = "1, 2")]
    pub outcome: Option<SetOutcome>,
}

/// Written or not.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum SetOutcome {
    /// It failed.
    #[prost(message, tag = "1")]
    Failure(SetFailure),
    /// It was written.
    #[prost(message, tag = "2")]
    Success(SetSuccess),
}

/// Objects that could not be written.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetFailure {
    /// A number of [`ErrorCode`](crate::ErrorCode).
    #[prost(fixed32, tag = "1")]
    pub err_code: u32,
    /// In words.
    #[prost(string, tag = "2")]
    pub err_msg: String,
    /// Which instances.
    #[prost(message, repeated, tag = "3")]
    pub updated_inst_failures: Vec<UpdatedInstanceFailure>,
}

/// Objects that were written.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetSuccess {
    /// Which instances.
    #[prost(message, repeated, tag = "1")]
    pub updated_inst_results: Vec<UpdatedInstanceResult>,
}

/// An instance that could not be written.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UpdatedInstanceFailure {
    /// Its path.
    #[prost(string, tag = "1")]
    pub affected_path: String,
    /// Parameters that could not be written.
    #[prost(message, repeated, tag = "2")]
    pub param_errs: Vec<PathError>,
}

/// An instance that was written. Its values are not shown by `Debug`.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct UpdatedInstanceResult {
    /// Its path.
    #[prost(string, tag = "1")]
    pub affected_path: String,
    /// Parameters that could not be written.
    #[prost(message, repeated, tag = "2")]
    pub param_errs: Vec<PathError>,
    /// Values after it.
    #[prost(btree_map = "string, string", tag = "3")]
    pub updated_params: BTreeMap<String, String>,
}

impl UpdatedObjectResult {
    /// A result for `requested_path`.
    #[must_use]
    pub fn new(requested_path: impl Into<String>, outcome: SetOutcome) -> Self {
        Self { requested_path: requested_path.into(), oper_status: Some(SetStatus { outcome: Some(outcome) }) }
    }

    /// Written or not, if it says.
    #[must_use]
    pub fn outcome(&self) -> Option<&SetOutcome> {
        self.oper_status.as_ref()?.outcome.as_ref()
    }
}
