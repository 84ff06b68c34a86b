use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use http::{HeaderValue, StatusCode, header};
use rand::RngExt as _;
use sangam_net::Place;
use sangam_net::http::Client;
use sangam_signal_proto::SocketId;
use sangam_signal_proto::{Departure, Refusal, RoomId};
use tokio::sync::oneshot;

use crate::access::Visitor;
use crate::dialect::rendezvous::{self as dialect, Directory, Invalid};
use crate::hub::{Command, Node, NodeAnswer, NodeRequest, Peer};
use crate::options::Dialect;
use crate::problem::Problem;
use crate::routes::not_admitted;
use crate::server::Shared;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(5);

/// URLs in one answer, whatever is asked for.
const PEERS_MAX: usize = 1_000;

/// The rendezvous of nodes that poll: `docs/protocols/rendezvous.md`.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    // Not nested: what is below a nest does not see the room in its path.
    for prefix in ["", "/r/{room}"] {
        router = router
            .route(&format!("{prefix}/register"), post(register))
            .route(&format!("{prefix}/get_peers"), get(get_peers))
            .route(&format!("{prefix}/signal/send"), post(send))
            .route(&format!("{prefix}/signal/poll/{{peer_id}}"), get(poll))
            .route(&format!("{prefix}/signal/poll/"), any(not_found))
            .route(&format!("{prefix}/signal/poll/{{peer_id}}/{{*rest}}"), any(not_found));
    }
    router.method_not_allowed_fallback(method_not_allowed).with_state(shared)
}

/// An answer that is none of the good ones.
enum Refused {
    Problem(Problem),
    Invalid(Vec<Invalid>),
    /// In the words of the original's framework: a status and `{"detail": …}`.
    Detail(StatusCode, &'static str),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Invalid(all) => json(StatusCode::UNPROCESSABLE_ENTITY, Invalid::encode(&all)),
            Self::Detail(status, words) => json(status, serde_json::json!({ "detail": words }).to_string()),
        }
    }
}

async fn not_found() -> Response {
    Refused::Detail(StatusCode::NOT_FOUND, "Not Found").into_response()
}

async fn method_not_allowed() -> Response {
    Refused::Detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response()
}

