use std::collections::BTreeMap;

/// Asks for values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Get {
    /// Paths of objects, instances and parameters, or searches for them.
    #[prost(string, repeated, tag = "1")]
    pub param_paths: Vec<String>,
    /// How many levels of objects to answer with; 0 for all.
    #[prost(fixed32, tag = "2")]
    pub max_depth: u32,
}

/// Answers [`Get`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetResp {
    /// One for each path asked for.
    #[prost(message, repeated, tag = "1")]
    pub req_path_results: Vec<RequestedPathResult>,
}

/// What one path of a [`Get`] gave.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestedPathResult {
    /// The path asked for.
    #[prost(string, tag = "1")]
    pub requested_path: String,
    /// 0, or why nothing was found.
    #[prost(fixed32, tag = "2")]
    pub err_code: u32,
    /// In words.
    #[prost(string, tag = "3")]
    pub err_msg: String,
    /// One for each object.
    #[prost(message, repeated, tag = "4")]
    pub resolved_path_results: Vec<ResolvedPathResult>,
}

/// Values of one object. They are not shown by `Debug`.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct ResolvedPathResult {
    /// The object, with instance numbers.
    #[prost(string, tag = "1")]
    pub resolved_path: String,
    /// Values by parameter, relative to the object.
    #[prost(btree_map = "string, string", tag = "2")]
    pub result_params: BTreeMap<String, String>,
}

/// Asks which instances there are.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetInstances {
    /// Paths of tables, or searches for them.
    #[prost(string, repeated, tag = "1")]
    pub obj_paths: Vec<String>,
    /// Whether tables within are left out.
    #[prost(bool, tag = "2")]
    pub first_level_only: bool,
}

/// Answers [`GetInstances`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetInstancesResp {
    /// One for each path asked for.
    #[prost(message, repeated, tag = "1")]
    pub req_path_results: Vec<InstancesPathResult>,
}

/// What one path of a [`GetInstances`] gave.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InstancesPathResult {
    /// The path asked for.
    #[prost(string, tag = "1")]
    pub requested_path: String,
    /// 0, or why nothing was found.
    #[prost(fixed32, tag = "2")]
    pub err_code: u32,
    /// In words.
    #[prost(string, tag = "3")]
    pub err_msg: String,
    /// The instances.
    #[prost(message, repeated, tag = "4")]
    pub curr_insts: Vec<CurrInstance>,
}

/// An instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CurrInstance {
    /// Its path, with instance numbers.
    #[prost(string, tag = "1")]
    pub instantiated_obj_path: String,
    /// Values of its unique keys.
    #[prost(btree_map = "string, string", tag = "2")]
    pub unique_keys: BTreeMap<String, String>,
}
