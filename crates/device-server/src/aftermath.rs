//! What follows from what a device has told or done, once that is durable.

use std::sync::{Arc, Weak};

use sangam_device_proto::DeviceId;
use sangam_device_proto::alarm::fault_events;
use sangam_device_proto::device::Device;
use sangam_device_proto::task::Task;
use tokio::sync::mpsc;

use crate::names::NamesError;
use crate::service::Service;
use crate::{alarms, provisioning};

/// What waits to be looked at, of the devices of one lane. What passes it is only not looked at: its device is when it comes next.
const QUEUE: usize = 1_024;
/// Devices that are seen to beside each other: what they write is written together. What one device does stays in order.
const LANES: usize = 32;

/// Where tasks go that are over, and what else others may follow from.
#[derive(Clone, Debug)]
pub(crate) struct Aftermath(Vec<mpsc::Sender<Happened>>);

/// What happened.
#[derive(Debug)]
pub(crate) enum Happened {
    /// A task is over.
    TaskOver(Box<Task>),
    /// Somebody showed a wrong login as a device, and why it is wrong.
    LoginRefused(DeviceId, &'static str),
}

impl Aftermath {
    pub(crate) fn new() -> (Self, Vec<mpsc::Receiver<Happened>>) {
        let (senders, receivers) = (0..LANES).map(|_| mpsc::channel(QUEUE)).unzip();
        (Self(senders), receivers)
    }

    /// It is looked at soon; `false`: as much waits as may.
    pub(crate) fn note(&self, what: Happened) -> bool {
        let device = match &what {
            Happened::TaskOver(task) => task.device,
            Happened::LoginRefused(device, _) => *device,
        };
        let lane = usize::try_from(device.0 % LANES as u64).unwrap_or_default();
        self.0.get(lane).is_some_and(|lane| lane.try_send(what).is_ok())
    }
}

/// Looks at what happened in one lane, one after the other, for as long as there is a server.
pub(crate) async fn run(service: Weak<Service>, mut happened: mpsc::Receiver<Happened>) {
    while let Some(what) = happened.recv().await {
        let Some(service) = service.upgrade() else { return };
        let done = match &what {
            Happened::TaskOver(task) => task_over(&service, task).await,
            Happened::LoginRefused(device, why) => alarms::login_refused(&service, *device, why).await,
        };
        warn(done);
    }
}

async fn task_over(service: &Arc<Service>, task: &Task) -> Result<(), NamesError> {
    alarms::task_over(service, task).await?;
    provisioning::settled(service, task).await
}

/// A device of ours came. `bootstrap`: it has forgotten everything. It is answered whatever comes of it: what fails is done
/// when it comes again.
pub(crate) async fn came(service: &Arc<Service>, device: &Device, bootstrap: bool, values: &[(&str, &str)]) {
    let done = async {
        alarms::served(service, device.id).await?;
        told_values(service, device.id, values).await?;
        let is_anew = bootstrap && service.provisioning.wants_anything();
        if is_anew || service.provisioning.is_due(device.id, service.now_ms()) {
            provisioning::look(service, device, bootstrap).await?;
        }
        Ok(())
    };
    warn(done.await);
}

/// A device that stays connected is.
pub(crate) async fn connected(service: &Arc<Service>, device: DeviceId) {
    warn(alarms::served(service, device).await);
}

/// A device that stays connected told values. It is thanked whatever comes of it.
pub(crate) async fn told(service: &Arc<Service>, device: DeviceId, values: &[(&str, &str)]) {
    warn(told_values(service, device, values).await);
}

/// Alarms may stand among what a device tells.
async fn told_values(service: &Arc<Service>, device: DeviceId, values: &[(&str, &str)]) -> Result<(), NamesError> {
    for event in fault_events(values.iter().copied()) {
        alarms::fault_told(service, device, &event).await?;
    }
    Ok(())
}

fn warn(done: Result<(), NamesError>) {
    if let Err(error) = done {
        let error = sangam_storage::with_sources(&error);
        tracing::warn!(error, "what follows from what a device did could not be made durable");
    }
}
