//! A server on a store in a directory of its own, and a device that speaks to it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use prometheus_client::registry::Registry;
use sangam_auth::digest::{Challenges, DigestClient, RequestLine};
use sangam_device_server::{Credentials, Deps, DeviceServer, EnrolRules, Live, Login, Options, Policy, Secret, Stun};
use sangam_net::http::{Client, Scheme};
use sangam_storage_sqlite::{SqliteOptions, open_devices};
use sangam_telemetry::metrics::devices::DeviceMetrics;
use sangam_types::Wall;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// 2026-01-01T00:00:00Z.
const START_MS: u64 = 1_767_225_600_000;

pub(crate) struct Rig {
    pub(crate) server: DeviceServer,
    registry: Registry,
    clock: Arc<AtomicU64>,
    dir: TempDir,
}

impl Rig {
    pub(crate) fn start(policy: Policy) -> Self {
        Self::with(policy, Options::default())
    }

    pub(crate) fn with(policy: Policy, options: Options) -> Self {
        Self::on(tempfile::tempdir().unwrap(), policy, Arc::new(AtomicU64::new(START_MS)), options)
    }

    /// Beside a STUN listener.
    pub(crate) fn beside(stun: Stun, options: Options) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(AtomicU64::new(START_MS)));
        Self::made(dir, Policy::SharedCredential, clock, options, Some(stun))
    }

    pub(crate) fn with_devices_max(policy: Policy, devices_max: u64) -> Self {
        Self::with(policy, Options { devices_max, ..Options::default() })
    }

    fn on(dir: TempDir, policy: Policy, clock: Arc<AtomicU64>, settings: Options) -> Self {
        Self::made(dir, policy, clock, settings, None)
    }

    fn made(dir: TempDir, policy: Policy, clock: Arc<AtomicU64>, settings: Options, stun: Option<Stun>) -> Self {
        let options = SqliteOptions { synced: false, wal_bytes_laid_down: 0, ..SqliteOptions::default() };
        let store = open_devices(dir.path(), &options).unwrap();
        let mut registry = Registry::default();
        let metrics = Arc::new(DeviceMetrics::register(&mut registry));
        let time = Arc::clone(&clock);
        let deps =
            Deps { store, metrics, clock: Arc::new(move || Wall::from_unix_millis(time.load(Ordering::SeqCst))), stun };
        let server = DeviceServer::start(settings, live(policy), deps).unwrap();
        Self { server, registry, clock, dir }
    }

    /// The same store under another server, after this one has ended.
    pub(crate) async fn restarted(self, policy: Policy) -> Self {
        let Self { server, clock, dir, .. } = self;
        server.drain().await;
        drop(server);
        clock.fetch_add(1, Ordering::SeqCst);
        Self::on(dir, policy, clock, Options::default())
    }

    /// The same store under another server, though nobody told this one that it ends.
    pub(crate) async fn killed(self, policy: Policy) -> Self {
        let Self { server, clock, dir, .. } = self;
        let copy = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        drop(server);
        clock.fetch_add(1, Ordering::SeqCst);
        Self::on(copy, policy, clock, Options::default())
    }

    /// The wall clock goes on.
    pub(crate) fn pass(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    /// Waits for what happens beside requests.
    pub(crate) async fn until(&self, mut holds: impl AsyncFnMut() -> bool) {
        let limit = Duration::from_secs(30);
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(limit, waiting).await.expect("it holds in time");
    }

    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }

    pub(crate) fn counts(&self, line: &str) -> bool {
        self.metrics().lines().any(|known| known == line)
    }
}

