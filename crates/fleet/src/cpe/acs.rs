//! HTTP/1.1 to an ACS: its name is looked up once, each session has a connection of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, RETRY_AFTER, SET_COOKIE,
    TRANSFER_ENCODING, USER_AGENT, WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::lookup_host;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::mishap::Mishap;
use super::post_body::PostBody;
use super::quirks::Quirk;
use super::session::{Failure, Post, Reply};
use super::tally::Tally;
use crate::connection::{FleetError, Stream, Trust};
use crate::source_address::{open, own_address};

/// An ACS that was looked up.
pub(super) struct Acs {
    pub(super) host: String,
    pub(super) authority: HeaderValue,
    pub(super) target: String,
    pub(super) addr: SocketAddr,
    connector: TlsConnector,
    is_secure: bool,
    /// On loopback, from where devices come; `None`: each from its own address.
    pub(super) source: Option<Ipv4Addr>,
}

/// A connection of one device.
pub(super) struct Connection {
    sender: http1::SendRequest<PostBody>,
    task: Option<JoinHandle<()>>,
}

const EXAMPLE: &str = "http://acs.example.org:7547/";
/// How long somebody waits for an answer who does not wait for it.
const HARDLY: Duration = Duration::from_millis(3);
/// Bytes of one answer: more than any message of an ACS.
const ANSWER_BYTES_MAX: usize = 8 * 1_024 * 1_024;
const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");
const AGENT: HeaderValue = HeaderValue::from_static("sangam-simulated-cpe");

impl Acs {
    pub(super) async fn find(url: &str, trust: &Trust) -> Result<Self, FleetError> {
        let refused = || FleetError::Url { url: url.to_owned(), example: EXAMPLE };
        let uri: Uri = url.parse().map_err(|_| refused())?;
        let is_secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(refused()),
        };
        let authority = uri.authority().filter(|it| !it.as_str().contains('@')).ok_or_else(refused)?;
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|_| refused())?;
        let host = bare_host(&uri).ok_or_else(refused)?;
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let unresolved = |source| FleetError::Resolve { host: host.clone(), source };
        let addr = lookup_host((host.as_str(), port)).await.map_err(unresolved)?.next();
        let addr = addr.ok_or_else(|| unresolved(std::io::ErrorKind::NotFound.into()))?;
        if is_secure {
            ServerName::try_from(host.clone()).map_err(|_| refused())?;
        }
        let target = uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        Ok(Self { host, authority, target, addr, connector: trust.connector(), is_secure, source: None })
    }

    /// A connection of a device to the ACS.
    pub(super) async fn connect(&self, number: u32) -> Result<Connection, Failure> {
        self.connect_to(self.addr, self.is_secure, number).await
    }

    /// A connection to another port of its host.
    pub(super) async fn connect_to(
        &self,
        addr: SocketAddr,
        is_secure: bool,
        number: u32,
    ) -> Result<Connection, Failure> {
        let own = self.source.unwrap_or_else(|| own_address(number));
        let stream = open(addr, own).await.map_err(|_| Failure::Unreached)?;
        stream.set_nodelay(true).map_err(|_| Failure::Unreached)?;
        let stream: Box<dyn Stream> = if is_secure {
            let name = ServerName::try_from(self.host.clone()).map_err(|_| Failure::Unreached)?;
            Box::new(self.connector.connect(name, stream).await.map_err(|_| Failure::Unreached)?)
        } else {
            Box::new(stream)
        };
        // Small buffers: there are hundreds of them.
        let mut builder = http1::Builder::new();
        builder.max_buf_size(16 * 1_024);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Unreached)?;
        // How it ended is seen by whoever waits for an answer.
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok(Connection { sender, task: Some(task) })
    }

    /// Posts once, and something goes wrong with it.
    pub(super) async fn exchange_with(
        &self,
        connection: &mut Option<Connection>,
        mut post: Post,
        mishap: Mishap,
        number: u32,
        tally: &mut Tally,
    ) -> Result<Reply, Failure> {
        *tally.mishaps.entry(mishap.name()).or_default() += 1;
        let failed = Failure::Mishap(mishap);
        match mishap {
            Mishap::LostAnswer => {
                // Long enough for the request to leave, and too short for most answers.
                let exchange = self.exchange(connection, &post, number, tally);
                drop(timeout(HARDLY, exchange).await);
                *connection = None;
                Err(failed)
            }
            Mishap::Crash | Mishap::PowerLoss => {
                self.exchange(connection, &post, number, tally).await?;
                *connection = None;
                Err(failed)
            }
            Mishap::Garbage => {
                post.body = Bytes::from_static(b"<?xml version=\"1.0\"?><Envelope><\xff\xfe></");
                self.exchange(connection, &post, number, tally).await?;
                Err(failed)
            }
            Mishap::Twice => {
                let reply = self.exchange(connection, &post, number, tally).await?;
                self.exchange(connection, &post, number, tally).await?;
                Ok(reply)
            }
            Mishap::Slow => {
                post.is_slow = true;
                self.exchange(connection, &post, number, tally).await
            }
            Mishap::Deaf => {
                let reply = self.exchange(connection, &post, number, tally).await?;
                let is_busy = reply.status == 503;
                Ok(Reply { retry_after: reply.retry_after.filter(|_| !is_busy), ..reply })
            }
        }
    }

    /// Posts once; the connection is made if there is none, and given up if the device or the ACS wishes so.
    pub(super) async fn exchange(
        &self,
        connection: &mut Option<Connection>,
        post: &Post,
        number: u32,
        tally: &mut Tally,
    ) -> Result<Reply, Failure> {
        tally.requests += 1;
        tally.sent_bytes += post.body.len() as u64;
        let mut held = match connection.take().filter(|it| !it.sender.is_closed()) {
            Some(held) => held,
            None => self.connect(number).await?,
        };
        let request = self.request(post)?;
        let response = match held.sender.try_send_request(request).await {
            Ok(response) => response,
            // The ACS had closed the connection before this left.
            Err(mut error) => {
                let Some(request) = error.take_message() else { return Err(failure_of(error.error())) };
                held = self.connect(number).await?;
                held.sender.send_request(request).await.map_err(|error| failure_of(&error))?
            }
        };
        let reply = reply_of(response).await?;
        tally.received_bytes += reply.body.len() as u64;
        if !post.quirks.has(Quirk::Reconnects) && held.sender.ready().await.is_ok() {
            *connection = Some(held);
        }
        Ok(reply)
    }

    fn request(&self, post: &Post) -> Result<Request<PostBody>, Failure> {
        let is_chunked = post.quirks.has(Quirk::ChunkedBodies) && !post.body.is_empty();
        let body = post.body.clone();
        let body = if is_chunked { PostBody::chunked(body) } else { PostBody::whole(body) };
        let mut request = Request::new(if post.is_slow { body.slow() } else { body });
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.parse().map_err(|_| Failure::Http)?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.authority.clone());
        headers.insert(USER_AGENT, AGENT);
        let is_bare = post.quirks.has(Quirk::BareHeaders);
        if !post.body.is_empty() {
            let kind = if is_bare { "text/xml" } else { "text/xml; charset=\"utf-8\"" };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if post.quirks.has(Quirk::ExpectsContinue) && !post.body.is_empty() {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        if !is_bare {
            headers.insert(SOAP_ACTION, HeaderValue::from_static(""));
        }
        if post.quirks.has(Quirk::Reconnects) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, text) in [(AUTHORIZATION, &post.authorization), (COOKIE, &post.cookie)] {
            if let Some(text) = text {
                headers.insert(name, HeaderValue::from_str(text).map_err(|_| Failure::Http)?);
            }
        }
        Ok(request)
    }
}

