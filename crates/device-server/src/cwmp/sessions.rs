use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use http::header::{self, HeaderMap};
use sangam_cwmp_proto::session::EndReason;
use sangam_device_proto::DeviceId;
use sangam_types::Mono;
use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::exchange::Conversation;
use crate::service::Service;

/// A device that says nothing for so long in its session is not waited for at the end.
const QUIET: Duration = Duration::from_secs(2);
/// Sessions that are ended at the same time: what they write is written together.
const AT_ONCE: usize = 256;
/// How often it is looked for sessions whose device went silent.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// By which a device names its session: chance, that nobody can guess.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cookie(u128);

impl Cookie {
    const NAME: &'static str = "session";

    /// Of a request. Old stacks part cookies by commas (RFC 2965), others by semicolons.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split([';', ','])).find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = value.trim().trim_matches('"');
            let fits = name.trim() == Self::NAME && value.len() == 32 && value.bytes().all(|it| it.is_ascii_hexdigit());
            fits.then(|| u128::from_str_radix(value, 16).ok()).flatten().map(Self)
        })
    }

    /// As a device is given it: without attributes that old stacks stumble over.
    pub(super) fn header(self) -> String {
        format!("{}={:032x}; path=/", Self::NAME, self.0)
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(..)")
    }
}

/// An open session.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) cookie: Cookie,
    pub(super) began: Mono,
    /// When it is over if nothing comes, milliseconds since our start.
    deadline_ms: AtomicU64,
    /// When its device was heard last, milliseconds since our start.
    heard_ms: AtomicU64,
    pub(super) conversation: AsyncMutex<Conversation>,
}

impl Slot {
    /// One that nobody finds yet.
    pub(super) fn new(conversation: Conversation, now: Mono) -> Arc<Self> {
        Arc::new(Self {
            cookie: Cookie::default(),
            began: now,
            deadline_ms: AtomicU64::new(u64::MAX),
            heard_ms: AtomicU64::new(millis(now)),
            conversation: AsyncMutex::new(conversation),
        })
    }

    pub(super) fn set_deadline(&self, at: Option<Mono>) {
        self.deadline_ms.store(at.map_or(u64::MAX, millis), Ordering::Release);
    }

    /// Its device says something.
    pub(super) fn heard(&self, now: Mono) {
        self.heard_ms.store(millis(now), Ordering::Release);
    }

    fn was_heard(&self, since: Mono) -> bool {
        self.heard_ms.load(Ordering::Acquire) >= millis(since)
    }

    fn is_due(&self, now: Mono) -> bool {
        self.deadline_ms.load(Ordering::Acquire) <= millis(now)
    }
}

fn millis(at: Mono) -> u64 {
    u64::try_from(at.since_start().as_millis()).unwrap_or(u64::MAX)
}

/// The open sessions: one of a device at most.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<Open>,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    by_cookie: HashMap<Cookie, Arc<Slot>>,
    by_device: HashMap<DeviceId, Cookie>,
}

