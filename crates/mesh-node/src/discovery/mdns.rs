//! The LAN: announcing this node and browsing for others by DNS-SD over multicast DNS (RFC 6762, RFC 6763), as Synapse-NG does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mdns_sd::{DaemonEvent, IfKind, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use rand::RngExt as _;
use sangam_mesh_proto::mesh::Source;
use sangam_mesh_proto::{PeerId, Profile};
use serde_json::Value;
use tokio::time::Instant;

use super::context::{Context, count, is_node_id};
use super::{Us, own_url, place};

const SERVICE: &str = "_synapse-ng._tcp.local.";
/// Characters of the id in an instance's name; more if somebody else has the same.
const NAME_CHARS: usize = 8;
/// How long names of others are listened for before ours is chosen.
const LISTEN_FIRST: Duration = Duration::from_millis(400);
/// Who is there is told again after this long, so that nobody forgets it.
const RETELL: Duration = Duration::from_secs(60);
/// How often interfaces are looked at, in seconds.
const INTERFACES_EVERY: u32 = 2;
/// The longest TXT string, key and `=` included (RFC 6763 §6.1).
const TXT_BYTES_MAX: usize = 255;

/// The announcement of this node, and those of others.
pub(super) struct Mdns {
    context: Arc<Context>,
    daemon: ServiceDaemon,
    /// `<uuid>.local.`: the machine's own name belongs to its own responder.
    host: String,
    /// Who announced itself, by full name.
    services: HashMap<String, Service>,
    /// What we announce: the full name, and what it says.
    announced: Option<(String, Us)>,
    was_up: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    peer: PeerId,
    url: String,
    channels: usize,
}

impl Mdns {
    /// `None`: it is switched off, or cannot be had; that is told.
    pub(super) fn start(context: &Arc<Context>) -> Option<Self> {
        let options = &context.options.mdns;
        if !options.enabled {
            tracing::info!("mDNS: disabled");
            return None;
        }
        let started = ServiceDaemon::new_with_port(options.port).and_then(|daemon| {
            if !options.loopback {
                daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
            }
            daemon.set_ip_check_interval(INTERFACES_EVERY)?;
            Ok(daemon)
        });
        match started {
            Ok(daemon) => Some(Self {
                context: Arc::clone(context),
                daemon,
                host: format!("{}.local.", random_uuid()),
                services: HashMap::new(),
                announced: None,
                was_up: None,
            }),
            Err(error) => {
                tracing::warn!(%error, "mDNS: not to be had");
                context.tell_now(super::Discovered::Source {
                    source: Source::Mdns,
                    up: false,
                    detail: error.to_string(),
                });
                None
            }
        }
    }

    pub(super) fn daemon(&self) -> ServiceDaemon {
        self.daemon.clone()
    }

    pub(super) async fn run(mut self) {
        let context = Arc::clone(&self.context);
        let (Ok(browser), Ok(monitor)) = (self.daemon.browse(SERVICE), self.daemon.monitor()) else {
            return self.tell_up(false, "the mDNS thread has ended").await;
        };
        tracing::info!("🔍 mDNS: browser started for services {SERVICE}");
        let mut us = context.us.subscribe();
        let announce_at = Instant::now() + LISTEN_FIRST;
        let mut retell_at = Instant::now() + RETELL;
        loop {
            let is_new = self.announced.is_none();
            tokio::select! {
                () = context.stop.cancelled() => return self.goodbye().await,
                event = browser.recv_async() => match event {
                    Ok(event) => self.browsed(event).await,
                    Err(_) => return self.tell_up(false, "the mDNS thread has ended").await,
                },
                Ok(event) = monitor.recv_async() => self.noticed(event).await,
                () = tokio::time::sleep_until(announce_at), if is_new && Instant::now() < announce_at => {}
                Ok(()) = us.changed(), if !is_new => self.announce().await,
                () = tokio::time::sleep_until(retell_at) => {
                    retell_at = Instant::now() + RETELL;
                    for service in self.services.clone().into_values() {
                        context.seen(service.peer, Source::Mdns, Some(service.url), Profile::Unknown).await;
                    }
                }
            }
            if self.announced.is_none() && Instant::now() >= announce_at {
                self.announce().await;
            }
        }
    }

    /// Announces what is true now, if that is not what was announced.
    async fn announce(&mut self) {
        let mut us = self.context.us.borrow().clone();
        if self.context.given_url.is_none() {
            us.url = own_url::on_lan(us.port, self.context.options.mdns.loopback).await;
            let options = &self.context.options;
            // With a server, the address towards it is the better one for everybody else.
            if let Some(url) = us.url.as_ref().filter(|_| options.rendezvous.is_empty() && options.bootstrap.is_empty())
            {
                self.context.take_url(url).await;
            }
        }
        // Without a URL nobody could connect: an interface that comes up gives one.
        let Some(url) = us.url.clone() else {
            return self
                .tell_up(false, "no interface has an address that others could reach, or nothing listens")
                .await;
        };
        if self.announced.as_ref().is_some_and(|(_, announced)| *announced == us) {
            return;
        }
        let name = self.instance_name(us.id.as_str());
        let info = ServiceInfo::new(SERVICE, &name, &self.host, "", us.port, &text_of(&us, &url)[..]);
        let info = info.map(ServiceInfo::enable_addr_auto);
        let announced = info.and_then(|info| {
            let full_name = info.get_fullname().to_owned();
            self.daemon.register(info).map(|()| full_name)
        });
        match announced {
            Ok(full_name) => self.announced = Some((full_name, us)),
            Err(error) => {
                tracing::warn!(%error, "mDNS: the service could not be registered");
                self.tell_up(false, &error.to_string()).await;
                // Not tried again until something changes.
                self.announced = Some((String::new(), us));
            }
        }
    }

