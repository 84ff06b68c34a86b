//! Where devices listen for connection requests: one listener, a path for each device.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::world::Requests;
use crate::connection::FleetError;

/// Somebody wants a device to begin a session.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) number: u32,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) authorization: Option<String>,
    pub(super) answer: oneshot::Sender<Said>,
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A session follows.
    Accepted,
    /// It is in a session, or off.
    Busy,
    /// Who asks has to prove that it may.
    Challenge(Vec<String>),
    /// No such device.
    Unknown,
}

/// The listener. It ends with this.
pub(super) struct Listening {
    /// Behind which numbers of devices stand.
    pub(super) requests: Requests,
    task: JoinHandle<()>,
}

/// Connections at once.
const CONNECTIONS_MAX: usize = 256;

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) async fn listen(address: IpAddr, asked: mpsc::Sender<Asked>) -> Result<Listening, FleetError> {
    let refused = |source| FleetError::Listen { address, source };
    let listener = TcpListener::bind(SocketAddr::new(address, 0)).await.map_err(refused)?;
    let local = listener.local_addr().map_err(refused)?;
    let task = tokio::spawn(serve(listener, asked));
    let address = Some(local.ip()).filter(|address| !address.is_unspecified());
    Ok(Listening { requests: Requests { address, port: local.port() }, task })
}

async fn serve(listener: TcpListener, asked: mpsc::Sender<Asked>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        // Nothing is to be done about a connection that was gone again.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let asked = asked.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, asked.clone()));
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(std::time::Duration::from_secs(10));
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
            drop(permit);
        });
    }
}

async fn answer(request: Request<Incoming>, asked: mpsc::Sender<Asked>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let said = said(&request, asked).await;
    let mut response = Response::new(Empty::new());
    *response.status_mut() = match &said {
        Said::Accepted => StatusCode::OK,
        Said::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Said::Challenge(_) => StatusCode::UNAUTHORIZED,
        Said::Unknown => StatusCode::NOT_FOUND,
    };
    if let Said::Challenge(challenges) = said {
        for value in challenges.iter().filter_map(|text| HeaderValue::from_str(text).ok()) {
            response.headers_mut().append(WWW_AUTHENTICATE, value);
        }
    }
    Ok(response)
}

async fn said(request: &Request<Incoming>, asked: mpsc::Sender<Asked>) -> Said {
    let Ok(number) = request.uri().path().trim_start_matches('/').parse() else { return Said::Unknown };
    let authorization = request.headers().get(AUTHORIZATION).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let target = request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned();
    let (answer, said) = oneshot::channel();
    let method = request.method().as_str().to_owned();
    if asked.send(Asked { number, method, target, authorization, answer }).await.is_err() {
        return Said::Busy;
    }
    said.await.unwrap_or(Said::Busy)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    async fn got(listening: &Listening, path: &str, more: &str) -> String {
        let authority = format!("127.0.0.1:{}", listening.requests.port);
        let mut stream = TcpStream::connect(&authority).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_path_is_a_device_and_what_it_says_is_the_answer() {
        let (sender, mut asked) = mpsc::channel(1);
        let listening = listen(IpAddr::from([127, 0, 0, 1]), sender).await.unwrap();
        let device = tokio::spawn(async move {
            while let Some(it) = asked.recv().await {
                let said = match (it.number, it.authorization) {
                    (7, None) => Said::Challenge(vec!["Digest realm=\"r\", nonce=\"n\"".to_owned()]),
                    (7, Some(_)) => Said::Accepted,
                    (8, _) => Said::Busy,
                    _ => Said::Unknown,
                };
                it.answer.send(said).unwrap();
            }
        });
        let challenged = got(&listening, "/7", "").await;
        assert!(challenged.starts_with("HTTP/1.1 401 "), "{challenged}");
        assert!(challenged.contains("www-authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"), "{challenged}");
        for (path, more, status) in
            [("/7", "Authorization: Digest x\r\n", "200"), ("/8", "", "503"), ("/9", "", "404"), ("/x", "", "404")]
        {
            let answer = got(&listening, path, more).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        }
        drop(listening);
        device.abort();
    }
}
