//! Requests over HTTP/1.1, one connection each.

use std::error::Error as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::response::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use crate::bounds::Bounds;
use crate::dial::{Dialled, dial, resolve};
use crate::error::ProbeError;
use crate::fault::Fault;

/// An origin: where to connect, and what to call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) uri: Uri,
    host: String,
    port: u16,
    secure: bool,
}

/// An answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// From the name's address in hand to the whole body.
    pub(crate) took: Duration,
}

/// More than any answer that is asked for here has.
const BODY_BYTES_MAX: usize = 4 * 1_024 * 1_024;

impl Url {
    /// Reads a URL of one of two schemes, the plain and the secure one.
    pub(crate) fn parse(
        text: &str,
        schemes: [&'static str; 2],
        expected: &'static str,
        example: &'static str,
    ) -> Result<Self, ProbeError> {
        let refused = || ProbeError::Url { url: text.to_owned(), expected, example };
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let secure = match uri.scheme_str() {
            Some(scheme) if scheme == schemes[0] => false,
            Some(scheme) if scheme == schemes[1] => true,
            Some(_) | None => return Err(refused()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(refused)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { uri, host, port, secure })
    }

    /// The same with another path and no query.
    pub(crate) fn at(&self, path: &'static str) -> Self {
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(path));
        let uri = Uri::from_parts(parts).expect("a URI with another path is one");
        Self { uri, ..self.clone() }
    }

    /// The same with another path and query.
    pub(crate) fn with_path(&self, path: &str) -> Result<Self, ProbeError> {
        let refused = || ProbeError::Url { url: path.to_owned(), expected: "path", example: "/api/v1/things?page=2" };
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(path.parse().map_err(|_| refused())?);
        Ok(Self { uri: Uri::from_parts(parts).map_err(|_| refused())?, ..self.clone() })
    }

    /// The same at another scheme, which must be one.
    pub(crate) fn with_scheme(&self, scheme: &'static str) -> Self {
        let mut parts = self.uri.clone().into_parts();
        parts.scheme = Some(Scheme::try_from(scheme).expect("a scheme of this crate is one"));
        let uri = Uri::from_parts(parts).expect("a URI with another scheme is one");
        Self { uri, ..self.clone() }
    }

    /// Whether it is over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Connects.
    pub(crate) async fn dial(&self, bounds: Bounds<'_>) -> Result<Result<Dialled, Fault>, ProbeError> {
        let addr = resolve(&self.host, self.port, bounds).await?;
        Ok(dial(addr, self.secure.then_some(self.host.as_str()), "http/1.1", bounds).await)
    }
}

/// `Authorization: Bearer …`.
pub(crate) fn bearer(token: &SecretString) -> Result<HeaderValue, ProbeError> {
    let text = format!("Bearer {}", token.expose_secret());
    let mut value = HeaderValue::from_str(&text).map_err(|_| ProbeError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Asks once. The outer error: nothing could be asked; the inner: no answer.
pub(crate) async fn get(
    url: &Url,
    token: Option<&SecretString>,
    bounds: Bounds<'_>,
) -> Result<Result<Answer, Fault>, ProbeError> {
    ask(Method::GET, url, token, Bytes::new(), bounds).await
}

/// As [`get`] with another method, and with a body if there is one.
pub(crate) async fn ask(
    method: Method,
    url: &Url,
    token: Option<&SecretString>,
    body: Bytes,
    bounds: Bounds<'_>,
) -> Result<Result<Answer, Fault>, ProbeError> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, bearer(token)?);
    }
    ask_with(method, url, headers, body, bounds).await
}

/// As [`ask`] with headers of its own.
pub(crate) async fn ask_with(
    method: Method,
    url: &Url,
    headers: HeaderMap,
    body: Bytes,
    bounds: Bounds<'_>,
) -> Result<Result<Answer, Fault>, ProbeError> {
    let path = url.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut request = Request::builder().method(method).uri(path).header(ACCEPT, "*/*");
    if let Some(authority) = url.uri.authority() {
        request = request.header(HOST, authority.as_str());
    }
    let mut request = request.body(Full::new(body)).expect("a parsed URL makes a request");
    request.headers_mut().extend(headers);
    let stream = match url.dial(bounds).await? {
        Ok((stream, _)) => stream,
        Err(fault) => return Ok(Err(fault)),
    };
    let began = Instant::now();
    let exchanged = timeout(bounds.timeout, exchange(TokioIo::new(stream), request)).await;
    Ok(match exchanged {
        Err(_) => Err(Fault::Silent),
        Ok(Err(fault)) => Err(fault),
        Ok(Ok((head, body))) => {
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, took: began.elapsed() })
        }
    })
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(Parts, Bytes), Fault>
where
    S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| fault(&error))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| fault(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body =
            body.map_err(|_| Fault::Malformed { said: format!("no whole body of at most {BODY_BYTES_MAX} bytes") })?;
        Ok((head, body.to_bytes()))
    };
    tokio::pin!(answer, connection);
    // The connection has to be driven for the answer to come; it may end first.
    tokio::select! {
        answered = &mut answer => answered,
        ended = &mut connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(fault(&error)),
        },
    }
}

/// What hyper does not blame on the end of the connection, it blames on bytes that are no HTTP.
pub(crate) fn fault(error: &hyper::Error) -> Fault {
    let source = error.source();
    if let Some(said) = source.and_then(|source| source.downcast_ref()) {
        return Fault::of_io(said);
    }
    // A request that was given up says for which error.
    match source.and_then(|source| source.downcast_ref()) {
        Some(inner) => fault(inner),
        None if error.is_closed() || error.is_canceled() || error.is_incomplete_message() => Fault::Closed,
        None => Fault::OtherProtocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_its_schemes_are_read() {
        let parse = |text| Url::parse(text, ["http", "https"], "HTTP", "https://example.org");
        let url = parse("https://[2001:db8::1]/x?y").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.secure), ("2001:db8::1", 443, true));
        assert_eq!(url.at("/ready").uri.to_string(), "https://[2001:db8::1]/ready");
        assert_eq!(parse("http://a:8080").unwrap().port, 8080);
        for text in ["", "example.org", "ftp://a", "http://", "ws://a", "/x"] {
            assert!(matches!(parse(text), Err(ProbeError::Url { .. })), "{text}");
        }
    }
}
