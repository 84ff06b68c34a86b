//! TCP listeners: bound, served, asked how they are.

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Method, header};
use sangam_admin_server::not_found;
use sangam_config::TlsMode;
use sangam_config::sections::http::Http;
use sangam_control::{Part, PartReport, PartState};
use sangam_device_server::DeviceServer;
use sangam_net::http::{Drained, HttpOptions, serve};
use sangam_net::{FrontStats, LiveRules, TcpFront, Tls, TlsFront};
use sangam_telemetry::metrics::listener::{ListenerFigures, ReadListener};
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::listener_plan::{PlannedListener, Serves};
use crate::options::front::front_options;
use crate::start_report::ListenerRow;

/// Listeners that are open and serve nothing yet.
#[derive(Debug)]
pub(crate) struct BoundListeners(Vec<(PlannedListener, TcpFront)>);

impl BoundListeners {
    /// Opens every listener, or none. Those that serve devices at any path have a TLS of their own, which may ask for certificates.
    pub(crate) fn bind(
        planned: Vec<PlannedListener>,
        http: &Http,
        (tls, devices_tls): (Option<&TlsFront>, Option<&TlsFront>),
        rules: &LiveRules,
    ) -> anyhow::Result<Self> {
        let bind = |listener: PlannedListener| {
            let tls = if listener.serves.cwmp { devices_tls } else { tls };
            let tls = match (listener.tls, tls) {
                (TlsMode::Off, _) => Tls::Off,
                (TlsMode::On, Some(tls)) => Tls::On(tls.clone()),
                (TlsMode::Auto, Some(tls)) => Tls::Auto(tls.clone()),
                (TlsMode::On | TlsMode::Auto, None) => {
                    anyhow::bail!(
                        "`{}` is to speak TLS and there is no certificate; set `tls.certificate_file`",
                        listener.key()
                    )
                }
            };
            let options = front_options(http, listener.proxy_protocol);
            let front = TcpFront::bind(listener.addr, tls, options, rules.clone())
                .with_context(|| format!("`{}`", listener.key()))?;
            Ok((listener, front))
        };
        planned.into_iter().map(bind).collect::<anyhow::Result<_>>().map(Self)
    }

    /// A line of the table for each thing that is served.
    pub(crate) fn rows(&self) -> Vec<ListenerRow> {
        let mut rows = Vec::new();
        for (listener, front) in &self.0 {
            let (addr, tls) = (front.local_addr(), listener.tls.as_str());
            let served = SERVED.into_iter().filter(|(is, _, _)| is(listener.serves));
            rows.extend(served.map(|(_, name, serves)| ListenerRow { name, addr, transport: "tcp", tls, serves }));
        }
        rows
    }

