use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sangam_device_proto::device::{Device, State};
use sangam_storage::devices::{DeviceId, DeviceQuery};

use crate::names::NamesError;
use crate::reading::read;
use crate::service::Service;
use crate::{alarms, provisioning};

/// From one step to the next.
const INTERVAL: Duration = Duration::from_secs(1);
/// Devices of one step: 100,000 are gone through in less than two minutes.
const AT_ONCE: usize = 1_000;

/// How many devices come when they should, as the last whole round has found it.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    online: AtomicU64,
    offline: AtomicU64,
    rounds: AtomicU64,
}

impl Presence {
    /// Enrolled devices that come when they should, and those that do not. `None`: no round is over.
    pub(crate) fn counts(&self) -> Option<(u64, u64)> {
        let is_known = self.rounds.load(Ordering::Acquire) > 0;
        is_known.then(|| (self.online.load(Ordering::Relaxed), self.offline.load(Ordering::Relaxed)))
    }

    fn counted(&self, online: u64, offline: u64) {
        self.online.store(online, Ordering::Relaxed);
        self.offline.store(offline, Ordering::Relaxed);
        self.rounds.fetch_add(1, Ordering::Release);
    }
}

/// Goes round all devices: who does not come is told, and who does not come by itself (USP) is looked at. It goes on for as long as
/// there is a server.
pub(crate) async fn run(service: Weak<Service>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round = Round::default();
    loop {
        ticks.tick().await;
        let Some(service) = service.upgrade() else { return };
        if let Err(error) = round.step(&service).await {
            let error = sangam_storage::with_sources(&error);
            tracing::warn!(error, "devices that do not come could not be looked for; it is tried again");
        }
    }
}

#[derive(Debug, Default)]
struct Round {
    after: Option<DeviceId>,
    online: u64,
    offline: u64,
}

impl Round {
    async fn step(&mut self, service: &Arc<Service>) -> Result<(), NamesError> {
        let query = DeviceQuery { after: self.after, limit: AT_ONCE, scan_max: AT_ONCE, ..DeviceQuery::default() };
        let page = read(&service.readers, move |snapshot| snapshot.devices(&query)).await?;
        for mut device in page.devices {
            if let Some(seen) = service.seen.get(device.id) {
                device.seen = seen;
            }
            if device.state == State::Enrolled {
                self.one(service, &device).await?;
            }
        }
        self.after = page.next;
        if self.after.is_none() {
            service.presence.counted(self.online, self.offline);
            *self = Self::default();
        }
        Ok(())
    }

    async fn one(&mut self, service: &Arc<Service>, device: &Device) -> Result<(), NamesError> {
        let silent = silence(service, device);
        match silent {
            None => self.online += 1,
            Some(_) => self.offline += 1,
        }
        // What was missed while nobody listened says nothing.
        let is_told = device.seen.last_ms > 0 && service.alarms.options().missed_informs > 0;
        if let Some(silent) = silent.filter(|_| is_told)
            && silent.here_ms >= silent.allowed_ms
        {
            alarms::offline(service, device, silent.ms).await?;
        }
        let is_asked = !device.protocols.usp.is_empty() || device.endpoint.is_some();
        if is_asked && service.provisioning.is_due(device.id, service.now_ms()) {
            provisioning::look(service, device, false).await?;
        }
        Ok(())
    }
}

/// For how long a device that should have come did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Silence {
    ms: u64,
    /// Of that, since we began.
    here_ms: u64,
    allowed_ms: u64,
}

/// `None`: it has not been silent for too long.
fn silence(service: &Service, device: &Device) -> Option<Silence> {
    if service.agents.connected_over(device.id).is_some() {
        // It has nothing to say.
        return None;
    }
    let options = service.alarms.options();
    let allowed = match device.periodic.interval_secs {
        0 => options.offline_after,
        secs => Duration::from_secs(u64::from(secs)).saturating_mul(options.missed_informs.max(1)),
    };
    let (allowed_ms, now_ms) = (u64::try_from(allowed.as_millis()).unwrap_or(u64::MAX), service.now_ms());
    let ms = now_ms.saturating_sub(device.seen.last_ms);
    let here_ms = now_ms.saturating_sub(device.seen.last_ms.max(service.began_ms));
    (ms > allowed_ms).then_some(Silence { ms, here_ms, allowed_ms })
}
