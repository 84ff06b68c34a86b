//! `.local` names, behind which browsers hide the addresses of their candidates (multicast DNS, RFC 6762).

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mdns_sd::{HostnameResolutionEvent, ScopedIp, ServiceDaemon};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::discovery::MdnsOptions;

/// Resolves names: each name once at a time, few at once, few a second, and a name that nobody has not again for a while.
#[derive(Clone)]
pub struct Names {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    daemon: ServiceDaemon,
    names_max: usize,
    entries: Mutex<HashMap<String, Entry>>,
    slots: Semaphore,
    /// When the next query may leave.
    next: Mutex<Instant>,
}

struct Entry {
    /// `None` while it is asked for.
    answer: watch::Receiver<Option<Option<IpAddr>>>,
    until: Instant,
}

/// How long a name is asked for.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long an answer is believed.
const FOUND_FOR: Duration = Duration::from_secs(30);
/// How long a name that nobody has is not asked for again.
const MISSING_FOR: Duration = Duration::from_secs(15);
/// The least time between the first packets of two queries; each query repeats itself after 1 s and 3 s at most.
const BETWEEN: Duration = Duration::from_millis(20);

impl Names {
    /// `None`: multicast DNS is off, and no name stands for anything.
    pub(crate) fn new(daemon: Option<ServiceDaemon>, options: &MdnsOptions) -> Self {
        let inner = daemon.map(|daemon| {
            Arc::new(Inner {
                daemon,
                names_max: options.names_max,
                entries: Mutex::default(),
                slots: Semaphore::new(options.name_queries_max.max(1)),
                next: Mutex::new(Instant::now()),
            })
        });
        Self { inner }
    }

    /// The address behind `<name>.local`, IPv4 before IPv6. `None`: nobody has that name, it is no such name, or too many are asked for.
    pub fn resolve(&self, name: &str) -> impl Future<Output = Option<IpAddr>> + Send + 'static {
        let answer = self.inner.as_ref().zip(canonical(name)).and_then(|(inner, name)| inner.answer(name));
        async move {
            let mut answer = answer?;
            let answer = answer.wait_for(Option::is_some).await.ok()?;
            (*answer)?
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Inner {
    fn answer(self: &Arc<Self>, name: String) -> Option<watch::Receiver<Option<Option<IpAddr>>>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(entry) = entries.get(&name).filter(|entry| entry.until > now) {
            return Some(entry.answer.clone());
        }
        if entries.len() >= self.names_max {
            entries.retain(|_, entry| entry.until > now);
        }
        if entries.len() >= self.names_max {
            return None;
        }
        let (tell, answer) = watch::channel(None);
        // However long it waits for its turn, nobody asks a second time meanwhile.
        let until = now + Duration::from_secs(3_600);
        entries.insert(name.clone(), Entry { answer: answer.clone(), until });
        tokio::spawn(Arc::clone(self).ask(name, tell));
        Some(answer)
    }

    async fn ask(self: Arc<Self>, name: String, tell: watch::Sender<Option<Option<IpAddr>>>) {
        let address = self.asked(&name).await;
        let lifetime = if address.is_some() { FOUND_FOR } else { MISSING_FOR };
        if let Some(entry) = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&name) {
            entry.until = Instant::now() + lifetime;
        }
        tell.send_replace(Some(address));
    }

    async fn asked(&self, name: &str) -> Option<IpAddr> {
        let _slot = self.slots.acquire().await.ok()?;
        sleep_until(self.turn()).await;
        let millis = u64::try_from(PATIENCE.as_millis()).ok();
        let events = self.daemon.resolve_hostname(name, millis).ok()?;
        let found = async {
            while let Ok(event) = events.recv_async().await {
                match event {
                    HostnameResolutionEvent::AddressesFound(_, addresses) => {
                        if let Some(address) = best(addresses.iter().map(ScopedIp::to_ip_addr)) {
                            return Some(address);
                        }
                    }
                    HostnameResolutionEvent::SearchTimeout(_) => return None,
                    _ => {}
                }
            }
            None
        };
        let found = timeout(PATIENCE, found).await.ok().flatten();
        let _stopped = self.daemon.stop_resolve_hostname(name);
        found
    }

    fn turn(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(Instant::now());
        *next = turn + BETWEEN;
        turn
    }
}

/// IPv4 before IPv6; a link-local IPv6 address means nothing without its interface.
fn best(addresses: impl Iterator<Item = IpAddr>) -> Option<IpAddr> {
    let usable = addresses.filter(|address| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => !v6.is_unicast_link_local(),
    });
    usable.min_by_key(|address| (address.is_ipv6(), *address))
}

/// A name of exactly one label before `.local`, as candidates have (draft-ietf-mmusic-mdns-ice-candidates §3.2.1), with the dot at
/// the end that the wire wants.
fn canonical(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let label = name.strip_suffix(".local")?;
    let is_label = (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    is_label.then(|| format!("{name}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_label_before_local_is_a_candidates_name() {
        assert_eq!(canonical("A-1.local").as_deref(), Some("a-1.local."));
        assert_eq!(canonical("a.local.").as_deref(), Some("a.local."));
        let long = format!("{}.local", "a".repeat(64));
        for bad in ["", "local", ".local", "a.b.local", "a.example", "a b.local", &long] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn without_multicast_dns_no_name_stands_for_anything() {
        assert_eq!(Names::new(None, &MdnsOptions::default()).resolve("a.local").await, None);
    }
}
