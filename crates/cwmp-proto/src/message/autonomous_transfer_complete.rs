use crate::wire::structure;
use crate::{DateTime, FaultStruct, Url};

/// A transfer ended that the ACS did not ask for (TR-069 Amendment 6 Annex A.3.3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutonomousTransferComplete {
    /// Where the CPE heard of it; may be empty.
    pub announce_url: Url,
    /// From or to where.
    pub transfer_url: Url,
    /// Else an upload.
    pub is_download: bool,
    /// Such as `1 Firmware Upgrade Image`.
    pub file_type: String,
    /// Bytes; 0 if not known.
    pub file_size: u64,
    /// May be empty.
    pub target_file_name: String,
    /// `None`: it went well.
    pub fault: Option<FaultStruct>,
    /// When it began.
    pub start_time: DateTime,
    /// When it ended.
    pub complete_time: DateTime,
}

/// The ACS has taken note of an [`AutonomousTransferComplete`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutonomousTransferCompleteResponse;

structure!(AutonomousTransferComplete {
    "AnnounceURL" => announce_url,
    "TransferURL" => transfer_url,
    "IsDownload" => is_download,
    "FileType" => file_type,
    "FileSize" => file_size,
    "TargetFileName" => target_file_name,
    "FaultStruct" => fault,
    "StartTime" => start_time,
    "CompleteTime" => complete_time,
});
structure!(AutonomousTransferCompleteResponse {});
