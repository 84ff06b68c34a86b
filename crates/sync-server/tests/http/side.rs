//! What the tests share: a server, tokens for it, and requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Method, Request, StatusCode, header};
use prometheus_client::registry::Registry;
use sangam_auth::token::{Claims, Key, Keyring, TokenOptions, Use};
use sangam_net::http::{Client, Scheme};
use sangam_storage::sync::Store;
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_sync_proto::message::{
    Bounds, ErrorResponse, HandshakeRequest, HandshakeResponse, Message, PullRequest, PullResponse, PushRequest,
    PushResponse,
};
use sangam_sync_proto::{Kind, Operation};
use sangam_sync_server::{Access, Deps, Live, Options, SyncServer};
use sangam_telemetry::metrics::sync::SyncMetrics;
use sangam_types::Wall;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// The server's time of day.
pub(crate) const NOW: Wall = Wall::from_unix_millis(1_702_569_600_000);

pub(crate) const SECRET: &str = "0123456789abcdefghijklmnopqrstuv";
pub(crate) const OTHER_SECRET: &str = "vutsrqponmlkjihgfedcba9876543210";

pub(crate) struct Side {
    pub(crate) router: Router,
    pub(crate) server: SyncServer,
    pub(crate) figures: Registry,
    _dir: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) fn keyring() -> Keyring {
    let key = |kid: &str, use_, secret: &str| Key::new(kid, use_, &secret.as_bytes().to_vec().into()).unwrap();
    let keys =
        vec![key("s1", Use::Sync, SECRET), key("a1", Use::Admin, OTHER_SECRET), key("g1", Use::Signal, OTHER_SECRET)];
    Keyring::new(keys, TokenOptions::default()).unwrap()
}

/// No CORS, no log, no limit that a test would meet.
pub(crate) fn live() -> Live {
    Live {
        access: Access { keyring: keyring(), default_db: None, open: false },
        cors: None,
        rate_per_sec: 1_000_000,
        rate_burst: 1_000_000,
        log_requests: false,
    }
}

/// Claims that are good for a minute.
pub(crate) fn claims(db: Option<&str>, device: Option<&str>) -> Claims {
    let own = |name: Option<&str>| name.map(str::to_owned);
    Claims { db_id: own(db), device_id: own(device), ..Claims::new("alice", NOW + Duration::from_secs(60)) }
}

pub(crate) fn mint(use_: Use, claims: &Claims) -> String {
    keyring().mint(use_, claims).unwrap()
}

/// `Bearer` with a token for that database and device.
pub(crate) fn bearer(db: &str, device: Option<&str>) -> String {
    format!("Bearer {}", mint(Use::Sync, &claims(Some(db), device)))
}

pub(crate) async fn serve(options: Options, live: Live) -> Side {
    let dir = tempfile::tempdir().unwrap();
    let store = open_sync(dir.path(), &SqliteOptions::default()).unwrap();
    serve_store(options, live, store, dir).await
}

pub(crate) async fn serve_store(options: Options, live: Live, store: Store, dir: TempDir) -> Side {
    let mut figures = Registry::default();
    let metrics = Arc::new(SyncMetrics::register(&mut figures));
    metrics.register_aliases(&mut figures);
    let deps = Deps { store, metrics, clock: Arc::new(|| NOW) };
    let server = SyncServer::start(options, live, deps).await.unwrap();
    Side { figures, ..Side::of(server, dir) }
}

pub(crate) async fn plain() -> Side {
    serve(Options::default(), live()).await
}

pub(crate) fn request(method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(path)
}

/// With nothing where `authorization` is empty.
fn authorized(request: Builder, authorization: &str) -> Builder {
    if authorization.is_empty() { request } else { request.header(header::AUTHORIZATION, authorization) }
}

pub(crate) fn get(path: &str, authorization: &str) -> Request<Body> {
    authorized(request(Method::GET, path), authorization).body(Body::empty()).unwrap()
}

/// As the Dart client sends it.
pub(crate) fn post(path: &str, authorization: &str, body: impl Into<Body>) -> Request<Body> {
    let request = request(Method::POST, path).header(header::CONTENT_TYPE, "application/cbor");
    let request = authorized(request.header(header::ACCEPT, "application/cbor"), authorization);
    request.body(body.into()).unwrap()
}

impl Side {
    /// What is counted, as it is scraped.
    pub(crate) fn scraped(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.figures).unwrap();
        text
    }

    /// Around a server whose store lies in that directory.
    pub(crate) fn of(server: SyncServer, dir: TempDir) -> Self {
        Self { router: server.router(), server, figures: Registry::default(), _dir: dir }
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        self.ask_from("192.0.2.1", request).await
    }

    pub(crate) async fn ask_from(&self, address: &str, mut request: Request<Body>) -> Answer {
        let local: SocketAddr = "192.0.2.100:8080".parse().unwrap();
        request.extensions_mut().insert(Client {
            addr: SocketAddr::new(address.parse().unwrap(), 50_000),
            local,
            scheme: Scheme::Http,
            trusted_loopback: false,
            origin_allowed: true,
        });
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn push(&self, authorization: &str, db: &str, device: &str, ops: Vec<Operation>) -> Answer {
        let body = PushRequest { db: db.into(), device: device.into(), ops }.encode();
        self.ask(post("/v1/push", authorization, body)).await
    }

    pub(crate) async fn pull(&self, authorization: &str, pull: PullRequest) -> Answer {
        self.ask(post("/v1/pull", authorization, pull.encode())).await
    }

    pub(crate) async fn handshake(&self, authorization: &str, db: &str, device: &str, said: &[(&str, &str)]) -> Answer {
        let metadata = said.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let request = HandshakeRequest {
            db: db.into(),
            device: device.into(),
            platform: "android".to_owned(),
            app_version: "1.2.3".to_owned(),
            metadata: Some(metadata),
        };
        self.ask(post("/v1/handshake", authorization, request.encode())).await
    }
}

impl Answer {
    fn read<M: Message>(&self) -> M {
        M::decode(&self.body, &Bounds::default()).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn error(&self) -> ErrorResponse {
        assert_eq!(self.header("content-type"), "application/cbor", "{:?}", self.body);
        self.read()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/json", "{:?}", self.body);
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn pushed(&self) -> PushResponse {
        self.granted();
        self.read()
    }

    pub(crate) fn pulled(&self) -> PullResponse {
        self.granted();
        self.read()
    }

    pub(crate) fn welcomed(&self) -> HandshakeResponse {
        self.granted();
        self.read()
    }

    fn granted(&self) {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.body);
        assert_eq!(self.header("content-type"), "application/cbor");
    }
}

pub(crate) fn upsert(db: &str, device: &str, op_id: u64, entity: &str, version: u64) -> Operation {
    Operation {
        op_id,
        db: db.into(),
        device: device.into(),
        collection: "tasks".into(),
        entity: entity.into(),
        kind: Kind::Upsert,
        version,
        body: Some(Bytes::from(sangam_body(entity, version))),
        timestamp_ms: 1,
    }
}

/// `{"v": version, "e": entity}` in CBOR.
fn sangam_body(entity: &str, version: u64) -> Vec<u8> {
    let mut body = vec![0xa2, 0x61, b'v', 0x1b];
    body.extend_from_slice(&version.to_be_bytes());
    body.extend_from_slice(&[0x61, b'e', 0x78, u8::try_from(entity.len()).unwrap()]);
    body.extend_from_slice(entity.as_bytes());
    body
}

pub(crate) fn from_start(db: &str) -> PullRequest {
    PullRequest { db: db.into(), since: 0, limit: 100, collections: None, epoch: None }
}
