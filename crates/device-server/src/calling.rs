//! Calls: a device that something waits for is asked to begin a session (TR-069 Amendment 6 §3.2.2).
//!
//! One call of a device is under way at a time, and whoever wants another meanwhile gets what comes of that one. From one to the
//! next some seconds pass, as devices refuse what comes sooner; a device that came by itself meanwhile is not called. Devices tell
//! where they are called, so only addresses are called that [`reach`] lets through.
//!
//! A device may be called by HTTP ([`http`]), through the NAT that it is behind ([`udp`]) and through its XMPP server ([`xmpp`]): they
//! are tried in that order, and why each failed is kept. Whatever comes of it, what waits is done when the device comes by itself.

mod attempts;
mod called;
mod get;
mod http;
mod reach;
mod recent;
mod resolver;
mod stamps;
mod tls;
mod told;
mod udp;
mod xmpp;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sangam_control::KeptBinding;
use sangam_cwmp_proto::connection_request::Host;
use sangam_device_proto::DeviceId;
use sangam_device_proto::device::{Device, State};
use sangam_device_proto::task::{Report, Task, TaskState};
use sangam_storage::devices::{Change, Row};
use sangam_types::{Mono, Wall};
use tokio::sync::{Semaphore, watch};

pub(crate) use self::attempts::{Attempts, CallKind, LastCall};
pub(crate) use self::called::Called;
use self::reach::Rule;
use self::recent::Recent;
use self::resolver::Resolver;
use self::stamps::StampSource;
use self::tls::Tls;
use self::udp::Arrivals;
pub(crate) use self::udp::hear_bindings;
use self::xmpp::Xmpp;
pub(crate) use self::xmpp::run as run_xmpp;
use crate::options::CallOptions;
use crate::reading::read;
use crate::service::Service;

/// What comes of a call, once it is known.
pub(crate) type Ringing = watch::Receiver<Option<Called>>;

/// All calls.
#[derive(Debug)]
pub(crate) struct Calls {
    options: CallOptions,
    permits: Arc<Semaphore>,
    lines: Mutex<HashMap<DeviceId, Line>>,
    /// Where the last session of each device came from.
    origins: Mutex<Recent<DeviceId, IpAddr>>,
    /// What came of the last call of each.
    last: Mutex<Recent<DeviceId, LastCall>>,
    /// The bindings that devices keep open, by the names that they log in to STUN with.
    bindings: Mutex<Recent<Box<str>, KeptBinding>>,
    /// Who waits for a device to come.
    arrivals: Arrivals,
    resolver: Resolver,
    stamps: StampSource,
    tls: Tls,
    xmpp: Option<Xmpp>,
}

/// A device that is called, or was a moment ago.
#[derive(Debug)]
enum Line {
    Ringing(Ringing),
    /// The last call ended then.
    Ended(Mono),
}

impl Calls {
    pub(crate) fn new(options: &CallOptions, now: Wall) -> Self {
        Self {
            options: options.clone(),
            permits: Arc::new(Semaphore::new(options.at_once.max(1))),
            lines: Mutex::default(),
            origins: Mutex::new(Recent::new(options.addresses_max)),
            last: Mutex::new(Recent::new(options.addresses_max)),
            bindings: Mutex::new(Recent::new(options.bindings_max)),
            arrivals: Arrivals::default(),
            resolver: Resolver::new(options.lookups_max),
            stamps: StampSource::open(options.stamp_file.clone(), now),
            tls: Tls::default(),
            xmpp: options.xmpp.as_ref().map(Xmpp::new),
        }
    }