impl Default for Cookie {
    fn default() -> Self {
        Self(rand::random())
    }
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.lock().by_cookie.len()
    }

    /// Whether a device is in a session.
    pub(crate) fn has_device(&self, device: DeviceId) -> bool {
        self.lock().by_device.contains_key(&device)
    }

    /// The session that a request belongs to.
    pub(super) fn of(&self, headers: &HeaderMap) -> Option<Arc<Slot>> {
        let cookie = Cookie::of(headers)?;
        self.lock().by_cookie.get(&cookie).map(Arc::clone)
    }

    /// Opens a session of a device; the one that it had before is to be ended by whoever calls, before anything is sent to the
    /// device. Whoever calls holds the conversation already, so that the next session of the device waits for that too.
    pub(super) fn open(&self, device: DeviceId, slot: &Arc<Slot>) -> Option<Arc<Slot>> {
        let mut open = self.lock();
        let before = open.by_device.insert(device, slot.cookie).and_then(|cookie| open.by_cookie.remove(&cookie));
        open.by_cookie.insert(slot.cookie, Arc::clone(slot));
        before
    }

    /// Whether a session is still there.
    pub(super) fn is_open(&self, slot: &Slot) -> bool {
        self.lock().by_cookie.contains_key(&slot.cookie)
    }

    /// The session of a device.
    pub(super) fn of_device(&self, device: DeviceId) -> Option<Arc<Slot>> {
        let open = self.lock();
        open.by_cookie.get(open.by_device.get(&device)?).map(Arc::clone)
    }

    /// A session is over; whether it was still there.
    pub(super) fn close(&self, slot: &Slot, device: Option<DeviceId>) -> bool {
        let mut open = self.lock();
        if let Some(device) = device
            && open.by_device.get(&device) == Some(&slot.cookie)
        {
            open.by_device.remove(&device);
        }
        let was_open = open.by_cookie.remove(&slot.cookie).is_some();
        drop(open);
        self.closed.notify_waiters();
        was_open
    }

    /// Whether no session is open in which a device was heard since then.
    fn is_quiet(&self, since: Mono) -> bool {
        !self.lock().by_cookie.values().any(|slot| slot.was_heard(since))
    }

    /// Ends when no session is open, or all are silent: whoever went away in the middle is not waited for.
    pub(crate) async fn all_closed(&self, now: impl Fn() -> Mono) {
        loop {
            let closed = self.closed.notified();
            if self.is_quiet(now() - QUIET) {
                return;
            }
            // Nobody wakes us when one has been silent for long enough.
            let _: Result<(), _> = tokio::time::timeout(QUIET / 10, closed).await;
        }
    }

    fn due(&self, now: Mono) -> Vec<Arc<Slot>> {
        self.lock().by_cookie.values().filter(|slot| slot.is_due(now)).map(Arc::clone).collect()
    }

    fn all(&self) -> Vec<Arc<Slot>> {
        self.lock().by_cookie.values().map(Arc::clone).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends sessions whose device went silent, for as long as there is a server.
pub(crate) async fn watch(service: Weak<Service>) {
    let mut ticks = tokio::time::interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(service) = service.upgrade() else { return };
        let now = service.mono();
        let due = futures_util::stream::iter(service.sessions.due(now));
        let service = &service;
        due.for_each_concurrent(AT_ONCE, |slot| async move {
            slot.conversation.lock().await.handle_timeout(service, &slot, now).await;
        })
        .await;
    }
}

/// Ends the session of a device that is one of ours no longer, if it has one. When it returns nothing more is sent in it.
pub(crate) async fn end_of(service: &Arc<Service>, device: DeviceId) {
    if let Some(slot) = service.sessions.of_device(device) {
        slot.conversation.lock().await.abandon(service, &slot, EndReason::Abandoned).await;
    }
}

/// Ends every session: what was sent and not answered is told as that.
pub(crate) async fn end_all(service: &Arc<Service>) {
    let all = futures_util::stream::iter(service.sessions.all());
    all.for_each_concurrent(AT_ONCE, |slot| async move {
        slot.conversation.lock().await.abandon(service, &slot, EndReason::Abandoned).await;
    })
    .await;
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_however_they_are_parted() {
        let cookie = Cookie(0xabcd);
        let header = cookie.header();
        let pair = header.split(';').next().unwrap();
        for line in
            [pair.to_owned(), format!("a=b; {pair}"), format!("a=b, {pair}, c"), pair.replace('=', "=\"") + "\""]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(&line).unwrap());
            assert_eq!(Cookie::of(&headers), Some(cookie), "{line}");
        }
        for line in ["", "session=", "session=zz", "session=+0000000000000000000000000000abc", "other=1"] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(line).unwrap());
            assert_eq!(Cookie::of(&headers), None, "{line}");
        }
    }
}
