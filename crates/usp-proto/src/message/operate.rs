use std::collections::BTreeMap;

use super::Failure;

/// Runs a command. Its arguments are not shown by `Debug`.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Operate {
    /// Path of the command, or a search for it.
    #[prost(string, tag = "1")]
    pub command: String,
    /// By which the controller knows it again in [`OperationComplete`](super::OperationComplete).
    #[prost(string, tag = "2")]
    pub command_key: String,
    /// Whether an answer is wanted.
    #[prost(bool, tag = "3")]
    pub send_resp: bool,
    /// What the command takes.
    #[prost(btree_map = "string, string", tag = "4")]
    pub input_args: BTreeMap<String, String>,
}

/// Answers [`Operate`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperateResp {
    /// One for each command that the path found.
    #[prost(message, repeated, tag = "1")]
    pub operation_results: Vec<OperationResult>,
}

/// What became of one command.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationResult {
    /// Path of the command, with instance numbers.
    #[prost(string, tag = "1")]
    pub executed_command: String,
    /// How it went. A command without output may say nothing.
    #[prost(oneof = "OperateOutcome", tags = "2, 3, 4")]
    pub outcome: Option<OperateOutcome>,
}

/// How a command went.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OperateOutcome {
    /// It goes on; this is its instance of `Device.LocalAgent.Request.`.
    #[prost(string, tag = "2")]
    RequestPath(String),
    /// It is done.
    #[prost(message, tag = "3")]
    Output(OutputArgs),
    /// It failed.
    #[prost(message, tag = "4")]
    Failure(Failure),
}

/// What a command gave. Values are not shown by `Debug`.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct OutputArgs {
    /// Values by name.
    #[prost(btree_map = "string, string", tag = "1")]
    pub output_args: BTreeMap<String, String>,
}