    /// A device is served in a session that came from there.
    pub(crate) fn came_from(&self, device: DeviceId, from: IpAddr) {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).note(device, from.to_canonical());
        self.arrivals.came(device);
    }

    /// What came of the last call of a device, if that is remembered.
    pub(crate) fn last_call(&self, device: DeviceId) -> Option<LastCall> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).get(&device)
    }

    /// The connection with the XMPP server, if there is to be one.
    pub(crate) fn xmpp(&self) -> Option<&Xmpp> {
        self.xmpp.as_ref()
    }

    /// The addresses of a host at which a device may be called.
    async fn addresses(&self, host: &Host, port: u16, rule: Rule) -> Result<Vec<SocketAddr>, Called> {
        let resolved = reach::addresses(&self.resolver, host, port, rule);
        tokio::time::timeout(self.options.connect_timeout, resolved).await.unwrap_or(Err(Called::Timeout))
    }

    fn origin(&self, device: DeviceId) -> Option<IpAddr> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).get(&device)
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<DeviceId, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only a device that heard us needs to rest.
    fn ended(&self, device: DeviceId, called: Called, now: Mono) {
        let mut lines = self.lines();
        if called.was_asked() {
            lines.insert(device, Line::Ended(now));
        } else {
            lines.remove(&device);
        }
    }

    /// A line for another call: the call that is to be shared, or where this one tells its end and how long it has to wait.
    fn line(&self, device: DeviceId, now: Mono) -> Result<(watch::Sender<Option<Called>>, Ringing, Duration), Ringing> {
        let mut lines = self.lines();
        let pause = match lines.get(&device) {
            // One whose sender is gone was cut off.
            Some(Line::Ringing(ringing)) if ringing.has_changed().is_ok() => return Err(ringing.clone()),
            Some(Line::Ended(at)) => self.options.interval.saturating_sub(now.saturating_since(*at)),
            Some(Line::Ringing(_)) | None => Duration::ZERO,
        };
        if lines.len() >= self.options.waiting_max && !lines.contains_key(&device) {
            let interval = self.options.interval;
            lines.retain(|_, line| match line {
                Line::Ringing(ringing) => ringing.has_changed().is_ok(),
                Line::Ended(at) => now.saturating_since(*at) < interval,
            });
            if lines.len() >= self.options.waiting_max {
                return Err(watch::channel(Some(Called::Overloaded)).1);
            }
        }
        let (told, ringing) = watch::channel(None);
        lines.insert(device, Line::Ringing(ringing.clone()));
        Ok((told, ringing, pause))
    }
}

/// Calls a device for a task of its that is stored.
pub(crate) fn call(service: &Arc<Service>, device: DeviceId) -> Ringing {
    match service.calls.line(device, service.mono()) {
        Ok((told, ringing, pause)) => {
            tokio::spawn(ring(Arc::downgrade(service), device, pause, told));
            ringing
        }
        Err(ringing) => {
            if *ringing.borrow() == Some(Called::Overloaded) {
                service.metrics.called(Called::Overloaded.label());
            }
            ringing
        }
    }
}

async fn ring(service: Weak<Service>, device: DeviceId, pause: Duration, told: watch::Sender<Option<Called>>) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let Some(permits) = service.upgrade().map(|service| Arc::clone(&service.calls.permits)) else { return };
    let Ok(_permit) = permits.acquire_owned().await else { return };
    let Some(service) = service.upgrade().filter(|service| !service.committer.is_draining()) else { return };
    let called = attempt(&service, device).await;
    service.calls.ended(device, called, service.mono());
    // Whoever wanted it may have gone away.
    told.send_replace(Some(called));
    service.metrics.called(called.label());
}

async fn attempt(service: &Service, id: DeviceId) -> Called {
    let (now_ms, most) = (service.now_ms(), service.options.tasks.per_device_max);
    let found = read(&service.readers, move |snapshot| {
        let mut tasks = snapshot.live_tasks(id, most)?;
        tasks.retain(|task| task.is_due(now_ms));
        Ok((snapshot.device(id)?, tasks))
    });
    let (device, tasks) = match found.await {
        Ok((Some(device), tasks)) if !tasks.is_empty() => (device, tasks),
        Ok(_) => return Called::NotNeeded,
        Err(error) => {
            tracing::warn!(
                error = sangam_storage::with_sources(&error),
                "a device to be called could not be looked up"
            );
            return Called::Failed;
        }
    };
    let attempts = reach_device(service, &device).await;
    let called = attempts.outcome();
    tracing::debug!(device = %device.key, outcome = called.label(), attempts = ?attempts.all(), "a device was called");
    if called != Called::Accepted {
        note(service, tasks, &attempts.text()).await;
    }
    let last = LastCall { at: service.now(), outcome: called, attempts };
    service.calls.last.lock().unwrap_or_else(PoisonError::into_inner).note(id, last);
    called
}

