use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use thiserror::Error;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::place::{OutOfReach, Place};
use super::reach::Reach;

/// Why a request had no answer of use.
#[derive(Debug, Error)]
pub(super) enum HttpError {
    #[error("`{0}` is no URL that can be asked")]
    Url(String),
    #[error("{0}")]
    Unreached(String),
    #[error(transparent)]
    OutOfReach(OutOfReach),
    #[error("no answer in {} s", .0.as_secs_f32())]
    Timeout(Duration),
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    #[error("HTTP {0}")]
    Status(u16),
    #[error("the answer is no JSON")]
    Json,
}

/// What is asked.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) reach: Reach,
    pub(super) body: Option<&'a Value>,
    pub(super) token: Option<&'a SecretString>,
    pub(super) bytes_max: usize,
    pub(super) timeout: Duration,
}

/// A small HTTP/1.1 client: it keeps one idle connection with each server, and believes no redirect.
pub(super) struct HttpClient {
    tls: TlsConnector,
    idle: Mutex<HashMap<(Place, Reach), Sender>>,
}

type Sender = SendRequest<Full<Bytes>>;

/// Idle connections at most.
const IDLE_MAX: usize = 64;

impl HttpClient {
    pub(super) fn new(tls: TlsConnector) -> Self {
        Self { tls, idle: Mutex::default() }
    }

    /// The JSON of an answer with 200.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Value, HttpError> {
        let patience = ask.timeout;
        timeout(patience, self.asked(ask)).await.map_err(|_| HttpError::Timeout(patience))?
    }

    async fn asked(&self, ask: Ask<'_>) -> Result<Value, HttpError> {
        let (bytes_max, reach) = (ask.bytes_max, ask.reach);
        let (place, request) = request(ask)?;
        let to = (place, reach);
        let (mut sender, response) = self.sent(&to, request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), bytes_max).collect().await;
        let body = body.map_err(|_| HttpError::TooLarge(bytes_max))?.to_bytes();
        // Whoever polls without end would open a connection for each poll.
        if sender.ready().await.is_ok() {
            self.keep(to, sender);
        }
        if status != 200 {
            return Err(HttpError::Status(status));
        }
        serde_json::from_slice(&body).map_err(|_| HttpError::Json)
    }

    /// On the idle connection if there is one that lives, else on a new one.
    async fn sent(
        &self,
        to: &(Place, Reach),
        request: Request<Full<Bytes>>,
    ) -> Result<(Sender, http::Response<hyper::body::Incoming>), HttpError> {
        let unreached = |error: &dyn fmt::Display| HttpError::Unreached(error.to_string());
        let again = match self.take(to) {
            Some(mut sender) => match sender.try_send_request(request).await {
                Ok(response) => return Ok((sender, response)),
                Err(mut error) => error.take_message().ok_or_else(|| unreached(error.error()))?,
            },
            None => request,
        };
        let stream = to.0.connect(&self.tls, to.1).await.map_err(|error| {
            let refused = error.get_ref().and_then(|inner| inner.downcast_ref::<OutOfReach>());
            refused.map_or_else(|| unreached(&error), |refused| HttpError::OutOfReach(*refused))
        })?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| unreached(&error))?;
        // It ends when the sender is dropped or the server closes.
        tokio::spawn(connection);
        let response = sender.send_request(again).await.map_err(|error| unreached(&error))?;
        Ok((sender, response))
    }

    fn take(&self, to: &(Place, Reach)) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.remove(to).filter(SendRequest::is_ready)
    }

    fn keep(&self, to: (Place, Reach), sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= IDLE_MAX {
            idle.retain(|_, sender| sender.is_ready());
        }
        if idle.len() < IDLE_MAX {
            idle.insert(to, sender);
        }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

fn request(ask: Ask<'_>) -> Result<(Place, Request<Full<Bytes>>), HttpError> {
    let refused = || HttpError::Url(ask.url.clone());
    let uri: Uri = ask.url.parse().map_err(|_| refused())?;
    let place = Place::of(&uri).ok_or_else(refused)?;
    let authority = uri.authority().ok_or_else(refused)?.as_str().to_owned();
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut request = Request::builder().method(ask.method).uri(path).header(HOST, authority);
    if let Some(token) = ask.token {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| refused())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let body = match ask.body {
        Some(json) => {
            request = request.header(CONTENT_TYPE, "application/json");
            Full::from(json.to_string())
        }
        None => Full::default(),
    };
    Ok((place, request.body(body).map_err(|_| refused())?))
}
