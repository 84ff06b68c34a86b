use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sangam_auth::digest::{Challenges, DigestClient, RequestLine};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::server::Server;
use super::transfer::{Transfer, TransferFault};

/// How long a file that is only imagined takes.
const IMAGINED: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(300);

/// Fetches or brings a file. Really so if it is at the host of the controller, so that no fleet disturbs another server.
///
/// # Errors
/// The fault that the controller is told.
pub(super) async fn run(server: &Server, transfer: &Transfer, number: u32) -> Result<(), TransferFault> {
    let uri: Uri = transfer.url.parse().map_err(|_| TransferFault::Url)?;
    let is_secure = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        Some(_) | None => return Err(TransferFault::Url),
    };
    let host = uri.host().ok_or(TransferFault::Url)?.trim_start_matches('[').trim_end_matches(']');
    if host != server.host {
        tokio::time::sleep(IMAGINED).await;
        return Ok(());
    }
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let addr = SocketAddr::new(server.addr.ip(), port);
    let real = Real { server, transfer, uri, addr, is_secure, number };
    timeout(TIMEOUT, real.run()).await.unwrap_or(Err(TransferFault::Timeout))
}

struct Real<'a> {
    server: &'a Server,
    transfer: &'a Transfer,
    uri: Uri,
    addr: SocketAddr,
    is_secure: bool,
    number: u32,
}

impl Real<'_> {
    async fn run(&self) -> Result<(), TransferFault> {
        let mut response = self.send(None).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let answer = self.answer(&response).ok_or(TransferFault::Login)?;
            response = self.send(Some(answer)).await?;
        }
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(TransferFault::Login),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(TransferFault::NotFound),
            status if !status.is_success() => return Err(TransferFault::Refused),
            _ => {}
        }
        self.look_at(response.into_body()).await
    }

    /// Reads the body to its end, and compares it with what was told of it.
    async fn look_at(&self, mut body: Incoming) -> Result<(), TransferFault> {
        let (mut size, mut hash) = (0_u64, Sha256::new());
        while let Some(frame) = body.frame().await {
            let data = frame.map_err(|_| TransferFault::Incomplete)?.into_data().unwrap_or_default();
            size += data.len() as u64;
            hash.update(&data);
        }
        if !self.transfer.is_download {
            return Ok(());
        }
        if self.transfer.size.is_some_and(|told| told != size) {
            return Err(TransferFault::Size);
        }
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if self.transfer.sha256.as_ref().is_some_and(|told| *told != hex) {
            return Err(TransferFault::Checksum);
        }
        Ok(())
    }

    async fn send(&self, authorization: Option<String>) -> Result<Response<Incoming>, TransferFault> {
        let stream = self.server.connect_to(self.addr, self.is_secure, self.number).await;
        let stream = TokioIo::new(stream.map_err(|_| TransferFault::Unreached)?);
        let (mut sender, connection) = http1::handshake(stream).await.map_err(|_| TransferFault::Unreached)?;
        // It ends when its answer is read.
        tokio::spawn(async move { drop(connection.await) });
        let body = match self.transfer.is_download {
            true => Bytes::new(),
            false => format!("# what a simulated agent {} has to show\n", self.number).into(),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.method();
        *request.uri_mut() = self.target().parse().map_err(|_| TransferFault::Url)?;
        let host = self.uri.authority().map_or("", |it| it.as_str()).rsplit('@').next().unwrap_or_default();
        request.headers_mut().insert(HOST, HeaderValue::from_str(host).map_err(|_| TransferFault::Url)?);
        if let Some(text) = authorization {
            let value = HeaderValue::from_str(&text).map_err(|_| TransferFault::Login)?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        sender.send_request(request).await.map_err(|_| TransferFault::Refused)
    }

    fn answer(&self, response: &Response<Incoming>) -> Option<String> {
        let texts = response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges = Challenges::parse(texts);
        let mut digest = DigestClient::new(self.transfer.username.clone(), self.transfer.password.expose_secret());
        digest.challenged(&challenges).ok()?;
        digest.authorize(RequestLine { method: self.method().as_str(), target: &self.target() }, rand::random())
    }

    fn method(&self) -> Method {
        if self.transfer.is_download { Method::GET } else { Method::PUT }
    }

    fn target(&self) -> String {
        self.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned()
    }
}
