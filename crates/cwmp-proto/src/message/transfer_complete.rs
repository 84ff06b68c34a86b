use crate::wire::structure;
use crate::{DateTime, FaultStruct};

/// A transfer that the ACS asked for ended (TR-069 Amendment 6 Annex A.3.3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferComplete {
    /// That of the request; at most 32 characters.
    pub command_key: String,
    /// `None`: it went well.
    pub fault: Option<FaultStruct>,
    /// When it began.
    pub start_time: DateTime,
    /// When it ended.
    pub complete_time: DateTime,
}

/// The ACS has taken note of a [`TransferComplete`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferCompleteResponse;

structure!(TransferComplete {
    "CommandKey" => command_key,
    "FaultStruct" => fault,
    "StartTime" => start_time,
    "CompleteTime" => complete_time,
});
structure!(TransferCompleteResponse {});
