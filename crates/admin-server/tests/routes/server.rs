use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use prometheus_client::registry::Registry;
use sangam_admin_server::{Access, AdminOptions, AdminState, Telemetry, router};
use sangam_auth::token::{Claims, Key, Keyring, TokenOptions, Use};
use sangam_control::{
    Brokers, DeviceAdmin, Figures, Part, PartReport, PartState, RelaySessions, Rooms, SyncAdmin, TokenRevocations,
};
use sangam_net::http::{Client, Scheme};
use sangam_telemetry::metrics::http::HttpMetrics;
use sangam_telemetry::metrics::process::ProcessMetrics;
use sangam_types::{Mono, Now, Wall};
use tower::ServiceExt as _;

use crate::fake_devices::FakeDevices;
use crate::relay::FakeSessions;
use crate::rooms::FakeRooms;
use crate::stomp::FakeBrokers;
use crate::sync::FakeSync;
use crate::telemetry::FakeFigures;

/// 2023-11-14T22:13:20Z, an hour after the server began.
pub(crate) const NOW: Now =
    Now { mono: Mono::from_start(Duration::from_secs(3_605)), wall: Wall::from_unix_secs(1_700_000_000) };

/// The routes with two parts, `relay` and `signal`.
pub(crate) struct Server {
    router: Router,
    pub(crate) access: Arc<ArcSwap<Access>>,
    pub(crate) relay: Arc<Told>,
    pub(crate) sessions: Arc<FakeSessions>,
    pub(crate) rooms: Arc<FakeRooms>,
    pub(crate) sync: Arc<FakeSync>,
    pub(crate) devices: Arc<FakeDevices>,
    pub(crate) figures: Arc<FakeFigures>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) brokers: Arc<FakeBrokers>,
}

/// A part that is as it is told to be.
pub(crate) struct Told {
    name: &'static str,
    state: Mutex<PartState>,
}

impl Told {
    pub(crate) fn be(&self, state: PartState) {
        *self.state.lock().unwrap() = state;
    }
}

impl Part for Told {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        let state = *self.state.lock().unwrap();
        Box::pin(async move { PartReport { state, detail: format!("{} was told so", self.name) } })
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum From {
    /// The operator, on the machine itself.
    Loopback,
    /// A page whose name was rebound to 127.0.0.1, or a proxy that nobody named.
    Rebound,
    /// An address in `admin.allow`.
    Allowed,
    /// Anybody.
    Public,
    /// Anybody, with this `Authorization`.
    Token(String),
    /// A request that the front did not describe.
    Nowhere,
}

impl From {
    fn client(&self) -> Option<Client> {
        let (addr, trusted_loopback) = match self {
            Self::Loopback => ("127.0.0.1:50000", true),
            Self::Rebound => ("127.0.0.1:50000", false),
            Self::Allowed => ("10.1.2.3:50000", false),
            Self::Public | Self::Token(_) => ("203.0.113.9:50000", false),
            Self::Nowhere => return None,
        };
        let (addr, local) = (addr.parse().unwrap(), "127.0.0.1:8080".parse().unwrap());
        Some(Client { addr, local, scheme: Scheme::Http, trusted_loopback, origin_allowed: true })
    }
}

/// Keys and addresses, with `secret` repeated to the length of a key.
pub(crate) fn access(secret: u8) -> Access {
    let key = |use_| Key::new("k", use_, &vec![secret; 32].into()).unwrap();
    let keys = vec![key(Use::Admin), key(Use::Signal)];
    let keyring = Keyring::new(keys, TokenOptions::default()).unwrap();
    Access { keyring, allow: vec!["10.1.0.0/16".parse().unwrap()], renew_max: Duration::from_secs(86_400) }
}

/// `Authorization` with a token signed by that secret, good from now for `secs`.
pub(crate) fn bearer(secret: u8, scope: &str, secs: u64) -> From {
    let exp = Wall::from_unix_secs(NOW.wall.unix_secs() - 3_600 + secs);
    let claims = Claims { scope: Some(scope.to_owned()), ..Claims::new("alice", exp) };
    From::Token(format!("Bearer {}", access(secret).keyring.mint(Use::Admin, &claims).unwrap()))
}

/// A good token.
pub(crate) fn token(scope: &str) -> From {
    bearer(b'a', scope, 7_200)
}

/// A token that ended 59 minutes ago.
pub(crate) fn expired(scope: &str) -> From {
    bearer(b'a', scope, 60)
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with_clock(|| NOW)
    }

