//! A server under test: a front, a small service, and a way to stop it.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use sangam_net::http::{Client, Drained, Endless, HttpOptions, RequestBody, serve};
use sangam_net::{FrontOptions, FrontRules, FrontSnapshot, FrontStats, LiveRules, TcpFront, Tls, TrustedProxies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, Semaphore, broadcast};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::service_fn;

/// How a server under test is set up.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) tls: Tls,
    pub(crate) front: FrontOptions,
    pub(crate) http: HttpOptions,
    pub(crate) rules: FrontRules,
}

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) rules: LiveRules,
    pub(crate) gate: Arc<Gate>,
    stats: Arc<FrontStats>,
    shutdown: CancellationToken,
    task: JoinHandle<Drained>,
}

/// Holds back answers to `/slow` until a test lets them go, and feeds those to `/endless`.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) entered: Notify,
    pub(crate) open: Semaphore,
    /// What the bodies of `/endless` say; they end with [`END`].
    pub(crate) feed: broadcast::Sender<&'static [u8]>,
}

/// Ends the bodies of `/endless`.
pub(crate) const END: &[u8] = b"";
/// Bytes of the body of `/large`: more than the buffers of both kernels hold.
pub(crate) const LARGE: usize = 16 << 20;

impl Server {
    pub(crate) fn start(setup: Setup) -> Self {
        let rules = LiveRules::new(setup.rules);
        let front = TcpFront::bind("127.0.0.1:0".parse().unwrap(), setup.tls, setup.front, rules.clone()).unwrap();
        let (addr, stats, shutdown) = (front.local_addr(), front.stats(), CancellationToken::new());
        let gate = Arc::new(Gate { entered: Notify::new(), open: Semaphore::new(0), feed: broadcast::Sender::new(64) });
        let service = {
            let gate = Arc::clone(&gate);
            service_fn(move |request| answer(Arc::clone(&gate), request))
        };
        let task = tokio::spawn(serve(front, service, setup.http, shutdown.clone()));
        Self { addr, rules, gate, stats, shutdown, task }
    }

    pub(crate) fn snapshot(&self) -> FrontSnapshot {
        self.stats.snapshot()
    }

    pub(crate) fn begin_shutdown(&self) {
        self.shutdown.cancel();
    }

    pub(crate) async fn stopped(self) -> Drained {
        self.shutdown.cancel();
        soon(self.task).await.unwrap()
    }

    /// Drops the future of `serve`.
    pub(crate) async fn abort(self) {
        self.task.abort();
        assert!(soon(self.task).await.unwrap_err().is_cancelled());
    }

    /// Waits until the counters say so.
    pub(crate) async fn counts(&self, what: impl Fn(&FrontSnapshot) -> bool) {
        soon(async {
            while !what(&self.snapshot()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Bounds every wait of a test: whoever waits for longer has failed.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it happens soon")
}

pub(crate) fn trusting(networks: &[&str]) -> FrontRules {
    FrontRules { trusted_proxies: TrustedProxies::parse(networks).unwrap(), ..FrontRules::default() }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A body whose answer is marked as endless, with headers as layers leave them.
fn endless(gate: &Gate) -> Response<Body> {
    let frames = stream::unfold(gate.feed.subscribe(), |mut feed| async {
        let said = feed.recv().await.unwrap();
        (said != END).then(|| (Ok(Frame::data(Bytes::from_static(said))), feed))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.extensions_mut().insert(Endless);
    response.headers_mut().append("x-layer", "one".parse().unwrap());
    response.headers_mut().append("x-layer", "two".parse().unwrap());
    response
}

async fn answer(gate: Arc<Gate>, mut request: Request<RequestBody>) -> Result<Response<Body>, Infallible> {
    match request.uri().path() {
        "/endless" => return Ok(endless(&gate)),
        "/later" => {
            gate.entered.notify_one();
            gate.open.acquire().await.unwrap().forget();
            return Ok(endless(&gate));
        }
        "/large" => return Ok(Response::new(Full::from(vec![b'x'; LARGE]).boxed_unsync())),
        _ => {}
    }
    let client = request.extensions().get::<Client>().cloned().unwrap();
    let mut response = Response::new(Full::default().boxed_unsync());
    match request.uri().path() {
        "/slow" => {
            gate.entered.notify_one();
            gate.open.acquire().await.unwrap().forget();
        }
        "/panic" => panic!("asked for"),
        "/refuse" => {
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response.headers_mut().insert(header::CONNECTION, "close".parse().unwrap());
        }
        "/read" => {
            request.body_mut().collect().await.unwrap();
        }
        "/echo" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut stream = TokioIo::new(upgrade.await.unwrap());
                let mut bytes = [0; 64];
                while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                    stream.write_all(&bytes[..length]).await.unwrap();
                    if bytes[..length].ends_with(b"bye") {
                        stream.shutdown().await.unwrap();
                        return;
                    }
                }
            });
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert(header::CONNECTION, "upgrade".parse().unwrap());
            response.headers_mut().insert(header::UPGRADE, "echo".parse().unwrap());
        }
        _ => {}
    }
    let Client { addr, scheme, trusted_loopback, origin_allowed, .. } = client;
    let text = format!("{} {scheme:?} trusted={trusted_loopback} origin={origin_allowed}", addr.ip());
    if response.status() == StatusCode::OK {
        *response.body_mut() = Full::from(text).boxed_unsync();
    }
    Ok(response)
}
