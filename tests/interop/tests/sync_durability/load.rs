use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use sangam_sync_client::Refusal;
use sangam_testkit::{Server, WAIT_MAX, wait_until};
use tokio::runtime::Runtime;

use crate::device::Device;

/// Devices that push without end, two of each database.
pub(crate) struct Load {
    pub(crate) url: String,
    pub(crate) devices: Vec<Arc<Device>>,
    pub(crate) runtime: Runtime,
    stop: Arc<AtomicBool>,
}

/// Here each operation makes an entity: a pull gives all of them.
pub(crate) const MADE: &str = "made";
/// Here entities are edited again and again: a pull leaves out what was overtaken.
pub(crate) const EDITED: &str = "edited";
/// Both are written by the same commits.
pub(crate) const DATABASES: [&str; 2] = [MADE, EDITED];

impl Load {
    /// Begins to push to `server`, and to whatever stands in its place later.
    pub(crate) fn start(server: &Server) -> Result<Self> {
        let url = format!("http://{}", server.listener("http")?);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let stop = Arc::<AtomicBool>::default();
        let mut devices = Vec::new();
        for db in DATABASES {
            for name in ["a", "b"] {
                let device = Arc::new(Device::new(&url, db, name)?);
                runtime.spawn(Arc::clone(&device).run(Arc::clone(&stop)));
                devices.push(device);
            }
        }
        Ok(Self { url, devices, runtime, stop })
    }

    /// Waits until each device has had so many more operations acknowledged.
    pub(crate) fn wait_for_acked(&self, more: u64) -> Result<()> {
        for device in &self.devices {
            let wanted = device.book().acked + more;
            let what = format!("operation {wanted} of {} to be acknowledged", device.name);
            wait_until(&what, WAIT_MAX, || self.right().map(|()| (device.book().acked >= wanted).then_some(())))?;
        }
        Ok(())
    }

    /// Waits until some device was asked to come back later once more than `before` times.
    pub(crate) fn wait_for_refusal(&self, before: usize) -> Result<()> {
        wait_until("a push that is refused", WAIT_MAX, || {
            self.right().map(|()| (self.refusals().len() > before).then_some(()))
        })
    }

    /// Everything that asked a device to come back later.
    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        self.devices.iter().flat_map(|device| device.book().refusals.clone()).collect()
    }

    /// Requests of all devices that got no answer.
    pub(crate) fn unanswered(&self) -> usize {
        self.devices.iter().map(|device| device.book().unanswered).sum()
    }

    /// That no answer was wrong so far.
    pub(crate) fn right(&self) -> Result<()> {
        for device in &self.devices {
            if let Some(wrong) = &device.book().wrong {
                bail!("{} of {} was told: {wrong}", device.name, device.db);
            }
        }
        Ok(())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
