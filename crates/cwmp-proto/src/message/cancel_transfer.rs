use crate::wire::structure;

/// Cancels transfers that wait (TR-069 Amendment 6 Annex A.4.1.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelTransfer {
    /// Of all of them. At most 32 characters.
    pub command_key: String,
}

/// They are cancelled, or there were none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelTransferResponse;

structure!(CancelTransfer { "CommandKey" => command_key, });
structure!(CancelTransferResponse {});
