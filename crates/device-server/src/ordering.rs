use sangam_storage::devices::DeviceId;
use tokio::sync::{Mutex, MutexGuard};

/// Devices of which nothing is ordered at the same time share one of these.
const STRIPES: usize = 64;

/// Lets one at a time count the tasks of a device and add another, so that none passes the bound.
#[derive(Debug)]
pub(crate) struct Ordering([Mutex<()>; STRIPES]);

impl Default for Ordering {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Ordering {
    /// Held from the count until the task is durable.
    pub(crate) async fn of(&self, device: DeviceId) -> MutexGuard<'_, ()> {
        let at = usize::try_from(device.0 % STRIPES as u64).unwrap_or_default();
        self.0[at].lock().await
    }
}
