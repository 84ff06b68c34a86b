use futures_util::future::BoxFuture;
use sangam_types::Wall;
use serde::Serialize;

use crate::device_admin::{DeviceAdminError, DeviceList};
use crate::timestamp;

/// What is wrong with devices.
pub trait DeviceAlarms: Send + Sync {
    /// Alarms, newest first.
    fn alarms(&self, filter: AlarmFilter) -> BoxFuture<'_, Result<DeviceList<DeviceAlarm>, DeviceAdminError>>;

    /// One alarm.
    fn alarm(&self, id: u64) -> BoxFuture<'_, Result<DeviceAlarm, DeviceAdminError>>;

    /// Somebody has seen it. Of one that somebody has seen, or that is over, nothing changes.
    fn acknowledge(&self, id: u64, by: String) -> BoxFuture<'_, Result<DeviceAlarm, DeviceAdminError>>;

    /// It is over. Of one that is over, nothing changes.
    fn clear(&self, id: u64, by: String, resolution: String) -> BoxFuture<'_, Result<DeviceAlarm, DeviceAdminError>>;

    /// How many there are.
    fn stats(&self) -> BoxFuture<'_, Result<AlarmStats, DeviceAdminError>>;
}

/// Which alarms are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmFilter {
    /// Of this device alone.
    pub device: Option<String>,
    /// `active`, `acknowledged` or `cleared`.
    pub status: Option<String>,
    /// `info` … `critical`: at least as bad.
    pub severity: Option<String>,
    /// Of this category.
    pub category: Option<String>,
    /// Of this type.
    pub alarm_type: Option<String>,
    /// Those before it.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// An alarm: one for a device and a type while it is not cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceAlarm {
    /// Its number.
    pub id: u64,
    /// Of which device; `None`: it is forgotten.
    pub device: Option<String>,
    /// One word: `offline`, `transfer_failed` …
    pub alarm_type: String,
    /// `info`, `warning`, `minor`, `major` or `critical`.
    pub severity: &'static str,
    /// `active`, `acknowledged` or `cleared`.
    pub status: &'static str,
    /// `connectivity`, `security`, `provisioning`, `task` or `device`.
    pub category: String,
    /// One line.
    pub title: String,
    /// More of it.
    pub description: String,
    /// More, for programs; `null`: nothing.
    pub metadata: serde_json::Value,
    /// How often it was raised.
    pub count: u64,
    /// How often of that nothing was written, as it was too often.
    pub suppressed: u64,
    /// When it was raised first.
    #[serde(with = "timestamp")]
    pub raised_at: Wall,
    /// When it was raised last.
    #[serde(with = "timestamp")]
    pub last_raised_at: Wall,
    /// Who has seen it.
    pub acknowledged_by: Option<String>,
    /// When.
    #[serde(with = "timestamp::option")]
    pub acknowledged_at: Option<Wall>,
    /// When it was over.
    #[serde(with = "timestamp::option")]
    pub cleared_at: Option<Wall>,
    /// Who has said so, or what happened.
    pub resolution: String,
}

/// How many alarms there are that are not cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AlarmStats {
    /// All of them.
    pub open: u64,
    /// By severity.
    pub critical: u64,
    /// See above.
    pub major: u64,
    /// See above.
    pub minor: u64,
    /// See above.
    pub warning: u64,
    /// See above.
    pub info: u64,
    /// Raised since the server began and not written, as there were too many.
    pub suppressed: u64,
}
