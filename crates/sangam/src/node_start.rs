//! The parts of `sangam node`, put together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::Router;
use axum::response::Response;
use http::HeaderMap;
use prometheus_client::registry::Registry;
use sangam_admin_server::{Access, AdminOptions, AdminState, Telemetry, not_found};
use sangam_auth::scope::Scope;
use sangam_config::{Config, TlsMode};
use sangam_control::{Part, TokenRevocations};
use sangam_mesh_node::http::{Gate, HttpDeps, Need, router};
use sangam_mesh_node::node::Command;
use sangam_mesh_node::{Deps, Node};
use sangam_net::http::{AllowedOrigins, Client, Drained, serve};
use sangam_net::{LiveRules, TcpFront, Tls};
use sangam_telemetry::logs::Logs;
use sangam_telemetry::metrics::{
    http::HttpMetrics, listener::ListenerMetrics, mesh::MeshMetrics, process::ProcessMetrics,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, wall_now};
use crate::data_dir_part::DataDirPart;
use crate::generated_secrets::GeneratedSecrets;
use crate::host_figures::HostFigures;
use crate::listeners::{HttpPart, sum};
use crate::node_key::NodeKey;
use crate::node_part::NodePart;
use crate::options::{auth, front, node};
use crate::revocation_file::RevocationFile;
use crate::server::{admin_access, load_certificates, tls_front};
use crate::start_report::ListenerRow;

/// What a node is made from.
pub(crate) struct NodeGround<'a> {
    pub(crate) config: &'a Config,
    pub(crate) key: NodeKey,
    pub(crate) generated: &'a GeneratedSecrets,
    pub(crate) data_dir: PathBuf,
    pub(crate) logs: &'a Logs,
    pub(crate) clock: Clock,
}

/// A running node with its HTTP API.
pub(crate) struct RunningNode {
    pub(crate) node: Node,
    pub(crate) rows: Vec<ListenerRow>,
    http_tasks: Vec<JoinHandle<Drained>>,
    http_stop: CancellationToken,
}

/// How long links, the LAN and servers may be told goodbye.
const STOP_LIMIT: Duration = Duration::from_secs(5);

impl RunningNode {
    /// Binds everything, then starts everything. After an error nothing is bound or runs.
    pub(crate) async fn start(ground: NodeGround<'_>) -> anyhow::Result<Self> {
        let config = ground.config;
        let mut registry = Registry::default();
        ProcessMetrics::register(&mut registry);
        ground.logs.register(&mut registry);
        let fronts = bind(config)?;
        let stats: Vec<_> = fronts.iter().map(TcpFront::stats).collect();
        ListenerMetrics::register(&mut registry, vec![("node", Arc::new(move || sum(&stats)))]);
        let port = fronts.first().map_or(0, |front| front.local_addr().port());
        let metrics = MeshMetrics::register(&mut registry);
        if config.telemetry.compat {
            metrics.register_aliases(&mut registry);
        }
        let options = node::node_options(config, ground.key.identity.clone(), port)?;
        // The one place where a node is started.
        let deps = Deps { metrics: metrics.clone(), wall: Arc::new(wall_now) };
        let node = Node::start(options, deps).await.context("the node cannot start")?;

        let http_stop = CancellationToken::new();
        let http_part = Arc::new(HttpPart::default());
        let routes = routes(&ground, registry, &node, metrics, &http_part, &http_stop)?;
        let rows = fronts.iter().map(|front| row(front, config)).collect();
        let options = front::http_options(&config.http);
        let spawn = |front| tokio::spawn(serve(front, routes.clone(), options.clone(), http_stop.clone()));
        let http_tasks: Vec<_> = fronts.into_iter().map(spawn).collect();
        http_part.watch(&http_tasks);
        Ok(Self { node, rows, http_tasks, http_stop })
    }

    /// Takes nothing new, says goodbye to everybody, and ends.
    pub(crate) async fn stop(self) {
        self.http_stop.cancel();
        let goodbye = tokio::time::timeout(STOP_LIMIT, self.node.ask(Command::Stop));
        if goodbye.await.is_err() {
            tracing::warn!("some peers were not told goodbye in time: they notice by themselves");
        }
        for task in self.http_tasks {
            match task.await {
                Ok(drained) if drained.cut > 0 => tracing::warn!(connections = drained.cut, "requests were cut off"),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a listener had ended before"),
            }
        }
    }
}

