//! The parts of a server, put together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::Router;
use axum::routing::any_service;
use prometheus_client::registry::Registry;
use sangam_admin_server::{Access, AdminOptions, AdminState, CertificatePart, Telemetry, not_found};
use sangam_auth::turn::{LongTermUsers, RestSecrets};
use sangam_bus::{FileJournal, JournalOptions};
use sangam_config::{Config, Role};
use sangam_control::{Figures, KeptBindings, Part, TokenRevocations};
use sangam_device_server::{DeviceServer, Stun};
use sangam_net::http::Drained;
use sangam_net::{CertificateStore, ClientAuthorities, LiveRules, TlsFront};
use sangam_relay_server::{Options, RelayServer, Revocations};
use sangam_signal_server::{Deps, SignalServer};
use sangam_sync_server::SyncServer;
use sangam_telemetry::logs::Logs;
use sangam_telemetry::metrics::{
    coturn::CoturnAliases, external_address::ExternalAddressMetrics, http::HttpMetrics, listener::ListenerMetrics,
    process::ProcessMetrics, relay::RelayMetrics, signal::SignalMetrics, socketio::SocketioMetrics,
};
use sangam_types::Wall;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, wall_now};
use crate::data_dir_part::DataDirPart;
use crate::devices_start::{self, start_devices};
use crate::external_address::{ExternalAddressPart, ExternalAddresses};
use crate::generated_secrets::GeneratedSecrets;
use crate::host_addresses::Machine;
use crate::host_figures::HostFigures;
use crate::listener_plan;
use crate::listeners::{BoundListeners, HttpPart, Routers};
use crate::options::signal::{Settled, external_address, signal_live, signal_options};
use crate::options::{auth, front, relay};
use crate::relay_streams::RelayStreams;
use crate::revocation_file::RevocationFile;
use crate::start_report::ListenerRow;
use crate::stomp_listeners::StompListeners;
use crate::sync_start::{self, start_sync};

/// What a server is made from.
pub(crate) struct Ground<'a> {
    pub(crate) config: &'a Config,
    pub(crate) machine: &'a Machine,
    pub(crate) generated: &'a GeneratedSecrets,
    pub(crate) data_dir: PathBuf,
    pub(crate) logs: &'a Logs,
    pub(crate) clock: Clock,
    pub(crate) external: Option<Arc<ExternalAddresses>>,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) rows: Vec<ListenerRow>,
    pub(crate) live: LiveParts,
    pub(crate) signal: Option<SignalServer>,
    pub(crate) relay: Option<RelayServer>,
    pub(crate) sync: Option<SyncServer>,
    pub(crate) sync_drain_limit: Duration,
    pub(crate) devices: Option<DeviceServer>,
    pub(crate) devices_drain_limit: Duration,
    pub(crate) http_tasks: Vec<JoinHandle<Drained>>,
    pub(crate) http_stop: CancellationToken,
}

/// What a reload replaces.
pub(crate) struct LiveParts {
    pub(crate) rules: LiveRules,
    pub(crate) access: Arc<ArcSwap<Access>>,
    /// Not replaced: the keyring that is looks at it.
    pub(crate) tokens: Arc<TokenRevocations>,
    pub(crate) certificates: Option<Arc<CertificateStore>>,
    pub(crate) relay_secrets: Arc<ArcSwap<RestSecrets>>,
    pub(crate) relay_users: Arc<ArcSwap<LongTermUsers>>,
    pub(crate) settled: Settled,
}

/// Bindings of devices behind NAT that wait to be noted: those of half a second if 100,000 devices tell theirs each minute.
const KEPT_BINDINGS_QUEUE: usize = 1_024;

/// Where the main HTTP answers devices: their sessions, their agents, and the files that they fetch and bring.
const CWMP_PATHS: [&str; 4] = ["/cwmp", "/tr069", "/files/{*path}", DeviceServer::USP_PATH];

/// The roles that run.
struct Roles<'a> {
    relay: Option<&'a RelayServer>,
    signal: Option<&'a SignalServer>,
    sync: Option<&'a SyncServer>,
    devices: Option<&'a DeviceServer>,
}

