use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sangam_cwmp_proto::connection_request::http::{ConnectionRequestUrl, Exchange};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tls::Tls;
use crate::options::CallOptions;

/// Bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Headers of an answer.
const HEADERS_MAX: usize = 64;

/// Who is asked: addresses that may be called, tried one after the other.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) url: ConnectionRequestUrl,
}

/// The head of an answer; the rest is not read.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) challenges: Vec<String>,
    pub(super) retry_after: Option<String>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing in time.
    Timeout,
    /// Nobody there, or what came is no HTTP.
    Nothing,
}

/// One GET on a connection of its own, as many devices close theirs after each answer.
pub(super) async fn get(
    target: &Target,
    exchange: &Exchange,
    options: &CallOptions,
    tls: &Tls,
) -> Result<Got, NoAnswer> {
    let connected = timeout(options.connect_timeout, connect(&target.addresses)).await;
    let stream = connected.map_err(|_| NoAnswer::Timeout)?.map_err(|_| NoAnswer::Nothing)?;
    if !target.url.is_tls {
        return within(options, ask(stream, exchange)).await;
    }
    let encrypted = timeout(options.connect_timeout, tls.connect(&target.url.host, stream)).await;
    match encrypted.map_err(|_| NoAnswer::Timeout)? {
        Ok(stream) => within(options, ask(stream, exchange)).await,
        Err(error) => {
            tracing::debug!(%error, "a device that is to be called over TLS could not be verified");
            Err(NoAnswer::Nothing)
        }
    }
}

async fn within(options: &CallOptions, answer: impl Future<Output = Result<Got, NoAnswer>>) -> Result<Got, NoAnswer> {
    timeout(options.answer_timeout, answer).await.map_err(|_| NoAnswer::Timeout)?
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn ask(stream: impl AsyncRead + AsyncWrite + Unpin, exchange: &Exchange) -> Result<Got, NoAnswer> {
    let request = request(exchange).map_err(|_| NoAnswer::Nothing)?;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| NoAnswer::Nothing)?;
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(sender.send_request(request));
    // An answer may have come whole before the connection ended, so it is looked at first.
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    };
    let response = answer.map_err(|_| NoAnswer::Nothing)?;
    let headers = response.headers();
    Ok(Got {
        status: response.status().as_u16(),
        challenges: texts(headers, header::WWW_AUTHENTICATE),
        retry_after: texts(headers, header::RETRY_AFTER).pop(),
    })
}

fn request(exchange: &Exchange) -> Result<Request<Empty<Bytes>>, http::Error> {
    let mut request =
        Request::get(&exchange.target).header(header::HOST, &exchange.host).header(header::CONNECTION, "close");
    if let Some(authorization) = &exchange.authorization {
        let mut value = HeaderValue::try_from(authorization)?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    request.body(Empty::new())
}

fn texts(headers: &HeaderMap, name: header::HeaderName) -> Vec<String> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
}