fn live(policy: Policy) -> Live {
    let shared = Login { user: "factory".into(), secret: Secret::new("factory-password").unwrap() };
    Live {
        enrol: EnrolRules { policy, ..EnrolRules::default() },
        credentials: Credentials::new(vec![shared]),
        basic_without_tls: false,
        periodic_interval: None,
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A device: its cookie, and what it logs in with.
pub(crate) struct Device {
    router: axum::Router,
    serial: &'static str,
    from: SocketAddr,
    cookie: Option<String>,
    login: Option<DigestClient>,
}

impl Device {
    pub(crate) fn new(rig: &Rig, serial: &'static str) -> Self {
        Self {
            router: rig.server.router(),
            serial,
            from: "192.0.2.7:40000".parse().unwrap(),
            cookie: None,
            login: None,
        }
    }

    /// Its sessions come from there.
    pub(crate) fn at(mut self, from: IpAddr) -> Self {
        self.from.set_ip(from);
        self
    }

    pub(crate) fn with_login(mut self, user: &str, password: &str) -> Self {
        self.login = Some(DigestClient::new(user, password));
        self
    }

    /// What it logs in with, for another life of its server.
    pub(crate) fn into_login(self) -> Option<DigestClient> {
        self.login
    }

    pub(crate) fn logged_in(mut self, login: Option<DigestClient>) -> Self {
        self.login = login;
        self
    }

    /// Posts once, with whatever it knows, and tells no length.
    pub(crate) async fn post_once(&mut self, body: &str) -> Answer {
        self.send_once(Body::from(body.to_owned())).await
    }

    /// Posts the beginning of something that never ends.
    pub(crate) async fn post_without_end(&mut self, beginning: &'static str) -> Answer {
        let piece = stream::once(async move { Ok::<_, std::io::Error>(beginning) });
        self.send_once(Body::from_stream(piece.chain(stream::pending()))).await
    }

    /// The same with a body that comes as it likes.
    pub(crate) async fn send_once(&mut self, body: Body) -> Answer {
        let mut request = Request::post("/acs").header(header::CONTENT_TYPE, "text/xml");
        request = request.header(header::HOST, "acs.example:7547");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let line = RequestLine { method: "POST", target: "/acs" };
        if let Some(line) = self.login.as_mut().and_then(|login| login.authorize(line, [7; 16])) {
            request = request.header(header::AUTHORIZATION, line);
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(client(self.from));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        if let Some(cookie) = parts.headers.get(header::SET_COOKIE) {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Posts, and goes away before the answer.
    pub(crate) async fn post_and_hang_up(&mut self, body: &str) {
        let mut posting = std::pin::pin!(self.post_once(body));
        for _ in 0..2 {
            assert!(futures_util::poll!(&mut posting).is_pending(), "it is answered before it is lost");
        }
    }

    /// The same where it is answered once all of it is read, if not before.
    pub(crate) async fn post_and_hang_up_at_once(&mut self, body: &str) {
        let mut posting = std::pin::pin!(self.post_once(body));
        // It may be answered as soon as it came.
        let _ = futures_util::poll!(&mut posting);
    }

    /// Posts, and once more when it is asked to log in.
    pub(crate) async fn post(&mut self, body: &str) -> Answer {
        let answer = self.post_once(body).await;
        if answer.status != StatusCode::UNAUTHORIZED {
            return answer;
        }
        let Some(login) = &mut self.login else { return answer };
        let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE).iter().map(|it| it.to_str().unwrap());
        if login.challenged(&Challenges::parse(challenges)).is_err() {
            return answer;
        }
        self.post_once(body).await
    }

    pub(crate) async fn inform(&mut self, events: &[&str], parameters: &[(&str, &str)]) -> Answer {
        self.cookie = None;
        let inform = inform(self.serial, events, parameters);
        self.post(&inform).await
    }
}

pub(crate) fn client(addr: SocketAddr) -> Client {
    Client {
        addr,
        local: "192.0.2.1:7547".parse().unwrap(),
        scheme: Scheme::Http,
        trusted_loopback: false,
        origin_allowed: true,
    }
}

/// An Inform as TR-069 Amendment 6 Annex A.3.3.1 has it.
pub(crate) fn inform(serial: &str, events: &[&str], parameters: &[(&str, &str)]) -> String {
    let events: Vec<String> = events
        .iter()
        .map(|code| format!("<EventStruct><EventCode>{code}</EventCode><CommandKey></CommandKey></EventStruct>"))
        .collect();
    let values: Vec<String> = parameters
        .iter()
        .map(|(name, value)| {
            format!(
                "<ParameterValueStruct><Name>{name}</Name><Value xsi:type=\"xsd:string\">{value}</Value></ParameterValueStruct>"
            )
        })
        .collect();
    envelope(
        "17",
        &format!(
            "<cwmp:Inform><DeviceId><Manufacturer>Maker</Manufacturer><OUI>00D09E</OUI>\
             <ProductClass>Box</ProductClass><SerialNumber>{serial}</SerialNumber></DeviceId>\
             <Event soap-enc:arrayType=\"cwmp:EventStruct[{}]\">{}</Event><MaxEnvelopes>1</MaxEnvelopes>\
             <CurrentTime>0001-01-01T00:00:00Z</CurrentTime><RetryCount>0</RetryCount>\
             <ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[{}]\">{}</ParameterList></cwmp:Inform>",
            events.len(),
            events.concat(),
            values.len(),
            values.concat()
        ),
    )
}

/// An envelope of `cwmp-1-2`.
pub(crate) fn envelope(id: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\">\
         <soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">{id}</cwmp:ID></soap-env:Header>\
         <soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
    )
}

/// What stands in the first element of that name.
pub(crate) fn text_of<'a>(body: &'a str, element: &str) -> Option<&'a str> {
    let at = body.find(&format!("<{element}"))?;
    let begin = at + body[at..].find('>')? + 1;
    let end = begin + body[begin..].find("</")?;
    Some(&body[begin..end])
}