    /// `synapse-ng-` and the shortest beginning of the id, of 8 characters or more, that nobody else has.
    fn instance_name(&self, id: &str) -> String {
        let is_taken = |name: &str| {
            let full_name = format!("{name}.{SERVICE}").to_ascii_lowercase();
            self.services.contains_key(&full_name)
        };
        let lengths = (NAME_CHARS..id.len()).step_by(4);
        let mut names = lengths.filter_map(|length| Some(format!("synapse-ng-{}", id.get(..length)?)));
        names.find(|name| !is_taken(name)).unwrap_or_else(|| format!("synapse-ng-{id}"))
    }

    async fn noticed(&mut self, event: DaemonEvent) {
        match event {
            DaemonEvent::Announce(full_name, interfaces) if self.was_up != Some(true) => {
                tracing::info!("📡 mDNS: service registered as {}", full_name.escape_debug());
                self.tell_up(true, &interfaces).await;
            }
            DaemonEvent::IpAdd(_) | DaemonEvent::IpDel(_) => self.announce().await,
            DaemonEvent::Error(error) => {
                tracing::warn!(%error, "mDNS: an error");
                self.tell_up(false, &error.to_string()).await;
            }
            DaemonEvent::NameChange(change) => {
                tracing::warn!("mDNS: the name {} is taken, ours is now {}", change.original, change.new_name);
            }
            _ => {}
        }
    }

    async fn browsed(&mut self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(resolved) => self.found(&resolved).await,
            ServiceEvent::ServiceRemoved(_, full_name) => {
                if let Some(service) = self.services.remove(&full_name.to_ascii_lowercase()) {
                    tracing::info!("👋 mDNS: service removed: {}", full_name.escape_debug());
                    self.context.left(service.peer, Source::Mdns).await;
                }
            }
            _ => {}
        }
    }

    async fn found(&mut self, resolved: &ResolvedService) {
        let counters = &self.context.counters;
        let Some(service) = read(resolved) else { return count(&counters.malformed) };
        if self.context.is_ours(service.peer.as_str()) {
            return;
        }
        let full_name = resolved.get_fullname().to_ascii_lowercase();
        let is_known = self.services.contains_key(&full_name);
        if !is_known && self.services.len() >= self.context.options.mdns.services_max {
            return count(&counters.beyond_bounds);
        }
        if self.services.get(&full_name) != Some(&service) {
            let short: String = service.peer.as_str().chars().take(NAME_CHARS).collect();
            let Service { url, channels, .. } = &service;
            tracing::info!("🎯 mDNS: new peer discovered! {short}... ({url}, channels: {channels})");
        }
        self.services.insert(full_name, service.clone());
        let whose = self.context.add_url(&service.url, Source::Mdns, false);
        let profile = whose.filter(|(peer, _)| *peer == service.peer).map_or(Profile::Unknown, |(_, profile)| profile);
        self.context.seen(service.peer, Source::Mdns, Some(service.url), profile).await;
    }

    async fn tell_up(&mut self, up: bool, detail: &str) {
        if self.was_up != Some(up) {
            self.was_up = Some(up);
            self.context.tell_source(Source::Mdns, up, detail).await;
        }
    }

    /// Takes the announcement back (RFC 6762 §10.1) and ends the thread.
    async fn goodbye(self) {
        if let Some((full_name, _)) = &self.announced
            && let Ok(done) = self.daemon.unregister(full_name)
        {
            let _done = tokio::time::timeout(Duration::from_millis(500), done.recv_async()).await;
        }
        if let Ok(done) = self.daemon.shutdown() {
            let _done = tokio::time::timeout(Duration::from_millis(500), done.recv_async()).await;
        }
    }
}

/// The three keys of Synapse-NG, with as many channels as there is room for.
fn text_of(us: &Us, url: &str) -> [(&'static str, String); 3] {
    let mut channels = us.channels.clone();
    let text = |channels: &[String]| Value::from(channels.to_vec()).to_string();
    while text(&channels).len() + "channels=".len() > TXT_BYTES_MAX {
        channels.remove(0);
    }
    [("node_id", us.id.to_string()), ("node_url", url.to_owned()), ("channels", text(&channels))]
}

fn read(resolved: &ResolvedService) -> Option<Service> {
    let id = resolved.get_property_val_str("node_id").filter(|id| is_node_id(id))?;
    let url = place::node_url(resolved.get_property_val_str("node_url")?)?;
    let channels = resolved.get_property_val_str("channels").and_then(|text| serde_json::from_str(text).ok());
    let channels = channels.map_or(0, |channels: Vec<String>| channels.len());
    Some(Service { peer: PeerId::new(id).ok()?, url, channels })
}

/// A random UUID (RFC 9562 §5.4).
fn random_uuid() -> String {
    let random: u128 = rand::rng().random();
    let random = random & !(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let text = format!("{random:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_a_random_name_of_the_fourth_kind() {
        let uuid = random_uuid();
        let parts: Vec<&str> = uuid.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
        assert_ne!(uuid, random_uuid());
    }

    #[test]
    fn channels_beyond_the_room_of_a_txt_string_are_left_out() {
        let mut channels: Vec<String> = (0..60).map(|number| format!("channel-{number}")).collect();
        channels.push("global".to_owned());
        let id = PeerId::new("a").unwrap();
        let us = Us { id, agent_id: "a".to_owned(), url: None, channels, port: 1 };
        let text = text_of(&us, "http://n");
        assert!(text[2].1.len() + 9 <= TXT_BYTES_MAX);
        let told: Vec<String> = serde_json::from_str(&text[2].1).unwrap();
        assert_eq!(told.last().map(String::as_str), Some("global"));
    }
}