impl Roles<'_> {
    /// What listeners serve.
    fn routers(&self, main: Router) -> Routers {
        Routers {
            main,
            sync: self.sync.is_some(),
            signaling: self.signal.map(SignalServer::any_path_router),
            socketio: self.signal.map(SignalServer::socketio_router),
            cwmp: self.devices.map(DeviceServer::router),
        }
    }
}

impl Server {
    /// Binds everything, then starts everything. After an error nothing is bound or runs.
    pub(crate) async fn start(ground: &Ground<'_>) -> anyhow::Result<Self> {
        let config = ground.config;
        let mut registry = Registry::default();
        ProcessMetrics::register(&mut registry);
        ground.logs.register(&mut registry);
        let certificates = load_certificates(config)?;
        let tls = tls_front(config, certificates.as_ref())?;
        let rules = LiveRules::new(front::front_rules(config)?);
        let devices_tls = devices_tls(config, tls.as_ref())?;
        let both = (tls.as_ref(), devices_tls.as_ref());
        let listeners = BoundListeners::bind(listener_plan::plan(config)?, &config.http, both, &rules)?;
        let streams = RelayStreams::bind(config, certificates.as_ref(), &rules)?;
        let stomp = StompListeners::bind(config, tls.as_ref(), &rules)?;
        let figures = listeners.figures().into_iter().chain(streams.figures()).chain(stomp.figures());
        ListenerMetrics::register(&mut registry, figures.collect());
        let mut rows = listeners.rows();
        rows.extend(stomp.rows());

        let secrets = auth::rest_secrets(&config.relay, ground.generated)?;
        let relay_secrets = Arc::new(ArcSwap::from_pointee(secrets.clone()));
        let relay_users = Arc::new(ArcSwap::from_pointee(auth::long_term_users(&config.relay)?));
        let (relay, stun) = start_relay(ground, &relay_secrets, &relay_users, &mut registry)?.unzip();
        rows.extend(relay.iter().flat_map(relay_rows));
        rows.extend(streams.rows());

        let tokens = Arc::new(token_revocations(ground)?);
        let keyring = auth::keyring(config, ground.generated)?.with_revoked(tokens.revoked());
        let settled = Settled {
            relay: relay.as_ref().and_then(|relay| relay.listen_addrs().first().copied()),
            relay_tcp_port: streams.tcp_port(),
            relay_tls_port: streams.tls_port(),
            external_address: external_address(config, ground.external.as_ref().and_then(|external| external.first())),
            lan: config.server.lan,
        };
        let live = signal_live(config, &settled, keyring.clone(), &secrets);
        let signal = start_signal(ground, live, &tokens, &mut registry).await?;

        let sync = start_sync(ground, keyring.clone(), &mut registry).await?;
        let devices = start_devices(ground, stun, &mut registry)?;

        let access = Arc::new(ArcSwap::from_pointee(admin_access(config, keyring)));
        let http_part = Arc::new(HttpPart::default());
        let roles =
            Roles { relay: relay.as_ref(), signal: signal.as_ref(), sync: sync.as_ref(), devices: devices.as_ref() };
        let parts = parts(ground, certificates.as_ref(), &roles, &http_part);
        let main = main_router(ground, registry, parts, &access, &tokens, &roles);
        let routers = roles.routers(main);
        if let Some(relay) = &relay {
            streams.serve(relay);
        }
        if let Some(devices) = &devices {
            stomp.serve(devices);
        }
        let http_stop = CancellationToken::new();
        let options = front::http_options(&config.http);
        let http_tasks = listeners.serve(&routers, &options, &http_stop);
        http_part.watch(&http_tasks);
        let live = LiveParts { rules, access, tokens, certificates, relay_secrets, relay_users, settled };
        let sync_drain_limit = config.sync.drain_limit.get();
        let devices_drain_limit = config.devices.drain_limit.get();
        Ok(Self {
            rows,
            live,
            signal,
            relay,
            sync,
            sync_drain_limit,
            devices,
            devices_drain_limit,
            http_tasks,
            http_stop,
        })
    }
}

/// Who may read what operators read.
pub(crate) fn admin_access(config: &Config, keyring: sangam_auth::token::Keyring) -> Access {
    let allow = config.admin.allow.iter().map(|network| network.get()).collect();
    Access { keyring, allow, renew_max: config.auth.renew_max.get() }
}

