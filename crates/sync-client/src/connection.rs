//! One connection over HTTP/1.1, kept for the next request.

use std::io;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::{ClientError, Trust};

/// Where the server is, and the connection to it if one is open.
pub(crate) struct Connection {
    host: String,
    port: u16,
    authority: HeaderValue,
    /// What stands before `/v1`: empty, or a path without a slash at its end.
    base: String,
    tls: Option<TlsConnector>,
    open: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Connection {
    /// To the server at `url`; nothing is opened yet.
    pub(crate) fn new(url: &str, trust: &Trust) -> Result<Self, ClientError> {
        let refused = || ClientError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| refused())?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(refused()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(refused)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16();
        let named = uri.host().unwrap_or_default();
        let authority = port.map_or_else(|| named.to_owned(), |port| format!("{named}:{port}"));
        Ok(Self {
            port: port.unwrap_or(if secure { 443 } else { 80 }),
            authority: HeaderValue::from_str(&authority).map_err(|_| refused())?,
            base: uri.path().trim_end_matches('/').to_owned(),
            tls: if secure { Some(trust.connector()?) } else { None },
            open: Mutex::default(),
            host,
        })
    }

    /// Sends a request over the open connection if there is one, else over a new one. The connection is kept with
    /// [`Self::keep`] once the answer was read whole.
    pub(crate) async fn send(
        &self,
        method: &Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(Response<Incoming>, SendRequest<Full<Bytes>>), ClientError> {
        let kept = self.open.lock().await.take();
        if let Some(mut sender) = kept {
            // It may have been closed meanwhile. A request that hyper gives back was not sent.
            if sender.ready().await.is_ok() {
                let request = self.request(method, path, headers.clone(), body.clone())?;
                match sender.try_send_request(request).await {
                    Ok(response) => return Ok((response, sender)),
                    Err(mut error) => {
                        if error.take_message().is_none() {
                            return Err(ClientError::Exchange(error.into_error()));
                        }
                    }
                }
            }
        }
        let mut sender = self.connect().await?;
        let request = self.request(method, path, headers, body)?;
        let response = sender.send_request(request).await.map_err(ClientError::Exchange)?;
        Ok((response, sender))
    }

    /// Keeps a connection whose answer was read to its end.
    pub(crate) async fn keep(&self, sender: SendRequest<Full<Bytes>>) {
        *self.open.lock().await = Some(sender);
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let uri = format!("{}{path}", self.base);
        let request = Request::builder().method(method).uri(&uri).header(HOST, self.authority.clone());
        let mut request = request.body(Full::new(body)).map_err(|_| ClientError::Url(uri))?;
        request.headers_mut().extend(headers);
        Ok(request)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let failed = |error: io::Error| ClientError::Connection(format!("{}:{}", self.host, self.port), error);
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let Some(connector) = &self.tls else { return shake(TokioIo::new(stream)).await };
        let name = ServerName::try_from(self.host.clone()).map_err(|error| ClientError::Tls(error.to_string()))?;
        let stream = connector.connect(name, stream).await.map_err(|error| ClientError::Tls(error.to_string()))?;
        shake(TokioIo::new(stream)).await
    }
}

async fn shake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, ClientError>
where
    S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(stream).await.map_err(ClientError::Exchange)?;
    // It ends with the sender, and what breaks it reaches whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
