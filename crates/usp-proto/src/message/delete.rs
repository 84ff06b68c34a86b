use super::{Failure, PathError};

/// Removes instances.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Delete {
    /// Whether some may fail and the others are removed.
    #[prost(bool, tag = "1")]
    pub allow_partial: bool,
    /// Paths of instances, or searches for them.
    #[prost(string, repeated, tag = "2")]
    pub obj_paths: Vec<String>,
}

/// Answers [`Delete`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeleteResp {
    /// One for each path asked for.
    #[prost(message, repeated, tag = "1")]
    pub deleted_obj_results: Vec<DeletedObjectResult>,
}

/// What became of one path of a [`Delete`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeletedObjectResult {
    /// The path asked for.
    #[prost(string, tag = "1")]
    pub requested_path: String,
    /// Removed or not; [`DeletedObjectResult::outcome`] reads it.
    #[prost(message, optional, tag = "2")]
    pub oper_status: Option<DeleteStatus>,
}

/// Removed or not.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeleteStatus {
    /// Which.
    #[prost(oneof = "DeleteOutcome", tags = "1, 2")]
    pub outcome: Option<DeleteOutcome>,
}

/// Removed or not.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum DeleteOutcome {
    /// It failed.
    #[prost(message, tag = "1")]
    Failure(Failure),
    /// It was done, at least in part.
    #[prost(message, tag = "2")]
    Success(DeleteSuccess),
}

/// What was removed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeleteSuccess {
    /// Instances that are gone.
    #[prost(string, repeated, tag = "1")]
    pub affected_paths: Vec<String>,
    /// Instances that stay.
    #[prost(message, repeated, tag = "2")]
    pub unaffected_path_errs: Vec<PathError>,
}

impl DeletedObjectResult {
    /// A result for `requested_path`.
    #[must_use]
    pub fn new(requested_path: impl Into<String>, outcome: DeleteOutcome) -> Self {
        Self { requested_path: requested_path.into(), oper_status: Some(DeleteStatus { outcome: Some(outcome) }) }
    }

    /// Removed or not, if it says.
    #[must_use]
    pub fn outcome(&self) -> Option<&DeleteOutcome> {
        self.oper_status.as_ref()?.outcome.as_ref()
    }
}
