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
    /// Opens every listener, or none.
    pub(crate) fn bind(
        planned: Vec<PlannedListener>,
        http: &Http,
        tls: Option<&TlsFront>,
        rules: &LiveRules,
    ) -> anyhow::Result<Self> {
        let bind = |listener: PlannedListener| {
            let tls = match (listener.tls, tls) {
                (TlsMode::Off, _) => Tls::Off,
                (TlsMode::On, Some(tls)) => Tls::On(tls.clone()),
                (TlsMode::Auto, Some(tls)) => Tls::Auto(tls.clone()),
                (TlsMode::On | TlsMode::Auto, None) => {
                    anyhow::bail!(
                        "`{}` is to speak TLS and there is no certificate; set `tls.certificate_file`",
                        listener.key
                    )
                }
            };
            let options = front_options(http, listener.proxy_protocol);
            let front = TcpFront::bind(listener.addr, tls, options, rules.clone())
                .with_context(|| format!("`{}`", listener.key))?;
            Ok((listener, front))
        };
        planned.into_iter().map(bind).collect::<anyhow::Result<_>>().map(Self)
    }

    /// A line of the table for each thing that is served.
    pub(crate) fn rows(&self) -> Vec<ListenerRow> {
        let main = ("http", "pages, health, metrics, /ws, /ice-servers, /turn");
        let signaling = ("signal", "JSON signaling (WebSocket, any path)");
        let of_listener = |(listener, front): &(PlannedListener, TcpFront)| {
            let served = match listener.serves {
                Serves::Main => vec![main],
                Serves::Signaling => vec![signaling],
                Serves::Both => vec![main, signaling],
                Serves::Metrics => vec![("metrics", "/metrics")],
            };
            let (addr, tls) = (front.local_addr(), listener.tls.as_str());
            served.into_iter().map(move |(name, serves)| ListenerRow { name, addr, transport: "tcp", tls, serves })
        };
        self.0.iter().flat_map(of_listener).collect()
    }

    /// The counters by name, those of one name added up.
    pub(crate) fn figures(&self) -> Vec<(&'static str, ReadListener)> {
        let of_name = |name: &'static str, wanted: fn(Serves) -> bool| {
            let stats: Vec<Arc<FrontStats>> =
                self.0.iter().filter(|(listener, _)| wanted(listener.serves)).map(|(_, front)| front.stats()).collect();
            let read: ReadListener = Arc::new(move || sum(&stats));
            (name, read)
        };
        let mut figures = vec![of_name("http", |serves| matches!(serves, Serves::Main | Serves::Both))];
        if self.0.iter().any(|(listener, _)| listener.serves == Serves::Signaling) {
            figures.push(of_name("signal", |serves| serves == Serves::Signaling));
        }
        if self.0.iter().any(|(listener, _)| listener.serves == Serves::Metrics) {
            figures.push(of_name("metrics", |serves| serves == Serves::Metrics));
        }
        figures
    }

    /// Serves until `stop`.
    pub(crate) fn serve(
        self,
        main: &Router,
        signaling: Option<&Router>,
        options: &HttpOptions,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<Drained>> {
        let spawn = |(listener, front): (PlannedListener, TcpFront)| {
            let router = match (listener.serves, signaling) {
                (Serves::Main, _) | (Serves::Signaling | Serves::Both, None) => main.clone(),
                (Serves::Metrics, _) => main.clone().layer(from_fn(metrics_alone)),
                (Serves::Signaling, Some(signaling)) => signaling.clone(),
                (Serves::Both, Some(signaling)) => {
                    main.clone().layer(from_fn_with_state(signaling.clone(), websockets_to_signaling))
                }
            };
            tokio::spawn(serve(front, router, options.clone(), stop.clone()))
        };
        self.0.into_iter().map(spawn).collect()
    }
}

/// What is not `/metrics` is not there.
async fn metrics_alone(request: Request, next: Next) -> Response {
    if request.uri().path() == "/metrics" {
        return next.run(request).await;
    }
    not_found(request.method().clone(), request.uri().clone()).await
}

/// On a shared listener a WebSocket is signaling at any path, everything else is the main HTTP's.
async fn websockets_to_signaling(State(signaling): State<Router>, request: Request, next: Next) -> Response {
    let upgrade = request.headers().get(header::UPGRADE);
    let websocket = upgrade.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if websocket || *request.method() == Method::CONNECT {
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
