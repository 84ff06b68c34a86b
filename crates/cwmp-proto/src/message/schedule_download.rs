use crate::wire::{item, structure};
use crate::{Secret, Url};

/// Has the CPE fetch a file within windows of time (TR-069 Amendment 6 Annex A.4.1.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleDownload {
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
    /// One or two.
    pub windows: Vec<TimeWindow>,
}

/// When a transfer may happen (`TimeWindowStruct`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeWindow {
    /// Seconds from the request.
    pub start_secs: u32,
    /// Seconds from the request.
    pub end_secs: u32,
    /// Such as `3 When Idle`.
    pub mode: String,
    /// Shown if the mode asks a person. At most 256 characters.
    pub user_message: String,
    /// How often to try again within the window; -1: as the CPE likes.
    pub max_retries: i32,
}

/// The CPE will.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleDownloadResponse;

structure!(ScheduleDownload {
    "CommandKey" => command_key,
    "FileType" => file_type,
    "URL" => url,
    "Username" => username,
    "Password" => password,
    "FileSize" => file_size,
    "TargetFileName" => target_file_name,
    "TimeWindowList" => windows,
});
structure!(ScheduleDownloadResponse {});
structure!(TimeWindow {
    "WindowStart" => start_secs,
    "WindowEnd" => end_secs,
    "WindowMode" => mode,
    "UserMessage" => user_message,
    "MaxRetries" => max_retries,
});
item!(TimeWindow = "TimeWindowStruct", Items);
