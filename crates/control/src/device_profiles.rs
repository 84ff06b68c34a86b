use futures_util::future::BoxFuture;
use sangam_types::Wall;
use serde::{Deserialize, Serialize};

use crate::device_admin::{DeviceAdminError, DeviceList};
use crate::timestamp;

/// Profiles: what devices are to be set to, by who they are.
pub trait DeviceProfiles: Send + Sync {
    /// Profiles in the order in which they were made, those after the one of that number.
    fn profiles(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'_, Result<DeviceList<DeviceProfile>, DeviceAdminError>>;

    /// One profile.
    fn profile(&self, id: u64) -> BoxFuture<'_, Result<DeviceProfile, DeviceAdminError>>;

    /// Makes one, once for each key.
    fn create(&self, wanted: ProfileWanted, once: Once) -> BoxFuture<'_, Result<DeviceProfile, DeviceAdminError>>;

    /// Puts another in its place, if it still has that revision.
    fn replace(
        &self,
        id: u64,
        wanted: ProfileWanted,
        revision: Option<u32>,
    ) -> BoxFuture<'_, Result<DeviceProfile, DeviceAdminError>>;

    /// Deletes one, if it still has that revision. Devices keep what they were set to.
    fn remove(&self, id: u64, revision: Option<u32>) -> BoxFuture<'_, Result<(), DeviceAdminError>>;

    /// What is wanted of a device, what differs, and what is done about it.
    fn of_device(&self, name: String) -> BoxFuture<'_, Result<DeviceWants, DeviceAdminError>>;

    /// Has a device told everything that is wanted of it, whatever was tried before, and calls it.
    fn apply(&self, name: String) -> BoxFuture<'_, Result<DeviceWants, DeviceAdminError>>;
}

/// Who wants something, and the key by which the same request is known when it comes again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Once {
    /// The token's subject.
    pub by: String,
    /// `None`: the request is done as often as it comes.
    pub key: Option<String>,
}

/// For whom a profile is: all that is given must fit. Of patterns, `*` stands for any text and `?` for one character.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileApplies {
    /// Six hexadecimal digits.
    pub oui: Option<String>,
    /// Exactly this.
    pub product_class: Option<String>,
    /// A pattern.
    pub manufacturer: Option<String>,
    /// A pattern.
    pub model: Option<String>,
    /// A pattern.
    pub software_version: Option<String>,
    /// A pattern; one of the device's tags is like it.
    pub tag: Option<String>,
}

/// A value that a profile wants.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileSetting {
    /// The full path of the parameter.
    pub path: String,
    /// What it shall be. Of a hidden one, never told; `None` in an order: as it was.
    #[serde(default)]
    pub value: Option<String>,
    /// `string`, `int`, `unsignedInt`, `boolean`, `dateTime` …
    #[serde(rename = "type", default = "string")]
    pub kind: String,
    /// The device does not show it, as with passwords: nor does the API.
    #[serde(default)]
    pub hidden: bool,
}

fn string() -> String {
    "string".to_owned()
}

/// Never a value: there may be passwords.
impl std::fmt::Debug for ProfileSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.path, self.kind)
    }
}

/// A profile as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileWanted {
    /// Its name, for operators: 1 to 128 characters.
    pub name: String,
    /// Whether it counts.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Of two that want something of the same parameter the higher one has it.
    #[serde(default)]
    pub priority: i32,
    /// For whom it is.
    #[serde(default)]
    pub applies: ProfileApplies,
    /// What it wants.
    pub values: Vec<ProfileSetting>,
}

fn yes() -> bool {
    true
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceProfile {
    /// Its number.
    pub id: u64,
    /// How often it was written.
    pub revision: u32,
    /// For operators.
    pub name: String,
    /// Whether it counts.
    pub enabled: bool,
    /// Higher ones win.
    pub priority: i32,
    /// For whom it is.
    pub applies: ProfileApplies,
    /// What it wants.
    pub values: Vec<ProfileSetting>,
    /// When it was made.
    #[serde(with = "timestamp")]
    pub created_at: Wall,
}

/// What is wanted of a device and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceWants {
    /// As of [`ManagedDevice::id`](crate::ManagedDevice::id).
    pub device: String,
    /// `none`: nothing is wanted; `held`: it is as it shall be; `due`: it is told in its next session; `under_way`: in this task;
    /// `waiting`: it has not taken it, or not kept it, and is told again later.
    pub state: &'static str,
    /// For people: why it is so; empty where there is nothing to say.
    pub reason: String,
    /// The task by which it is told, or was told last.
    pub task: Option<u64>,
    /// Of `waiting`: when it is told again.
    #[serde(with = "timestamp::option")]
    pub next_try_at: Option<Wall>,
    /// The profiles that are for it, the one that wins first.
    pub profiles: Vec<WantedBy>,
    /// What is wanted, in order of paths.
    pub values: Vec<WantedValue>,
}

/// A profile that is for a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WantedBy {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Higher ones win.
    pub priority: i32,
    /// How often it was written.
    pub revision: u32,
}

/// One value that is wanted of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WantedValue {
    /// Its parameter.
    pub path: String,
    /// What it shall be; `null` of a hidden one.
    pub value: Option<String>,
    /// `string` …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whether it is never shown.
    pub hidden: bool,
    /// By the profile of this number.
    pub profile: u64,
    /// What the device says that it is; `null`: it has not said, or it is hidden.
    pub current: Option<String>,
    /// `held`, `differs`, `unknown` (the device has not said); of a hidden one `told` or `not_told`.
    pub state: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_wanted_is_never_printed() {
        let body = r#"{"name":"n","values":[{"path":"Device.A","value":"hunter2","hidden":true}]}"#;
        let wanted: ProfileWanted = serde_json::from_str(body).unwrap();
        assert!(wanted.enabled && !format!("{wanted:?}").contains("hunter2"), "{wanted:?}");
        assert!(serde_json::from_str::<ProfileWanted>(r#"{"name":"n","values":[],"prioritie":1}"#).is_err());
    }
}
