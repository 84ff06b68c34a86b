use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use sangam_sync_proto::message::{
    Bounds, HandshakeRequest, HandshakeResponse, Message, PullRequest, PullResponse, PushRequest, PushResponse,
};
use sangam_sync_proto::{Name, Operation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use crate::connection::Connection;
use crate::retry::wait_after;
use crate::{ClientError, ClientOptions, EventStream, Refusal};

/// One server, and a token for it. Clones share a connection.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) connection: Connection,
    authorization: Option<HeaderValue>,
    pub(crate) options: ClientOptions,
    requests: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
}

/// What a client has used so far, for whoever pays for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests, each attempt by itself; event streams are not among them.
    pub requests: u64,
    /// Bytes of their bodies.
    pub sent_bytes: u64,
    /// Bytes of the bodies of whole answers.
    pub received_bytes: u64,
}

/// `GET /v1/version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// What the server speaks.
    pub version: u32,
    /// The oldest it still understands.
    pub min_supported: u32,
}

/// `GET /v1/stats`, of the token's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// The newest operation's cursor.
    pub cursor: u64,
    /// Operations in the log.
    pub oplog_size: u64,
    /// Devices that are known.
    pub device_count: u64,
}

const CBOR: HeaderValue = HeaderValue::from_static("application/cbor");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Client {
    /// Of the server at `url` (`http` or `https`, perhaps with a path before `/v1`). Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The URL or the token cannot be used.
    pub fn new(url: &str, token: Option<SecretString>, options: ClientOptions) -> Result<Self, ClientError> {
        let connection = Connection::new(url, &options.trust)?;
        let authorization = token.map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))?;
            value.set_sensitive(true);
            Ok::<_, http::header::InvalidHeaderValue>(value)
        });
        let authorization = authorization.transpose().map_err(|_| ClientError::Token)?;
        let (requests, sent_bytes, received_bytes) = Default::default();
        let inner = Inner { connection, authorization, options, requests, sent_bytes, received_bytes };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What it and its clones have used so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            requests: self.inner.requests.load(Ordering::Relaxed),
            sent_bytes: self.inner.sent_bytes.load(Ordering::Relaxed),
            received_bytes: self.inner.received_bytes.load(Ordering::Relaxed),
        }
    }

    /// What was settled when it was made.
    #[must_use]
    pub fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// Asks what the server speaks. Needs no token.
    ///
    /// # Errors
    ///
    /// No answer that can be used, after all attempts.
    pub async fn version(&self) -> Result<Version, ClientError> {
        self.json("version", "/v1/version").await
    }

    /// Asks for figures of the token's database.
    ///
    /// # Errors
    ///
    /// As [`Self::version`].
    pub async fn stats(&self) -> Result<Stats, ClientError> {
        self.json("stats", "/v1/stats").await
    }

    /// Registers a device and learns from where it goes on.
    ///
    /// # Errors
    ///
    /// As [`Self::version`].
    pub async fn handshake(&self, request: &HandshakeRequest) -> Result<HandshakeResponse, ClientError> {
        self.message("handshake", "/v1/handshake", request).await
    }

    /// Pulls one page.
    ///
    /// # Errors
    ///
    /// As [`Self::version`]; the code [`InvalidCursor`](sangam_sync_proto::message::ErrorCode::InvalidCursor) if
    /// `request.epoch` is not the database's: what was pulled before must be dropped.
    pub async fn pull(&self, request: &PullRequest) -> Result<PullResponse, ClientError> {
        self.message("pull", "/v1/pull", request).await
    }

    /// Pulls page after page until there is no more. All of it is held in memory: [`Replica`](crate::Replica) does not.
    ///
    /// # Errors
    ///
    /// As [`Self::pull`].
    pub async fn pull_all(
        &self,
        db: &Name,
        since: u64,
        collections: Option<Vec<Name>>,
    ) -> Result<(Vec<Operation>, u64), ClientError> {
        let mut request =
            PullRequest { db: Arc::clone(db), since, limit: self.options().page_ops, collections, epoch: None };
        let mut ops = Vec::new();
        loop {
            let page = self.pull(&request).await?;
            ops.extend(page.ops);
            // A server that says "more" and does not move would be asked for ever.
            if !page.has_more || page.next <= request.since {
                return Ok((ops, page.next));
            }
            request.since = page.next;
        }
    }

    /// Pushes operations. Safe to repeat: the server knows what it has.
    ///
    /// # Errors
    ///
    /// As [`Self::version`].
    pub async fn push(&self, request: &PushRequest) -> Result<PushResponse, ClientError> {
        self.message("push", "/v1/push", request).await
    }

    /// Opens a stream of events for a device, with what came after `since` first.
    ///
    /// # Errors
    ///
    /// As [`Self::version`]; it is tried once.
    pub async fn events(&self, device: &str, since: Option<u64>) -> Result<EventStream, ClientError> {
        EventStream::open(self, device, since).await
    }

    async fn json<T: DeserializeOwned>(&self, what: &'static str, path: &str) -> Result<T, ClientError> {
        let body = self.ask(&Method::GET, path, &JSON, Bytes::new()).await?;
        serde_json::from_slice(&body).map_err(|source| ClientError::Json { what, source })
    }

    async fn message<A: Message>(
        &self,
        what: &'static str,
        path: &str,
        request: &impl Message,
    ) -> Result<A, ClientError> {
        let body = self.ask(&Method::POST, path, &CBOR, request.encode().into()).await?;
        A::decode(&body, &Bounds::default()).map_err(|source| ClientError::Malformed { what, source })
    }

    /// Asks until there is an answer, or nothing more is to be hoped for.
    async fn ask(&self, method: &Method, path: &str, kind: &HeaderValue, body: Bytes) -> Result<Bytes, ClientError> {
        let options = &self.inner.options;
        let mut attempt = 1;
        loop {
            let once = timeout(options.timeout, self.ask_once(method, path, kind, body.clone())).await;
            let error = match once.unwrap_or(Err(ClientError::Timeout(options.timeout))) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(wait) = wait_after(attempt, &error, options) else { return Err(error) };
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn ask_once(
        &self,
        method: &Method,
        path: &str,
        kind: &HeaderValue,
        body: Bytes,
    ) -> Result<Bytes, ClientError> {
        let mut headers = self.headers();
        headers.insert(ACCEPT, kind.clone());
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, kind.clone());
        }
        self.inner.requests.fetch_add(1, Ordering::Relaxed);
        self.inner.sent_bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        let (response, sender) = self.inner.connection.send(method, path, headers, body).await?;
        let (head, body) = response.into_parts();
        let max = self.inner.options.answer_bytes_max;
        let body = Limited::new(body, max).collect().await.map_err(|error| not_whole(error, max))?.to_bytes();
        self.inner.received_bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        self.inner.connection.keep(sender).await;
        if head.status == StatusCode::OK {
            return Ok(body);
        }
        Err(ClientError::Refused(Refusal::read(head.status.as_u16(), &head.headers, &body)))
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        self.inner.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect()
    }
}

pub(crate) fn not_whole(error: Box<dyn std::error::Error + Send + Sync>, max: usize) -> ClientError {
    match error.downcast::<hyper::Error>() {
        Ok(error) => ClientError::Exchange(*error),
        Err(other) => {
            debug_assert!(other.is::<LengthLimitError>(), "{other}");
            ClientError::TooLong(max)
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.inner.options).finish_non_exhaustive()
    }
}