    /// The counters by name, those of one name added up. A listener counts under the first thing that it serves.
    pub(crate) fn figures(&self) -> Vec<(&'static str, ReadListener)> {
        let mut by_name: Vec<(&'static str, Vec<Arc<FrontStats>>)> = Vec::new();
        for (listener, front) in &self.0 {
            let first = SERVED.into_iter().find(|(is, _, _)| is(listener.serves));
            let name = first.map_or("http", |(_, name, _)| name);
            match by_name.iter_mut().find(|(known, _)| *known == name) {
                Some((_, stats)) => stats.push(front.stats()),
                None => by_name.push((name, vec![front.stats()])),
            }
        }
        let read = |(name, stats): (_, Vec<_>)| -> (_, ReadListener) { (name, Arc::new(move || sum(&stats))) };
        by_name.into_iter().map(read).collect()
    }

    /// Serves until `stop`.
    pub(crate) fn serve(
        self,
        routers: &Routers,
        options: &HttpOptions,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<Drained>> {
        let spawn = |(listener, front): (PlannedListener, TcpFront)| {
            tokio::spawn(serve(front, routers.of(listener.serves), options.clone(), stop.clone()))
        };
        self.0.into_iter().map(spawn).collect()
    }
}

/// What can be served: how to see it, its name and what the table of listeners says of it.
type Served = (fn(Serves) -> bool, &'static str, &'static str);

const SERVED: [Served; 5] = [
    (|it| it.main, "http", "pages, health, metrics, /ws, /socket.io/, rendezvous, /ice-servers, /turn, sync at /v1"),
    (|it| it.signaling, "signal", "JSON signaling (WebSocket, any path)"),
    (|it| it.socketio, "socketio", "Socket.IO and its /health"),
    (|it| it.cwmp, "devices", "CWMP (TR-069, any path), USP at /usp"),
    (|it| it.metrics && !it.main, "metrics", "/metrics"),
];

/// What the listeners serve.
pub(crate) struct Routers {
    pub(crate) main: Router,
    /// Whether sync is in it, whose WebSocket is at a path of its own.
    pub(crate) sync: bool,
    /// JSON signaling at any path.
    pub(crate) signaling: Option<Router>,
    /// Socket.IO at its path, and the guide's `/health`.
    pub(crate) socketio: Option<Router>,
    /// CWMP at any path.
    pub(crate) cwmp: Option<Router>,
}

impl Routers {
    /// The router of a listener: the main HTTP has everything at paths of its own, what else it shares its address with
    /// adds only what that one has not.
    fn of(&self, serves: Serves) -> Router {
        if serves.main {
            return match self.signaling.clone().filter(|_| serves.signaling) {
                Some(signaling) => {
                    let state = (signaling, self.sync);
                    self.main.clone().layer(from_fn_with_state(state, websockets_to_signaling))
                }
                None => self.main.clone(),
            };
        }
        let metrics = || self.main.clone().layer(from_fn(metrics_alone));
        let base = match self.signaling.clone().filter(|_| serves.signaling) {
            Some(signaling) => signaling,
            None => Router::new().fallback(not_found),
        };
        let base = match self.socketio.clone().filter(|_| serves.socketio) {
            Some(socketio) => socketio.fallback_service(base),
            None => base,
        };
        let base = match self.cwmp.clone().filter(|_| serves.cwmp) {
            Some(cwmp) if serves.signaling || serves.socketio => base.layer(from_fn_with_state(cwmp, soap_to_cwmp)),
            Some(cwmp) => cwmp,
            None => base,
        };
        if serves.metrics { base.layer(from_fn_with_state(metrics(), metrics_to_main)) } else { base }
    }
}

/// `/metrics` is the main HTTP's, everything else is this listener's.
async fn metrics_to_main(State(metrics): State<Router>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/metrics" {
        return metrics.oneshot(request).await.unwrap_or_else(|never| match never {});
    }
    next.run(request).await
}

/// On a listener shared with signaling, what is posted anywhere but to Socket.IO is of a device, and so is what asks for USP.
async fn soap_to_cwmp(State(cwmp): State<Router>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let posted = *request.method() == Method::POST && !path.starts_with("/socket.io");
    if posted || path.starts_with("/files/") || is_usp(&request) {
        return cwmp.oneshot(request).await.unwrap_or_else(|never| match never {});
    }
    next.run(request).await
}

/// Whether a WebSocket is wanted by an agent of USP: no client of signaling names that subprotocol.
fn is_usp(request: &Request) -> bool {
    let asks = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    request.uri().path() == DeviceServer::USP_PATH && asks.is_some_and(|asks| asks.contains("v1.usp"))
}

/// What is not `/metrics` is not there.
async fn metrics_alone(request: Request, next: Next) -> Response {
    if request.uri().path() == "/metrics" {
        return next.run(request).await;
    }
    not_found(request.method().clone(), request.uri().clone()).await
}

/// On a shared listener a WebSocket is JSON signaling at any path but those of Socket.IO, sync and USP, everything else is the
/// main HTTP's.
async fn websockets_to_signaling(
    State((signaling, sync)): State<(Router, bool)>,
    request: Request,
    next: Next,
) -> Response {
    let upgrade = request.headers().get(header::UPGRADE);
    let websocket = upgrade.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let path = request.uri().path();
    let websocket = websocket && !path.starts_with("/socket.io") && !(sync && path.starts_with("/v1/"));
    if (websocket || *request.method() == Method::CONNECT) && !is_usp(&request) {
        return signaling.oneshot(request).await.unwrap_or_else(|never| match never {});
    }
    next.run(request).await
}

pub(crate) fn sum(stats: &[Arc<FrontStats>]) -> ListenerFigures {
    let mut sum = ListenerFigures::default();
    for snapshot in stats.iter().map(|stats| stats.snapshot()) {
        sum.active += snapshot.active;
        sum.accepted += snapshot.accepted;
        sum.requests += snapshot.requests;
        let refused = snapshot.refused.map(|(reason, count)| (reason.as_str(), count));
        let later = [
            ("accept_failed", snapshot.accept_errors),
            ("no_descriptor", snapshot.accept_exhausted),
            ("malformed", snapshot.connections_malformed),
            ("bad_host", snapshot.requests_refused),
            ("header_timeout", snapshot.header_timeouts),
            ("idle", snapshot.idle_closed),
            ("linger_cut", snapshot.linger_cut),
            ("drain_cut", snapshot.drain_cut),
        ];
        add(&mut sum.refused, refused.into_iter().chain(later));
        let handshakes = [("ok", snapshot.tls_ok), ("failed", snapshot.tls_failed), ("timeout", snapshot.tls_timeout)];
        add(&mut sum.handshakes, handshakes);
    }
    sum
}

fn add(sums: &mut Vec<(&'static str, u64)>, counts: impl IntoIterator<Item = (&'static str, u64)>) {
    for (name, count) in counts {
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count,
            None => sums.push((name, count)),
        }
    }
}

