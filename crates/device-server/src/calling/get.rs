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

#[cfg(test)]
mod tests {
    use sangam_cwmp_proto::connection_request::http::HttpRequest;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A device that answers one call over TLS with a certificate for `name`; where it is, and what issued its certificate.
    async fn device(name: &str) -> (SocketAddr, rustls_pki_types::CertificateDer<'static>) {
        let own = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let certificate = own.cert.der().clone();
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()).into();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            // Who does not believe the certificate leaves before the end.
            let Ok(mut stream) = TlsAcceptor::from(std::sync::Arc::new(config)).accept(stream).await else { return };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            assert!(head.starts_with(b"GET /call HTTP/1.1\r\n"));
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            stream.shutdown().await.unwrap();
        });
        (addr, certificate)
    }

    async fn called(certificate_for: &str, is_trusted: bool) -> Result<u16, NoAnswer> {
        let (addr, certificate) = device(certificate_for).await;
        let url = ConnectionRequestUrl::parse(&format!("https://localhost:{}/call", addr.port())).unwrap();
        let (_, exchange) = HttpRequest::new(url.clone());
        let target = Target { addresses: vec![addr], url };
        let tls = Tls::trusting(is_trusted.then_some(certificate));
        get(&target, &exchange, &CallOptions::default(), &tls).await.map(|got| got.status)
    }

    #[tokio::test]
    async fn a_device_is_called_over_tls_if_its_certificate_is_its_own_and_of_somebody_who_is_trusted() {
        assert_eq!(called("localhost", true).await, Ok(204));
        assert_eq!(called("elsewhere.example", true).await, Err(NoAnswer::Nothing));
        assert_eq!(called("localhost", false).await, Err(NoAnswer::Nothing));
    }
}
