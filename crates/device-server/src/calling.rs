//! Calls: a device that something waits for is asked to begin a session (TR-069 Amendment 6 §3.2.2.1).
//!
//! One call of a device is under way at a time, and whoever wants another meanwhile gets what comes of that one. From one to the
//! next some seconds pass, as devices refuse what comes sooner; a device that came by itself meanwhile is not called. Devices tell
//! where they are called, so only addresses are called that [`reach`] lets through.

mod called;
mod get;
mod origins;
mod reach;
mod tls;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sangam_auth::digest::{Challenges, DigestClient, RequestLine};
use sangam_cwmp_proto::connection_request::http::{Answer, ConnectionRequestUrl, HttpRequest, Step};
use sangam_device_proto::DeviceId;
use sangam_device_proto::device::{Device, State};
use sangam_device_proto::task::{Report, Task, TaskState};
use sangam_storage::devices::{Change, Row};
use sangam_types::Mono;
use tokio::sync::{Semaphore, watch};

pub(crate) use self::called::Called;
use self::get::{Got, NoAnswer, Target};
use self::origins::Origins;
use self::tls::Tls;
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
    origins: Mutex<Origins>,
    tls: Tls,
}

/// A device that is called, or was a moment ago.
#[derive(Debug)]
enum Line {
    Ringing(Ringing),
    /// The last call ended then.
    Ended(Mono),
}

impl Calls {
    pub(crate) fn new(options: &CallOptions) -> Self {
        Self {
            options: options.clone(),
            permits: Arc::new(Semaphore::new(options.at_once.max(1))),
            lines: Mutex::default(),
            origins: Mutex::new(Origins::new(options.addresses_max)),
            tls: Tls::default(),
        }
    }

    /// A device is served in a session that came from there.
    pub(crate) fn came_from(&self, device: DeviceId, from: IpAddr) {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).note(device, from.to_canonical());
    }

    fn origin(&self, device: DeviceId) -> Option<IpAddr> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).get(device)
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
    let called = reach_device(service, &device).await;
    tracing::debug!(device = %device.key, outcome = called.label(), "a device was called");
    if called != Called::Accepted {
        note(service, tasks, called).await;
    }
    called
}

/// Why their device was not reached stands in the tasks that wait, until they are sent.
async fn note(service: &Service, tasks: Vec<Task>, called: Called) {
    let report = Report::of(0, called.text());
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

async fn reach_device(service: &Service, device: &Device) -> Called {
    if device.state != State::Enrolled {
        return Called::NotAllowed;
    }
    let Some(told) = &device.reach.connection_request_url else { return Called::NoAddress };
    let url = match ConnectionRequestUrl::parse(told) {
        Ok(url) => url,
        Err(offence) => {
            tracing::debug!(device = %device.key, %offence, "a device told of no URL that can be called");
            return Called::NoAddress;
        }
    };
    let calls = &service.calls;
    let rule = reach::Rule { origin: calls.origin(device.id), any_address: calls.options.any_address };
    let resolved = tokio::time::timeout(calls.options.connect_timeout, reach::addresses(&url, rule)).await;
    let addresses = match resolved {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(why)) => return why,
        Err(_) => return Called::Timeout,
    };
    converse(calls, device, Target { addresses, url: url.clone() }, url).await
}

/// The exchanges of one call.
async fn converse(calls: &Calls, device: &Device, target: Target, url: ConnectionRequestUrl) -> Called {
    let login = device.access.to_device.as_ref();
    let mut client = login.map(|login| DigestClient::new(&*login.user, login.secret.expose()));
    let (mut request, mut exchange) = HttpRequest::new(url);
    loop {
        let got = get::get(&target, &exchange, &calls.options, &calls.tls).await;
        if matches!(got, Err(NoAnswer::Timeout)) {
            return Called::Timeout;
        }
        let got: Option<Got> = got.ok();
        let challenges: Vec<&str> = got.iter().flat_map(|got| &got.challenges).map(String::as_str).collect();
        let answer = got.as_ref().map_or(Answer::Nothing, |got| Answer::Response {
            status: got.status,
            challenges: &challenges,
            retry_after: got.retry_after.as_deref(),
        });
        let mut authorizer = |challenges: &[&str], method: &str, target: &str| {
            let client = client.as_mut()?;
            client.challenged(&Challenges::parse(challenges.iter().copied())).ok()?;
            client.authorize(RequestLine { method, target }, rand::random())
        };
        match request.handle_answer(&answer, &mut authorizer) {
            Step::Send(next) => exchange = next,
            Step::Done(verdict) => return verdict.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Mono {
        Mono::from_start(Duration::from_secs(secs))
    }

    fn calls(waiting_max: usize) -> Calls {
        Calls::new(&CallOptions { waiting_max, ..CallOptions::default() })
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
