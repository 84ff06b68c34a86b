use super::Status;
use crate::wire::structure;
use crate::{DateTime, Secret, Url};

/// Has the CPE fetch a file (TR-069 Amendment 6 Annex A.3.2.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Download {
    /// Comes back with the TransferComplete. At most 32 characters.
    pub command_key: String,
    /// Such as `1 Firmware Upgrade Image`.
    pub file_type: String,
    /// From where.
    pub url: Url,
    /// For the file server; may be empty.
    pub username: String,
    /// For the file server; may be empty.
    pub password: Secret,
    /// Bytes; 0 if not known.
    pub file_size: u64,
    /// May be empty.
    pub target_file_name: String,
    /// Seconds to wait before it begins.
    pub delay_secs: u32,
    /// Where a browser goes if it went well; may be empty.
    pub success_url: Url,
    /// Where a browser goes if it did not; may be empty.
    pub failure_url: Url,
}

/// The file is there, or a TransferComplete will follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownloadResponse {
    /// [`Status::Later`]: a TransferComplete follows.
    pub status: Status,
    /// When it began; unknown if it has not ended.
    pub start_time: DateTime,
    /// When it ended; unknown if it has not.
    pub complete_time: DateTime,
}

structure!(Download {
    "CommandKey" => command_key,
    "FileType" => file_type,
    "URL" => url,
    "Username" => username,
    "Password" => password,
    "FileSize" => file_size,
    "TargetFileName" => target_file_name,
    "DelaySeconds" => delay_secs,
    "SuccessURL" => success_url,
    "FailureURL" => failure_url,
});
structure!(DownloadResponse { "Status" => status, "StartTime" => start_time, "CompleteTime" => complete_time, });