fn bind(config: &Config) -> anyhow::Result<Vec<TcpFront>> {
    let certificates = load_certificates(config)?;
    let tls = tls_front(config, certificates.as_ref())?;
    let tls = match (tls_mode(config), tls) {
        (TlsMode::On, Some(tls)) => Tls::On(tls),
        (TlsMode::Auto, Some(tls)) => Tls::Auto(tls),
        _ => Tls::Off,
    };
    let mut rules = front::front_rules(config)?;
    let origins: Vec<String> = config.http.origins.iter().chain(&config.node.http.origins).cloned().collect();
    rules.allowed_origins = AllowedOrigins::parse(&origins).context("`node.http.origins` cannot be used")?;
    let rules = LiveRules::new(rules);
    let bind = |addr: &sangam_config::ListenAddr| {
        let options = front::front_options(&config.http, false);
        TcpFront::bind(addr.get(), tls.clone(), options, rules.clone()).context("`node.listen`")
    };
    config.node.listen.iter().map(bind).collect()
}

fn tls_mode(config: &Config) -> TlsMode {
    let default = if config.tls.is_configured() { TlsMode::Auto } else { TlsMode::Off };
    config.node.tls.unwrap_or(default)
}

fn row(front: &TcpFront, config: &Config) -> ListenerRow {
    let (addr, tls) = (front.local_addr(), tls_mode(config).as_str());
    let serves = "the node's HTTP API, health, metrics";
    ListenerRow { name: "node", addr, transport: "tcp", tls, serves }
}

/// The node's routes; what they have not is the administration's: health, readiness, metrics.
fn routes(
    ground: &NodeGround<'_>,
    mut registry: Registry,
    node: &Node,
    metrics: MeshMetrics,
    http_part: &Arc<HttpPart>,
    stop: &CancellationToken,
) -> anyhow::Result<Router> {
    let (config, clock) = (ground.config, ground.clock);
    let (file, saved) = RevocationFile::open(&ground.data_dir)?;
    let tokens = Arc::new(TokenRevocations::new(saved, Some(Arc::new(file)), config.auth.revocations_max));
    let keyring = auth::keyring(config, ground.generated)?.with_revoked(tokens.revoked());
    let access = Arc::new(ArcSwap::from_pointee(admin_access(config, keyring)));
    let gate = Arc::new(TokenGate(Arc::clone(&access)));
    let parts: Vec<Arc<dyn Part>> = vec![
        Arc::clone(http_part) as Arc<dyn Part>,
        Arc::new(DataDirPart::new(ground.data_dir.clone(), config.data.free_space_min)),
        Arc::new(NodePart(node.clone())),
    ];
    let host = HostFigures::new(ground.data_dir.clone(), Vec::new(), 0);
    let telemetry = Arc::new(Telemetry::new(vec![Arc::new(host)]));
    let sampled = Arc::clone(&telemetry);
    // It ends with the runtime.
    tokio::spawn(async move { sampled.run(Arc::new(move || clock.now())).await });
    let admin = sangam_admin_server::router(AdminState {
        parts,
        relay: None,
        rooms: None,
        sync: None,
        devices: None,
        brokers: None,
        telemetry,
        tokens,
        metrics: HttpMetrics::register(&mut registry),
        registry: Arc::new(registry),
        access,
        clock: Arc::new(move || clock.now()),
        started: clock.now(),
        version: env!("CARGO_PKG_VERSION"),
        options: AdminOptions::default(),
    });
    let deps = HttpDeps { gate, metrics, stop: stop.clone() };
    let routes = router(node.clone(), node::http_options(&config.node), deps);
    Ok(routes.fallback_service(admin.fallback(not_found)))
}

/// Trusted loopback, an address in `admin.allow` that only looks, or a token.
#[derive(Debug)]
struct TokenGate(Arc<ArcSwap<Access>>);

impl Gate for TokenGate {
    fn admit(&self, client: Option<&Client>, headers: &HeaderMap, need: Need) -> Result<(), Box<Response>> {
        let access = self.0.load();
        match need {
            Need::Read => access.admit_reader(client, headers, Scope::AdminRead, wall_now()),
            Need::Write => access.admit_writer(client, headers, wall_now()),
        }
    }
}
