use std::collections::BTreeMap;

use super::{Failure, ObjectSettings, PathError};

/// Creates instances.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Add {
    /// Whether some may fail and the others stay.
    #[prost(bool, tag = "1")]
    pub allow_partial: bool,
    /// What to create.
    #[prost(message, repeated, tag = "2")]
    pub create_objs: Vec<ObjectSettings>,
}

/// Answers [`Add`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct AddResp {
    /// One for each object asked for.
    #[prost(message, repeated, tag = "1")]
    pub created_obj_results: Vec<CreatedObjectResult>,
}

/// What became of one object of an [`Add`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreatedObjectResult {
    /// The table asked for.
    #[prost(string, tag = "1")]
    pub requested_path: String,
    /// Created or not; [`CreatedObjectResult::outcome`] reads it.
    #[prost(message, optional, tag = "2")]
    pub oper_status: Option<AddStatus>,
}

/// Created or not.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AddStatus {
    /// Which.
    #[prost(oneof = "AddOutcome", tags = "1, 2")]
    pub outcome: Option<AddOutcome>,
}

/// Created or not.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum AddOutcome {
    /// It failed.
    #[prost(message, tag = "1")]
    Failure(Failure),
    /// It was created.
    #[prost(message, tag = "2")]
    Success(AddSuccess),
}

/// A created object.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AddSuccess {
    /// Its path, with its instance number.
    #[prost(string, tag = "1")]
    pub instantiated_path: String,
    /// Parameters that could not be written.
    #[prost(message, repeated, tag = "2")]
    pub param_errs: Vec<PathError>,
    /// Its unique keys.
    #[prost(btree_map = "string, string", tag = "3")]
    pub unique_keys: BTreeMap<String, String>,
}

impl CreatedObjectResult {
    /// A result for `requested_path`.
    #[must_use]
    pub fn new(requested_path: impl Into<String>, outcome: AddOutcome) -> Self {
        Self { requested_path: requested_path.into(), oper_status: Some(AddStatus { outcome: Some(outcome) }) }
    }

    /// Created or not, if it says.
    #[must_use]
    pub fn outcome(&self) -> Option<&AddOutcome> {
        self.oper_status.as_ref()?.outcome.as_ref()
    }
}