pub(crate) fn load_certificates(config: &Config) -> anyhow::Result<Option<Arc<CertificateStore>>> {
    Ok(front::certificate_paths(&config.tls).map(CertificateStore::load).transpose()?)
}

pub(crate) fn tls_front(
    config: &Config,
    certificates: Option<&Arc<CertificateStore>>,
) -> anyhow::Result<Option<TlsFront>> {
    let front = certificates.map(|store| TlsFront::new(Arc::clone(store), front::tls_options(&config.tls)));
    front.transpose().context("TLS cannot be set up")
}

/// The same for devices, which are asked for a certificate if there are authorities that issue them.
fn devices_tls(config: &Config, tls: Option<&TlsFront>) -> anyhow::Result<Option<TlsFront>> {
    let (Some(tls), Some(path)) = (tls, &config.tls.client_ca_file) else { return Ok(tls.cloned()) };
    let authorities = ClientAuthorities::load(path).context("`tls.client_ca_file` cannot be used")?;
    let asking = tls.asking_clients(&authorities).context("`tls.client_ca_file` cannot be used")?;
    Ok(Some(asking))
}

/// The relay, and its STUN listener as device management uses it: devices behind NAT are called through it.
fn start_relay(
    ground: &Ground<'_>,
    secrets: &Arc<ArcSwap<RestSecrets>>,
    users: &Arc<ArcSwap<LongTermUsers>>,
    registry: &mut Registry,
) -> anyhow::Result<Option<(RelayServer, Stun)>> {
    if !ground.config.server.plays(Role::Relay) {
        return Ok(None);
    }
    let detected = |bound| ground.external.as_ref().and_then(|external| external.of_bound(bound));
    let (told, kept_bindings) = KeptBindings::channel(KEPT_BINDINGS_QUEUE);
    let options = Options {
        users: Arc::clone(users),
        revocations: Arc::new(revocations(ground)?),
        kept_bindings: ground.config.server.plays(Role::Devices).then_some(told),
        ..relay::relay_options(ground.config, ground.machine, Arc::clone(secrets), ground.generated.nonce, &detected)
    };
    let metrics = RelayMetrics::register(registry);
    if ground.config.telemetry.compat {
        CoturnAliases::register(registry, &metrics, &ground.config.relay.realm);
    }
    let relay = RelayServer::start(options, &metrics).context("the relay cannot start")?;
    if let Some(external) = ground.external.clone() {
        let (metrics, announce) = (ExternalAddressMetrics::register(registry), relay.external_address_setter());
        // It ends with the runtime.
        tokio::spawn(async move { external.watch(metrics, announce).await });
    }
    let stun = Stun { socket: relay.stun_socket(), kept_bindings };
    Ok(Some((relay, stun)))
}

async fn start_signal(
    ground: &Ground<'_>,
    live: sangam_signal_server::Live,
    tokens: &TokenRevocations,
    registry: &mut Registry,
) -> anyhow::Result<Option<SignalServer>> {
    if !ground.config.server.plays(Role::Signal) {
        return Ok(None);
    }
    let journal = FileJournal::open(&ground.data_dir.join("live"), Arc::new(wall_now), JournalOptions::default())?;
    let deps = Deps {
        metrics: Arc::new(SignalMetrics::register(registry)),
        journal: Some(Arc::new(journal)),
        revocations: Some(tokens.watch()),
    };
    let signal = SignalServer::start(signal_options(&ground.config.signal, live), deps).await?;
    SocketioMetrics::register(registry, signal.socketio_figures());
    Ok(Some(signal))
}

/// The names that were revoked, from the data directory.
fn revocations(ground: &Ground<'_>) -> anyhow::Result<Revocations> {
    let (file, saved) = RevocationFile::open(&ground.data_dir)?;
    Ok(Revocations::new(saved, Some(Arc::new(file)), ground.config.relay.revocations_max))
}

/// The tokens that were revoked, from the data directory.
fn token_revocations(ground: &Ground<'_>) -> anyhow::Result<TokenRevocations> {
    let (file, saved) = RevocationFile::open(&ground.data_dir)?;
    Ok(TokenRevocations::new(saved, Some(Arc::new(file)), ground.config.auth.revocations_max))
}

fn relay_rows(relay: &RelayServer) -> Vec<ListenerRow> {
    let row = |addr| ListenerRow { name: "relay", addr, transport: "udp", tls: "off", serves: "STUN and TURN" };
    relay.listen_addrs().into_iter().map(row).collect()
}

