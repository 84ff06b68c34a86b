use crate::wire::{item, numbered, structure};

/// Asks which transfers the ACS asked for wait (TR-069 Amendment 6 Annex A.4.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetQueuedTransfers;

/// They.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetQueuedTransfersResponse {
    /// At most 16.
    pub transfers: Vec<QueuedTransfer>,
}

/// A transfer that waits (`QueuedTransferStruct`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueuedTransfer {
    /// That of the request.
    pub command_key: String,
    /// How far it is.
    pub state: TransferState,
}

/// Asks which transfers wait, whoever asked for them (TR-069 Amendment 6 Annex A.4.1.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetAllQueuedTransfers;

/// They.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetAllQueuedTransfersResponse {
    /// At most 16.
    pub transfers: Vec<AnyQueuedTransfer>,
}

/// A transfer that waits, whoever asked for it (`AllQueuedTransferStruct`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnyQueuedTransfer {
    /// That of the request; empty if the ACS did not ask.
    pub command_key: String,
    /// How far it is.
    pub state: TransferState,
    /// Else an upload.
    pub is_download: bool,
    /// Such as `1 Firmware Upgrade Image`.
    pub file_type: String,
    /// Bytes; 0 if not known.
    pub file_size: u64,
    /// May be empty.
    pub target_file_name: String,
}

/// How far a transfer is (`TransferStateType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransferState {
    /// 1
    #[default]
    NotStarted,
    /// 2
    InProgress,
    /// 3: done, and the ACS has not heard of it.
    Completed,
    /// No standard says what it means.
    Other(u32),
}

impl TransferState {
    /// What a number means.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            1 => Self::NotStarted,
            2 => Self::InProgress,
            3 => Self::Completed,
            other => Self::Other(other),
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::NotStarted => 1,
            Self::InProgress => 2,
            Self::Completed => 3,
            Self::Other(number) => number,
        }
    }
}

structure!(GetQueuedTransfers {});
structure!(GetQueuedTransfersResponse { "TransferList" => transfers, });
structure!(QueuedTransfer { "CommandKey" => command_key, "State" => state, });
item!(QueuedTransfer = "QueuedTransferStruct", Items);
structure!(GetAllQueuedTransfers {});
structure!(GetAllQueuedTransfersResponse { "TransferList" => transfers, });
structure!(AnyQueuedTransfer {
    "CommandKey" => command_key,
    "State" => state,
    "IsDownload" => is_download,
    "FileType" => file_type,
    "FileSize" => file_size,
    "TargetFileName" => target_file_name,
});
item!(AnyQueuedTransfer = "AllQueuedTransferStruct", Items);
numbered!(TransferState);
