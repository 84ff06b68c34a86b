use super::Failure;

/// An agent offers parts of the data model to a broker (1.3).
#[derive(Clone, PartialEq, prost::Message)]
pub struct Register {
    /// Whether some may fail and the others stay.
    #[prost(bool, tag = "1")]
    pub allow_partial: bool,
    /// What it offers.
    #[prost(message, repeated, tag = "2")]
    pub reg_paths: Vec<RegistrationPath>,
}

/// A path that is offered.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RegistrationPath {
    /// Without instance numbers.
    #[prost(string, tag = "1")]
    pub path: String,
}

/// Answers [`Register`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct RegisterResp {
    /// One for each path.
    #[prost(message, repeated, tag = "1")]
    pub registered_path_results: Vec<RegisteredPathResult>,
}

/// What became of one path of a [`Register`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct RegisteredPathResult {
    /// The path asked for.
    #[prost(string, tag = "1")]
    pub requested_path: String,
    /// Taken or not.
    #[prost(message, optional, tag = "2")]
    pub oper_status: Option<RegisterStatus>,
}

/// Taken or not.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RegisterStatus {
    /// Which.
    #[prost(oneof = "RegisterOutcome", tags = "1, 2")]
    pub outcome: Option<RegisterOutcome>,
}

/// Taken or not.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum RegisterOutcome {
    /// It failed.
    #[prost(message, tag = "1")]
    Failure(Failure),
    /// It is registered.
    #[prost(message, tag = "2")]
    Success(RegisteredPath),
}

/// A path that is registered.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RegisteredPath {
    /// The path.
    #[prost(string, tag = "1")]
    pub registered_path: String,
}

/// An agent takes back what it offered (1.3).
#[derive(Clone, PartialEq, prost::Message)]
pub struct Deregister {
    /// What; an empty path is everything (R-DEREG.2).
    #[prost(string, repeated, tag = "1")]
    pub paths: Vec<String>,
}

/// Answers [`Deregister`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeregisterResp {
    /// One for each path.
    #[prost(message, repeated, tag = "1")]
    pub deregistered_path_results: Vec<DeregisteredPathResult>,
}

/// What became of one path of a [`Deregister`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeregisteredPathResult {
    /// The path asked for.
    #[prost(string, tag = "1")]
    pub requested_path: String,
    /// Gone or not.
    #[prost(message, optional, tag = "2")]
    pub oper_status: Option<DeregisterStatus>,
}

/// Gone or not.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeregisterStatus {
    /// Which.
    #[prost(oneof = "DeregisterOutcome", tags = "1, 2")]
    pub outcome: Option<DeregisterOutcome>,
}

/// Gone or not.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum DeregisterOutcome {
    /// It failed.
    #[prost(message, tag = "1")]
    Failure(Failure),
    /// It is gone.
    #[prost(message, tag = "2")]
    Success(DeregisteredPaths),
}

/// Paths that are registered no more.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeregisteredPaths {
    /// The paths.
    #[prost(string, repeated, tag = "1")]
    pub deregistered_path: Vec<String>,
}