fn parts(
    ground: &Ground<'_>,
    certificates: Option<&Arc<CertificateStore>>,
    roles: &Roles<'_>,
    http: &Arc<HttpPart>,
) -> Vec<Arc<dyn Part>> {
    let free_space_min = ground.config.data.free_space_min;
    let mut parts: Vec<Arc<dyn Part>> =
        vec![Arc::clone(http) as Arc<dyn Part>, Arc::new(DataDirPart::new(ground.data_dir.clone(), free_space_min))];
    parts.extend(roles.relay.map(RelayServer::part));
    parts.extend(ground.external.clone().map(|external| Arc::new(ExternalAddressPart(external)) as Arc<dyn Part>));
    parts.extend(roles.signal.map(SignalServer::part));
    parts.extend(roles.sync.map(SyncServer::part));
    parts.extend(roles.devices.map(DeviceServer::part));
    parts.extend(certificates.map(|store| certificate_part(Arc::clone(store), ground.clock)));
    parts
}

fn certificate_part(store: Arc<CertificateStore>, clock: Clock) -> Arc<dyn Part> {
    let expiry = move || {
        let not_after = store.snapshot().validity.not_after;
        not_after.duration_since(UNIX_EPOCH).ok().map(|since| Wall::from_unix_secs(since.as_secs()))
    };
    Arc::new(CertificatePart::new(Arc::new(move || clock.now()), expiry, sangam_net::Validity::WARN_AHEAD))
}

/// Who has figures of the server.
fn figures(ground: &Ground<'_>, roles: &Roles<'_>) -> Vec<Arc<dyn Figures>> {
    let (config, data_dir) = (ground.config, &ground.data_dir);
    let sync = roles.sync.map(|_| (sync_start::directory(config, data_dir), config.sync.store.readers));
    let devices = roles.devices.map(|_| (devices_start::directory(config, data_dir), config.devices.store.readers));
    let (stores, readers): (Vec<_>, Vec<_>) = sync.into_iter().chain(devices).unzip();
    // Each has one that writes.
    let connections = readers.iter().map(|readers| readers + 1).sum();
    let host = HostFigures::new(data_dir.clone(), stores, connections);
    let mut figures: Vec<Arc<dyn Figures>> = vec![Arc::new(host)];
    figures.extend(roles.devices.map(DeviceServer::figures));
    figures
}

fn main_router(
    ground: &Ground<'_>,
    mut registry: Registry,
    parts: Vec<Arc<dyn Part>>,
    access: &Arc<ArcSwap<Access>>,
    tokens: &Arc<TokenRevocations>,
    roles: &Roles<'_>,
) -> Router {
    let clock = ground.clock;
    let telemetry = Arc::new(Telemetry::new(figures(ground, roles)));
    let sampled = Arc::clone(&telemetry);
    // It ends with the runtime.
    tokio::spawn(async move { sampled.run(Arc::new(move || clock.now())).await });
    let metrics = HttpMetrics::register(&mut registry);
    let admin = sangam_admin_server::router(AdminState {
        parts,
        relay: roles.relay.map(RelayServer::sessions),
        rooms: roles.signal.map(SignalServer::rooms),
        sync: roles.sync.map(SyncServer::admin),
        devices: roles.devices.map(DeviceServer::admin),
        brokers: roles.devices.map(DeviceServer::brokers),
        telemetry,
        tokens: Arc::clone(tokens),
        registry: Arc::new(registry),
        metrics,
        access: Arc::clone(access),
        clock: Arc::new(move || clock.now()),
        started: clock.now(),
        version: env!("CARGO_PKG_VERSION"),
        options: AdminOptions {
            renewals_per_minute: ground.config.auth.renewals_per_minute,
            ..AdminOptions::default()
        },
    });
    let signal = roles.signal.map_or_else(Router::new, SignalServer::router);
    let sync = roles.sync.map_or_else(Router::new, SyncServer::router);
    let cwmp = roles.devices.map_or_else(Router::new, |devices| {
        CWMP_PATHS.into_iter().fold(Router::new(), |router, path| router.route(path, any_service(devices.router())))
    });
    admin.merge(signal).merge(sync).merge(cwmp).fallback(not_found)
}