/// Why their device was not reached stands in the tasks that wait, until they are sent.
async fn note(service: &Service, tasks: Vec<Task>, why: &str) {
    let report = Report::of(0, why);
    let untried = tasks.into_iter().filter(|task| task.state == TaskState::Queued && task.attempts == 0);
    let rows: Vec<Row> = untried
        .filter(|task| task.report.as_ref() != Some(&report))
        .map(|mut task| {
            task.revision = task.revision.saturating_add(1);
            task.report = Some(report.clone());
            Row::Task(Box::new(task))
        })
        .collect();
    let Some(room) = service.committer.admit(0).ok().filter(|_| !rows.is_empty()) else { return };
    // It is refused if one of them was sent meanwhile; then nobody needs it.
    if let Err(error) = service.committer.commit(room, Change::from(rows)).await {
        tracing::debug!(error = sangam_storage::with_sources(&error), "why a device was not reached is not kept");
    }
}

/// Tries the ways that there are to a device, one after the other, until one is settled: its URL, its NAT's binding, its XMPP server.
async fn reach_device(service: &Service, device: &Device) -> Attempts {
    let mut attempts = Attempts::default();
    if device.state != State::Enrolled {
        attempts.add(CallKind::Http, Called::NotAllowed);
        return attempts;
    }
    if device.reach.connection_request_url.is_some() {
        attempts.add(CallKind::Http, http::call(&service.calls, device).await);
    }
    if !attempts.is_settled() {
        let device = told::completed(service, device).await;
        if device.reach.nat_detected {
            attempts.add(CallKind::Udp, udp::call(service, &device).await);
        }
        if device.reach.jid.is_some() && !attempts.is_settled() {
            attempts.add(CallKind::Xmpp, xmpp::call(&service.calls, &device).await);
        }
    }
    for (kind, called) in attempts.all() {
        service.metrics.call_attempted(kind.label(), called.label());
    }
    attempts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Mono {
        Mono::from_start(Duration::from_secs(secs))
    }

    fn calls(waiting_max: usize) -> Calls {
        Calls::new(&CallOptions { waiting_max, ..CallOptions::default() }, Wall::from_unix_secs(1))
    }

    #[test]
    fn who_wants_a_call_that_is_under_way_shares_it() {
        let calls = calls(8);
        let (told, _, pause) = calls.line(DeviceId(1), at(1)).unwrap();
        assert_eq!(pause, Duration::ZERO);
        let shared = calls.line(DeviceId(1), at(1)).unwrap_err();
        told.send_replace(Some(Called::Busy));
        assert_eq!(*shared.borrow(), Some(Called::Busy));
    }

    #[test]
    fn a_device_that_was_called_rests_before_it_is_called_again() {
        let calls = calls(8);
        calls.lines().insert(DeviceId(1), Line::Ended(at(10)));
        let (_told, _, pause) = calls.line(DeviceId(1), at(12)).unwrap();
        assert_eq!(pause, Duration::from_secs(3));
    }

    #[test]
    fn a_device_that_was_not_asked_anything_need_not_rest() {
        let calls = calls(8);
        for (called, pause) in [(Called::NotAllowed, 0), (Called::NotNeeded, 0), (Called::Busy, 5)] {
            let _line = calls.line(DeviceId(1), at(10));
            calls.ended(DeviceId(1), called, at(10));
            assert_eq!(calls.line(DeviceId(1), at(10)).unwrap().2, Duration::from_secs(pause), "{called:?}");
        }
    }

    #[test]
    fn no_more_devices_are_called_than_may_and_those_that_have_rested_make_room() {
        let calls = calls(2);
        calls.lines().insert(DeviceId(1), Line::Ended(at(10)));
        let _one = calls.line(DeviceId(2), at(11)).unwrap();
        let refused = calls.line(DeviceId(3), at(11)).unwrap_err();
        assert_eq!(*refused.borrow(), Some(Called::Overloaded));
        assert!(calls.line(DeviceId(3), at(15)).is_ok());
        assert_eq!(calls.lines().len(), 2);
    }

    #[test]
    fn a_call_that_was_cut_off_holds_nobody_up() {
        let calls = calls(8);
        drop(calls.line(DeviceId(1), at(1)).unwrap().0);
        assert!(calls.line(DeviceId(1), at(1)).is_ok());
    }
}
