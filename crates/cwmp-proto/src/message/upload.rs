use super::Status;
use crate::wire::structure;
use crate::{DateTime, Secret, Url};

/// Has the CPE send a file (TR-069 Amendment 6 Annex A.4.1.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upload {
    /// Comes back with the TransferComplete. At most 32 characters.
    pub command_key: String,
    /// Such as `3 Vendor Configuration File 1`.
    pub file_type: String,
    /// To where.
    pub url: Url,
    /// For the file server; may be empty.
    pub username: String,
    /// For the file server; may be empty.
    pub password: Secret,
    /// Seconds to wait before it begins.
    pub delay_secs: u32,
}

/// The file is sent, or a TransferComplete will follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadResponse {
    /// [`Status::Later`]: a TransferComplete follows.
    pub status: Status,
    /// When it began; unknown if it has not ended.
    pub start_time: DateTime,
    /// When it ended; unknown if it has not.
    pub complete_time: DateTime,
}

structure!(Upload {
    "CommandKey" => command_key,
    "FileType" => file_type,
    "URL" => url,
    "Username" => username,
    "Password" => password,
    "DelaySeconds" => delay_secs,
});
structure!(UploadResponse { "Status" => status, "StartTime" => start_time, "CompleteTime" => complete_time, });
