use futures_util::future::BoxFuture;
use sangam_types::Wall;
use serde::{Deserialize, Serialize};

use crate::device_admin::{DeviceAdminError, DeviceList};
use crate::device_profiles::Once;
use crate::timestamp;

/// What devices are to tell by themselves.
pub trait DeviceSubscriptions: Send + Sync {
    /// Subscriptions in order of devices and ids, of one device or of all, those behind the cursor.
    fn subscriptions(
        &self,
        device: Option<String>,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<DeviceList<DeviceSubscription>, DeviceAdminError>>;

    /// One subscription of a device.
    fn subscription(&self, device: String, id: String) -> BoxFuture<'_, Result<DeviceSubscription, DeviceAdminError>>;

    /// Puts one there, in the place of the one of that id; without an id it gets one. Whether it is new.
    fn put(
        &self,
        device: String,
        id: Option<String>,
        wanted: SubscriptionWanted,
        once: Once,
    ) -> BoxFuture<'_, Result<(DeviceSubscription, bool), DeviceAdminError>>;

    /// Takes one away.
    fn remove(&self, device: String, id: String) -> BoxFuture<'_, Result<(), DeviceAdminError>>;
}

/// A subscription as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionWanted {
    /// `ValueChange`, `ObjectCreation`, `ObjectDeletion`, `OperationComplete` or `Event`; devices that speak CWMP alone know
    /// `ValueChange` only.
    pub notify: String,
    /// Of which parameters, objects, commands or events; at most 32.
    pub paths: Vec<String>,
    /// Whether it outlives the agent's boot.
    #[serde(default = "yes")]
    pub persistent: bool,
    /// Whether it is told until it is answered; in CWMP, whether the device comes for it at once (active) or tells it with its next
    /// Inform (passive).
    #[serde(default = "yes")]
    pub retry: bool,
}

fn yes() -> bool {
    true
}

/// A subscription of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceSubscription {
    /// At which device.
    pub device: String,
    /// Its id there.
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub wanted: SubscriptionWanted,
    /// Whether the device has it, as far as it is known.
    pub is_set: bool,
    /// When it was made.
    #[serde(with = "timestamp")]
    pub created_at: Wall,
}