/// The TCP listeners as a part of the server: each must still be served.
#[derive(Debug, Default)]
pub(crate) struct HttpPart {
    tasks: OnceLock<Vec<AbortHandle>>,
}

impl HttpPart {
    /// Names the tasks that serve, once they run.
    pub(crate) fn watch(&self, tasks: &[JoinHandle<Drained>]) {
        self.tasks.set(tasks.iter().map(JoinHandle::abort_handle).collect()).ok();
    }
}

impl Part for HttpPart {
    fn name(&self) -> &'static str {
        "http"
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        let tasks = self.tasks.get().map_or(&[][..], Vec::as_slice);
        let ended = tasks.iter().filter(|task| task.is_finished()).count();
        let report = if ended == 0 {
            PartReport { state: PartState::Ready, detail: format!("{} listeners are served", tasks.len()) }
        } else {
            let detail = format!("{ended} of {} listeners are no longer served", tasks.len());
            PartReport { state: PartState::Failed, detail }
        };
        async { report }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http::StatusCode;

    use super::*;

    /// Who answers a WebSocket upgrade on a listener that the main HTTP shares with signaling.
    async fn answered(sync: bool, path: &str) -> StatusCode {
        let main = Router::new().route("/v1/ws", get(|| async { StatusCode::OK })).fallback(not_found);
        let signaling = Some(Router::new().fallback(|| async { StatusCode::IM_A_TEAPOT }));
        let routers = Routers { main, sync, signaling, socketio: None, cwmp: None };
        let router = routers.of(Serves { main: true, signaling: true, ..Serves::SIGNALING });
        let request = Request::get(path).header(header::UPGRADE, "websocket").body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn on_a_listener_shared_with_signaling_the_websocket_of_sync_is_its_own() {
        assert_eq!(answered(true, "/v1/ws").await, StatusCode::OK);
        assert_eq!(answered(false, "/v1/ws").await, StatusCode::IM_A_TEAPOT);
        for path in ["/ws", "/v1", "/"] {
            assert_eq!(answered(true, path).await, StatusCode::IM_A_TEAPOT, "{path}");
        }
    }

    #[tokio::test]
    async fn on_a_listener_shared_with_signaling_what_is_posted_is_of_a_device() {
        let answers = |status| Some(Router::new().fallback(move || async move { status }));
        let (signaling, cwmp) = (answers(StatusCode::IM_A_TEAPOT), answers(StatusCode::NO_CONTENT));
        let routers = Routers { main: Router::new(), sync: false, signaling, socketio: None, cwmp };
        let status = async |serves: Serves, request: http::request::Builder| {
            let request = request.body(Body::empty()).unwrap();
            routers.of(serves).oneshot(request).await.unwrap().status()
        };
        let shared = Serves { signaling: true, ..Serves::CWMP };
        assert_eq!(status(shared, Request::post("/acs")).await, StatusCode::NO_CONTENT);
        assert_eq!(status(shared, Request::get("/files/image")).await, StatusCode::NO_CONTENT);
        assert_eq!(status(shared, Request::get("/acs")).await, StatusCode::IM_A_TEAPOT);
        let usp = |path: &str| Request::get(path).header(header::SEC_WEBSOCKET_PROTOCOL, "v1.usp");
        assert_eq!(status(shared, usp("/usp")).await, StatusCode::NO_CONTENT);
        assert_eq!(status(shared, usp("/")).await, StatusCode::IM_A_TEAPOT);
        assert_eq!(status(shared, Request::get("/usp")).await, StatusCode::IM_A_TEAPOT);
        assert_eq!(status(Serves::CWMP, Request::get("/")).await, StatusCode::NO_CONTENT);
        assert_eq!(status(Serves::SIGNALING, Request::post("/acs")).await, StatusCode::IM_A_TEAPOT);
    }
}