    /// Sync is not among its roles.
    pub(crate) fn without_sync() -> Self {
        Self::made(|| NOW, false, true)
    }

    /// The management of devices is not among its roles.
    pub(crate) fn without_devices() -> Self {
        Self::made(|| NOW, true, false)
    }

    pub(crate) fn with_clock(clock: impl Fn() -> Now + Send + Sync + 'static) -> Self {
        Self::made(clock, true, true)
    }

    fn made(clock: impl Fn() -> Now + Send + Sync + 'static, syncs: bool, manages: bool) -> Self {
        let told = |name| Arc::new(Told { name, state: Mutex::new(PartState::Ready) });
        let (relay, signal) = (told("relay"), told("signal"));
        let mut registry = Registry::default();
        ProcessMetrics::register(&mut registry);
        let metrics = HttpMetrics::register(&mut registry);
        let tokens = Arc::new(TokenRevocations::default());
        let access = access(b'a');
        let keyring = access.keyring.with_revoked(tokens.revoked());
        let access = Arc::new(ArcSwap::from_pointee(Access { keyring, ..access }));
        let sessions = Arc::<FakeSessions>::default();
        let rooms = Arc::<FakeRooms>::default();
        let sync = Arc::<FakeSync>::default();
        let devices = Arc::<FakeDevices>::default();
        let figures = Arc::<FakeFigures>::default();
        let telemetry = Arc::new(Telemetry::new(vec![Arc::clone(&figures) as Arc<dyn Figures>]));
        let brokers = Arc::<FakeBrokers>::default();
        let state = AdminState {
            parts: vec![Arc::clone(&relay) as Arc<dyn Part>, signal],
            relay: Some(Arc::clone(&sessions) as Arc<dyn RelaySessions>),
            rooms: Some(Arc::clone(&rooms) as Arc<dyn Rooms>),
            sync: syncs.then(|| Arc::clone(&sync) as Arc<dyn SyncAdmin>),
            devices: manages.then(|| Arc::clone(&devices) as Arc<dyn DeviceAdmin>),
            brokers: manages.then(|| Arc::clone(&brokers) as Arc<dyn Brokers>),
            telemetry: Arc::clone(&telemetry),
            tokens,
            registry: Arc::new(registry),
            metrics,
            access: Arc::clone(&access),
            clock: Arc::new(clock),
            started: Now { mono: Mono::from_start(Duration::from_secs(5)), wall: Wall::from_unix_secs(1_699_996_400) },
            version: "1.2.3",
            options: AdminOptions { check_keep: Duration::ZERO, ..AdminOptions::default() },
        };
        Self { router: router(state), access, relay, sessions, rooms, sync, devices, brokers, figures, telemetry }
    }

    pub(crate) async fn get(&self, path: &str, from: &From) -> Answer {
        self.send(Method::GET, path, from, &[]).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, from: &From, headers: &[(&str, &str)]) -> Answer {
        self.send_body(method, path, from, headers, "").await
    }

    pub(crate) async fn send_body(
        &self,
        method: Method,
        path: &str,
        from: &From,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let response = self.respond(method, path, from, headers, body).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// An answer whose body is still to come.
    pub(crate) async fn respond(
        &self,
        method: Method,
        path: &str,
        from: &From,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let From::Token(authorization) = from {
            request = request.header("authorization", authorization);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        if let Some(client) = from.client() {
            request.extensions_mut().insert(client);
        }
        self.router.clone().oneshot(request).await.unwrap()
    }
}
