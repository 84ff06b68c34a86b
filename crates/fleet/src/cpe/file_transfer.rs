use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, ETAG, HOST, IF_RANGE, RANGE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use sangam_auth::digest::{Challenges, DigestClient, RequestLine};
use sangam_cwmp_proto::FaultCode;
use tokio::time::timeout;

use super::acs::{Acs, bare_host, texts};
use super::orders::{FILE_NAME, file_byte};
use super::post_body::PostBody;
use super::transfer::Transfer;

/// How long a file that is only imagined takes.
const IMAGINED: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(300);

/// Fetches or brings a file. Really so if it is at the host of the ACS, so that no fleet disturbs another server.
///
/// How often it was taken up again where it broke off is counted.
///
/// # Errors
/// The fault that the ACS is told.
pub(super) async fn run(
    acs: &Acs,
    transfer: &Transfer,
    number: u32,
    cnonce: [u8; 16],
    resumed: &mut u64,
) -> Result<(), FaultCode> {
    let uri: Option<Uri> = transfer.url.as_str().parse().ok();
    let is_secure = uri.as_ref().and_then(Uri::scheme_str).map(|it| it == "https");
    let is_web = uri.as_ref().is_some_and(|it| matches!(it.scheme_str(), Some("http" | "https")));
    let Some(uri) = uri.filter(|it| is_web && bare_host(it).as_deref() == Some(&acs.host)) else {
        tokio::time::sleep(IMAGINED).await;
        return Ok(());
    };
    let port = uri.port_u16().unwrap_or(if is_secure == Some(true) { 443 } else { 80 });
    let real = Real { acs, transfer, uri, addr: SocketAddr::new(acs.addr.ip(), port), number };
    timeout(TIMEOUT, real.run(cnonce, resumed)).await.unwrap_or(Err(FaultCode::DownloadIncomplete))
}

struct Real<'a> {
    acs: &'a Acs,
    transfer: &'a Transfer,
    uri: Uri,
    addr: SocketAddr,
    number: u32,
}

/// What of a file is there.
#[derive(Default)]
struct Fetched {
    bytes: u64,
    /// Of which version of it.
    tag: Option<HeaderValue>,
    /// Something in it is not what stands in a file of a fleet.
    is_wrong: bool,
}

/// How often a download that broke off is taken up again.
const RESUMES_MAX: u32 = 3;

impl Real<'_> {
    async fn run(&self, cnonce: [u8; 16], resumed: &mut u64) -> Result<(), FaultCode> {
        let mut fetched = Fetched::default();
        // Of four devices one loses its first connection amid the file.
        let mut cut = (self.transfer.is_download && self.number % 4 == 2).then_some(self.transfer.size / 2);
        for attempt in 0..=RESUMES_MAX {
            match self.attempt(cnonce, &mut fetched, cut.take().filter(|cut| *cut > 0)).await {
                Err(FaultCode::DownloadIncomplete) if attempt < RESUMES_MAX && fetched.bytes > 0 => *resumed += 1,
                Err(code) => return Err(code),
                Ok(()) => break,
            }
        }
        let is_other = self.transfer.is_download && self.transfer.size != 0 && self.transfer.size != fetched.bytes;
        if is_other || fetched.is_wrong { Err(FaultCode::FileCorrupted) } else { Ok(()) }
    }

    /// From what is there on to the end, or to where it is cut.
    async fn attempt(&self, cnonce: [u8; 16], fetched: &mut Fetched, cut: Option<u64>) -> Result<(), FaultCode> {
        let mut response = self.send(None, fetched).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let answer = self.answer(&response, cnonce).ok_or(FaultCode::TransferAuthentication)?;
            response = self.send(Some(answer), fetched).await?;
        }
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(FaultCode::TransferAuthentication),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FaultCode::FileAccess),
            StatusCode::PARTIAL_CONTENT if fetched.bytes > 0 => {}
            status if !status.is_success() => return Err(self.failed()),
            // The whole of it, perhaps once more.
            _ => *fetched = Fetched::default(),
        }
        fetched.tag = response.headers().get(ETAG).cloned();
        let is_ours = self.uri.path().ends_with(FILE_NAME);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| FaultCode::DownloadIncomplete)?;
            let Ok(data) = frame.into_data() else { continue };
            fetched.is_wrong |= is_ours && (fetched.bytes..).zip(data.iter()).any(|(at, byte)| *byte != file_byte(at));
            fetched.bytes += data.len() as u64;
            if cut.is_some_and(|cut| fetched.bytes >= cut) {
                return Err(FaultCode::DownloadIncomplete);
            }
        }
        Ok(())
    }

    async fn send(&self, authorization: Option<String>, fetched: &Fetched) -> Result<Response<Incoming>, FaultCode> {
        let is_secure = self.uri.scheme_str() == Some("https");
        let connected = self.acs.connect_to(self.addr, is_secure, self.number).await;
        let mut connection = connected.map_err(|_| FaultCode::ServerContact)?;
        let body = match self.transfer.is_download {
            true => Bytes::new(),
            false => format!("# what a simulated device {} has to show\n", self.number).into(),
        };
        let mut request = Request::new(PostBody::whole(body));
        *request.method_mut() = self.method();
        *request.uri_mut() = self.target().parse().map_err(|_| self.failed())?;
        let host = self.uri.authority().map_or("", |it| it.as_str());
        let host = host.rsplit('@').next().unwrap_or_default();
        request.headers_mut().insert(HOST, HeaderValue::from_str(host).map_err(|_| self.failed())?);
        if let Some(text) = authorization {
            let value = HeaderValue::from_str(&text).map_err(|_| FaultCode::TransferAuthentication)?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        if fetched.bytes > 0 {
            let range = format!("bytes={}-", fetched.bytes);
            request.headers_mut().insert(RANGE, HeaderValue::from_str(&range).map_err(|_| self.failed())?);
            if let Some(tag) = &fetched.tag {
                request.headers_mut().insert(IF_RANGE, tag.clone());
            }
        }
        let response = connection.send(request).await.map_err(|_| self.failed())?;
        // The connection lives as long as its body is read.
        connection.outlive();
        Ok(response)
    }

    fn answer(&self, response: &Response<Incoming>, cnonce: [u8; 16]) -> Option<String> {
        let texts = texts(response.headers(), &WWW_AUTHENTICATE);
        let challenges = Challenges::parse(texts.iter().map(String::as_str));
        let transfer = self.transfer;
        let mut digest = DigestClient::new(transfer.username.clone(), transfer.password.expose());
        digest.challenged(&challenges).ok()?;
        digest.authorize(RequestLine { method: self.method().as_str(), target: &self.target() }, cnonce)
    }

    fn method(&self) -> Method {
        if self.transfer.is_download { Method::GET } else { Method::PUT }
    }

    fn target(&self) -> String {
        self.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned()
    }

    fn failed(&self) -> FaultCode {
        if self.transfer.is_download { FaultCode::FileTransferFailure } else { FaultCode::UploadFailure }
    }
}