impl Connection {
    pub(super) async fn send(&mut self, request: Request<PostBody>) -> Result<Response<Incoming>, Failure> {
        self.sender.send_request(request).await.map_err(|error| failure_of(&error))
    }

    /// Whether the other end has ended it.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// It ends when nobody reads from it any more, and not with this.
    pub(super) fn outlive(&mut self) {
        self.task = None;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The host of a URL without brackets.
pub(super) fn bare_host(uri: &Uri) -> Option<String> {
    let host = uri.host().filter(|host| !host.is_empty())?;
    Some(host.trim_start_matches('[').trim_end_matches(']').to_owned())
}

fn failure_of(error: &hyper::Error) -> Failure {
    if error.is_parse() { Failure::Http } else { Failure::Closed }
}

async fn reply_of(response: Response<Incoming>) -> Result<Reply, Failure> {
    let (parts, mut body) = response.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure_of(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > ANSWER_BYTES_MAX {
            return Err(Failure::Http);
        }
        bytes.extend_from_slice(&data);
    }
    let headers = &parts.headers;
    let retry_after = texts(headers, &RETRY_AFTER).into_iter().find_map(|text| text.trim().parse().ok());
    Ok(Reply {
        status: parts.status.as_u16(),
        challenges: texts(headers, &WWW_AUTHENTICATE),
        cookies: texts(headers, &SET_COOKIE),
        retry_after: retry_after.map(Duration::from_secs),
        is_chunked: headers.contains_key(TRANSFER_ENCODING),
        body: bytes.freeze(),
    })
}

pub(super) fn texts(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
}
