use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::StatusCode;
use sangam_mesh_node::discovery::{Discovered, Discovery, Options, Server, Us};
use sangam_mesh_proto::{Description, DescriptionKind, PeerId, Signal};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Long enough for a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// An HTTP server that answers whatever a closure says, and remembers what it was asked.
#[derive(Clone)]
pub(crate) struct Original {
    pub(crate) addr: SocketAddr,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Value,
}

/// What to answer. `None`: nothing, ever.
pub(crate) type Answer = Option<(u16, Value)>;

impl Original {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let router = Router::new().fallback(move |request: Request| {
            let (answer, noted) = (answer.clone(), Arc::clone(&noted));
            async move { answered(request, answer, &noted).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { addr, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn server(&self) -> Server {
        Server { url: self.url(), token: None }
    }

    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.path.starts_with(path)).cloned().collect()
    }
}

async fn answered(request: Request<Body>, answer: impl Fn(&Asked) -> Answer, noted: &Mutex<Vec<Asked>>) -> Response {
    let path = request.uri().path_and_query().unwrap().to_string();
    let token = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let asked = Asked { path, token, body: serde_json::from_slice(&body).unwrap_or_default() };
    let answer = answer(&asked);
    noted.lock().unwrap().push(asked);
    match answer {
        Some((status, value)) => (StatusCode::from_u16(status).unwrap(), Json(value)).into_response(),
        None => std::future::pending().await,
    }
}

pub(crate) struct Seeker {
    pub(crate) discovery: Discovery,
    events: mpsc::Receiver<Discovered>,
}

pub(crate) fn options() -> Options {
    let mut options = Options::default();
    options.mdns.enabled = false;
    options.loopback = true;
    options
}

/// An id as nodes have it.
pub(crate) fn node_id(beginning: &str) -> PeerId {
    PeerId::new(&format!("{beginning:A<42}A=")).unwrap()
}

pub(crate) fn us() -> Us {
    let id = node_id("us");
    let agent_id = id.to_string();
    Us { id, agent_id, url: None, channels: vec!["dev".to_owned(), "global".to_owned()], port: 8000 }
}

impl Seeker {
    pub(crate) async fn start(options: Options) -> Self {
        let (into, events) = mpsc::channel(1024);
        Self { discovery: Discovery::start(options, us(), into).await.unwrap(), events }
    }

    pub(crate) async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(Discovered) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("discovery goes on");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(WAIT_MAX, found).await.unwrap_or_else(|_| panic!("waited for {what}"))
    }
}

pub(crate) fn offer(sdp: &str) -> Signal {
    Signal::Description(Description { kind: DescriptionKind::Offer, sdp: format!("v=0\r\n{sdp}\r\n").into() })
}
