//! A relay under test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use sangam_auth::turn::{LongTermUsers, RestCredential, RestOptions, RestSecret, RestSecrets};
pub(crate) use sangam_relay_server::Options;
use sangam_relay_server::{NonceSecret, RelayServer};
use sangam_telemetry::metrics::relay::{Labelled, RelayMetrics};
use sangam_types::Wall;

use crate::client::Client;

pub(crate) struct Relay {
    pub(crate) server: RelayServer,
    pub(crate) secrets: Arc<ArcSwap<RestSecrets>>,
    pub(crate) users: Arc<ArcSwap<LongTermUsers>>,
    pub(crate) metrics: RelayMetrics,
}

pub(crate) const REALM: &str = "sangam.test";

pub(crate) fn secrets(names: &[&str]) -> RestSecrets {
    let secrets = names.iter().map(|name| RestSecret::new(*name)).collect();
    RestSecrets::new(secrets, RestOptions::default()).unwrap()
}

pub(crate) fn options(listen: &[&str]) -> Options {
    let listen = listen.iter().map(|text| text.parse().unwrap()).collect();
    let secrets = Arc::new(ArcSwap::from_pointee(secrets(&["first secret"])));
    Options { threads: 2, ..Options::new(listen, REALM, secrets, NonceSecret(rand::random())) }
}

pub(crate) fn credential(secrets: &RestSecrets, name: &str) -> RestCredential {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    secrets.mint(name, Wall::from_unix_secs(now.as_secs()) + Duration::from_secs(600)).unwrap()
}

impl Relay {
    /// A relay on one loopback address with two threads.
    pub(crate) fn start() -> Self {
        Self::with(options(&["127.0.0.1:0"]))
    }

    pub(crate) fn with(options: Options) -> Self {
        let metrics = RelayMetrics::default();
        let (secrets, users) = (Arc::clone(&options.secrets), Arc::clone(&options.users));
        let server = RelayServer::start(options, &metrics).unwrap();
        Self { server, secrets, users, metrics }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.listen_addrs()[0]
    }

    pub(crate) fn client(&self) -> Client {
        self.client_at(self.addr())
    }

    pub(crate) fn client_at(&self, server: SocketAddr) -> Client {
        Client::new(server, credential(&self.secrets.load(), "alice"))
    }

    pub(crate) fn drops(&self, reason: &str) -> u64 {
        labelled(&self.server.snapshot().drops, reason)
    }
}

pub(crate) fn labelled(values: &Labelled, label: &str) -> u64 {
    values.iter().find(|(value, _)| *value == label).unwrap_or_else(|| panic!("no {label} in {values:?}")).1
}

/// Waits until `is_so`, for what a thread publishes a moment after it has answered.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}