async fn register(State(shared): State<Arc<Shared>>, client: Extension<Client>, request: Request) -> Response {
    let answer = async {
        let (visitor, room, body) = enter(&shared, &client, request).await?;
        let url = dialect::registration(&body).map_err(Refused::Invalid)?;
        if url.is_empty() {
            return Err(Refused::Detail(StatusCode::BAD_REQUEST, "URL non può essere vuoto"));
        }
        let now = shared.clock.mono();
        let registered = directory(&shared.directory).register(now, room.as_str(), &url, visitor.owner);
        registered.map_err(|_| {
            shared.metrics.refused("directory_full");
            Refused::Detail(StatusCode::TOO_MANY_REQUESTS, "as many URLs are registered as may be; try again later")
        })?;
        shared.metrics.received("register_url");
        Ok(json(StatusCode::OK, dialect::registered(&url)))
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

async fn get_peers(State(shared): State<Arc<Shared>>, client: Extension<Client>, request: Request) -> Response {
    let answer = async {
        let query = request.uri().query().map(ToOwned::to_owned);
        let (_visitor, room, _body) = enter(&shared, &client, request).await?;
        let limit = dialect::peers_limit(query.as_deref()).map_err(|it| Refused::Invalid(vec![it]))?;
        let pick = |below: usize| rand::rng().random_range(0..below.max(1));
        let now = shared.clock.mono();
        let urls = directory(&shared.directory).sample(now, room.as_str(), limit.min(PEERS_MAX), pick);
        let urls: Vec<&str> = urls.iter().map(AsRef::as_ref).collect();
        shared.metrics.received("get_peers");
        Ok(json(StatusCode::OK, serde_json::json!(urls).to_string()))
    };
    answer.await.unwrap_or_else(|refused: Refused| refused.into_response())
}

async fn send(State(shared): State<Arc<Shared>>, client: Extension<Client>, request: Request) -> Response {
    let answer = async {
        let (visitor, room, body) = enter(&shared, &client, request).await?;
        let outgoing = dialect::signal(&body).map_err(Refused::Invalid)?;
        let mut asked = Asked::begin(&shared, &client, visitor, NodeRequest::Send { room, outgoing }).await?;
        match asked.answer().await {
            NodeAnswer::Refused(refusal) => Err(refused(&refusal)),
            NodeAnswer::Taken | NodeAnswer::Mail(_) => Ok(json(StatusCode::OK, r#"{"status":"delivered"}"#.into())),
        }
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

async fn poll(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<Vec<(String, String)>>,
    client: Extension<Client>,
    request: Request,
) -> Response {
    let answer = async {
        let (visitor, room, _body) = enter(&shared, &client, request).await?;
        let node = path.iter().find(|(name, _)| name == "peer_id").map_or("", |(_, value)| value);
        let node = dialect::node_id(node).map_err(|it| Refused::Invalid(vec![it]))?;
        let mut asked = Asked::begin(&shared, &client, visitor, NodeRequest::Poll { room, node }).await?;
        let answer = match tokio::time::timeout(shared.rendezvous.hold, asked.answer()).await {
            Ok(answer) => answer,
            // What comes at the same moment is still in this answer.
            Err(_) => {
                asked.give_up().await;
                asked.answer().await
            }
        };
        match answer {
            NodeAnswer::Mail(body) => Ok(json(StatusCode::OK, body)),
            NodeAnswer::Taken => Ok(json(StatusCode::OK, "[]".to_owned())),
            NodeAnswer::Refused(refusal) => Err(refused(&refusal)),
        }
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

/// Who asks, in which room, and what the body is.
async fn enter(shared: &Shared, client: &Client, request: Request) -> Result<(Visitor, RoomId, Bytes), Refused> {
    let access = shared.live.load_full();
    let now = shared.clock.now().wall;
    let counted = |problem: Problem| {
        shared.metrics.upgrade_refused(problem.code());
        problem
    };
    let (headers, uri) = (request.headers(), request.uri());
    let visitor = access.access.admit(Dialect::Rendezvous, client, headers, uri, now).map_err(counted)?;
    let room = visitor.room(uri, &shared.rendezvous.room).map_err(counted)?;
    let body = read(request.into_body(), shared.limits.message_bytes_max).await?;
    Ok((visitor, room, body))
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Refused> {
    match tokio::time::timeout(BODY_TIME, to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Refused::Detail(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than it may be")),
        Err(_) => Err(Refused::Detail(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive")),
    }
}

/// A request that the task that owns the rooms works on. Dropped before it is answered, it is taken back.
struct Asked<'a> {
    shared: &'a Shared,
    socket: SocketId,
    answered: oneshot::Receiver<NodeAnswer>,
    is_answered: bool,
    _place: Place,
}

impl<'a> Asked<'a> {
    async fn begin(
        shared: &'a Shared,
        client: &Client,
        visitor: Visitor,
        request: NodeRequest,
    ) -> Result<Self, Refused> {
        let place = shared.admission.admit(client.addr.ip()).map_err(not_admitted)?;
        let socket = SocketId(shared.sockets.fetch_add(1, Ordering::Relaxed));
        let (answer, answered) = oneshot::channel();
        let asked = Self { shared, socket, answered, is_answered: false, _place: place };
        let Visitor { owner, rights, .. } = visitor;
        // A poll is over before a revocation could matter.
        let opened = Command::Opened { socket, owner, rights, token: None, peer: Peer::Node(Node::new(answer)) };
        if shared.hub.send(opened).await.is_err() || shared.hub.send(Command::Asked { socket, request }).await.is_err()
        {
            let detail = "the server is stopping; try another, or this one later";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", detail).into());
        }
        Ok(asked)
    }

    async fn answer(&mut self) -> NodeAnswer {
        let answer = (&mut self.answered).await;
        self.is_answered = true;
        // The task drops a request unanswered only when it ends.
        answer.unwrap_or_else(|_| NodeAnswer::Mail("[]".to_owned()))
    }

    async fn give_up(&mut self) {
        let closed = Command::Closed { socket: self.socket, departure: Departure::Lost };
        // It ends only with the server, and then there is nothing left to wait for.
        drop(self.shared.hub.send(closed).await);
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            let closed = Command::Closed { socket: self.socket, departure: Departure::Lost };
            if let Err(tokio::sync::mpsc::error::TrySendError::Full(closed)) = self.shared.hub.try_send(closed) {
                let hub = self.shared.hub.clone();
                tokio::spawn(async move { drop(hub.send(closed).await) });
            }
        }
    }
}

fn refused(refusal: &Refusal) -> Refused {
    match refusal {
        // A node joins with whatever it asks for: it is in no room only if somebody else may still answer for its id.
        Refusal::IdInUse { .. } | Refusal::NotInRoom => {
            Refused::Detail(StatusCode::CONFLICT, "this id is in use from another address")
        }
        Refusal::NotAllowed { .. } => Refused::Detail(StatusCode::FORBIDDEN, "the token does not allow this"),
        Refusal::RoomLocked => Refused::Detail(StatusCode::FORBIDDEN, "the room is locked"),
        _ => Refused::Detail(StatusCode::TOO_MANY_REQUESTS, "there is as much of this as may be; try again later"),
    }
}

fn directory(directory: &Mutex<Directory>) -> std::sync::MutexGuard<'_, Directory> {
    directory.lock().unwrap_or_else(PoisonError::into_inner)
}

fn json(status: StatusCode, body: String) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
