use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Result, bail};
use sangam_testkit::{Server, WAIT_MAX, wait_until};

use crate::device::Device;
use crate::operator::Operator;

const DEVICES: usize = 6;

/// Devices that inform without end, and somebody who orders tasks.
pub(crate) struct Load {
    pub(crate) devices: Vec<Arc<Device>>,
    pub(crate) operator: Arc<Operator>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    stop_orders: Arc<AtomicBool>,
    /// The disk failed under the server at some time: what devices answered then may be lost, and is told as that.
    disk_failed: AtomicBool,
}

impl Load {
    /// Begins, at `server` and at whatever stands in its place later.
    pub(crate) fn start(server: &Server) -> Result<Self> {
        let addr = server.listener("http")?;
        let (stop, stop_orders) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let operator = Arc::new(Operator::of(server)?);
        let devices: Vec<Arc<Device>> =
            (0..DEVICES).map(|number| Arc::new(Device::new(addr, format!("D{number}")))).collect();
        let mut threads = Vec::new();
        for device in &devices {
            let (device, stop) = (Arc::clone(device), Arc::clone(&stop));
            threads.push(thread::spawn(move || device.run(&stop)));
        }
        let (orders, ordered, until) = (Arc::clone(&operator), devices.clone(), Arc::clone(&stop_orders));
        threads.push(thread::spawn(move || orders.run(&ordered, &until)));
        Ok(Self { devices, operator, threads, stop, stop_orders, disk_failed: AtomicBool::new(false) })
    }

    /// Waits until each device had so many more Informs answered, and as many tasks more were done.
    pub(crate) fn wait_for_progress(&self, more: u64) -> Result<()> {
        let wanted: Vec<u64> = self.devices.iter().map(|device| device.book().acked + more).collect();
        let tasks = self.answered() + usize::try_from(more)?;
        wait_until("devices to be thanked and tasks to be done", WAIT_MAX, || {
            self.right()?;
            let are_heard = self.devices.iter().zip(&wanted).all(|(device, wanted)| device.book().acked >= *wanted);
            Ok((are_heard && self.answered() >= tasks).then_some(()))
        })
    }

    fn answered(&self) -> usize {
        self.devices.iter().map(|device| device.book().answered.len()).sum()
    }

    /// How often devices were asked to come later.
    pub(crate) fn refusals(&self) -> usize {
        self.devices.iter().map(|device| device.book().refused).sum()
    }

    /// Waits until one was, once more than that.
    pub(crate) fn wait_for_refusal(&self, before: usize) -> Result<()> {
        wait_until("a device that is asked to come later", WAIT_MAX, || {
            self.right().map(|()| (self.refusals() > before).then_some(()))
        })
    }

    /// From now on the disk may have failed.
    pub(crate) fn disk_fails(&self) {
        self.disk_failed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_disk_failed(&self) -> bool {
        self.disk_failed.load(Ordering::Relaxed)
    }

    /// Orders nothing more, and waits until nothing is under way.
    pub(crate) fn settle(&self) -> Result<()> {
        self.stop_orders.store(true, Ordering::Relaxed);
        wait_until("every task to be over, or to wait for another attempt", WAIT_MAX, || {
            self.right()?;
            let tasks = self.operator.list("/api/v1/tasks")?;
            let is_open = |task: &serde_json::Value| match task["state"].as_str() {
                Some("queued") => task["attempts"] == 0,
                Some("sent" | "awaiting_transfer") => true,
                _ => false,
            };
            Ok((!tasks.iter().any(is_open)).then_some(()))
        })
    }

    /// That no answer was wrong so far.
    pub(crate) fn right(&self) -> Result<()> {
        for device in &self.devices {
            if let Some(wrong) = &device.book().wrong {
                bail!("{}: {wrong}", device.serial);
            }
        }
        if let Some(wrong) = self.operator.wrong() {
            bail!("the operator: {wrong}");
        }
        Ok(())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.stop_orders.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has shown why.
            drop(thread.join());
        }
    }
}
