//! A refusal that is given before its request has come arrives: the connection closes without a reset.

use std::io;
use std::time::Duration;

use sangam_net::http::{Drained, HttpOptions};
use sangam_net::{Tls, TlsOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;

use crate::client::{answer, connect, connect_tls, get, rest, send};
use crate::server::{Server, Setup, soon};
use crate::tls::Files;

const HOUR: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(50);
/// More than the buffers of both kernels hold.
const UPLOAD: usize = 8 << 20;

fn lingering_for(linger_limit: Duration) -> Server {
    Server::start(Setup { http: HttpOptions { linger_limit, ..HttpOptions::default() }, ..Setup::default() })
}

fn upload_head(path: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {UPLOAD}\r\n\r\n").into_bytes()
}

fn upload(path: &str) -> Vec<u8> {
    let mut request = upload_head(path);
    request.resize(request.len() + UPLOAD, b'x');
    request
}

/// Sends all of `request` and reads to the end; an error is a reset.
async fn exchange(stream: impl AsyncRead + AsyncWrite, request: &[u8]) -> io::Result<String> {
    let (mut from, mut to) = split(stream);
    let mut bytes = Vec::new();
    let reading = async { from.read_to_end(&mut bytes).await };
    let writing = async {
        to.write_all(request).await?;
        to.flush().await
    };
    soon(async { tokio::try_join!(reading, writing) }).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sends the head and some of the body of a request that is refused, and reads the answer.
async fn refused_midway(server: &Server) -> TcpStream {
    let mut client = connect(server.addr).await;
    send(&mut client, &upload_head("/refuse")).await;
    send(&mut client, &[b'x'; 1_000]).await;
    assert!(answer(&mut client).await.0.starts_with("HTTP/1.1 413"));
    client
}

#[tokio::test]
async fn a_body_that_is_refused_unread_never_resets_the_connection() {
    let server = lingering_for(HOUR);
    let request = upload("/refuse");
    for _ in 0..200 {
        let said = exchange(connect(server.addr).await, &request).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 413 ") && said.contains("connection: close\r\n"), "{said}");
    }
    server.counts(|counts| counts.active == 0).await;
    assert_eq!((server.snapshot().lingered, server.snapshot().linger_cut), (200, 0));
    server.stopped().await;
}

#[tokio::test]
async fn a_body_that_nobody_reads_never_resets_the_connection() {
    let server = lingering_for(HOUR);
    let request = upload("/");
    for _ in 0..50 {
        let said = exchange(connect(server.addr).await, &request).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("trusted=true"), "{said}");
    }
    server.counts(|counts| counts.lingered == 50 && counts.active == 0).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_body_that_is_refused_unread_never_resets_the_connection_within_tls() {
    let files = Files::new();
    let http = HttpOptions { linger_limit: HOUR, ..HttpOptions::default() };
    let server = Server::start(Setup { tls: Tls::On(files.front(TlsOptions::http())), http, ..Setup::default() });
    let request = upload("/refuse");
    for _ in 0..20 {
        let stream = connect_tls(connect(server.addr).await, &files.certificate, &[b"http/1.1"]).await.unwrap();
        let said = exchange(stream, &request).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    }
    server.counts(|counts| counts.active == 0).await;
    assert_eq!((server.snapshot().lingered, server.snapshot().linger_cut), (20, 0));
    server.stopped().await;
}

#[tokio::test]
async fn headers_that_are_too_large_never_reset_the_connection() {
    let server = lingering_for(HOUR);
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(UPLOAD));
    for _ in 0..50 {
        let mut client = connect(server.addr).await;
        get(&mut client, "/", "").await;
        let said = exchange(client, request.as_bytes()).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    }
    server.counts(|counts| counts.active == 0 && counts.connections_malformed == 50).await;
    server.stopped().await;
}

#[tokio::test]
async fn who_is_answered_before_its_request_was_read_is_told_that_the_connection_closes() {
    let server = lingering_for(HOUR);
    let mut client = connect(server.addr).await;
    send(&mut client, &upload_head("/")).await;
    let head = answer(&mut client).await.0;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("connection: close\r\n"), "{head}");
    drop(client);
    let mut client = connect(server.addr).await;
    send(&mut client, b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nok").await;
    let head = answer(&mut client).await.0;
    assert!(!head.contains("connection: close"), "{head}");
    get(&mut client, "/", "").await;
    server.stopped().await;
}

#[tokio::test]
async fn a_request_without_host_whose_body_is_still_to_come_ends_its_connection_at_once() {
    let server = lingering_for(HOUR);
    let mut client = connect(server.addr).await;
    send(&mut client, b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n").await;
    assert!(answer(&mut client).await.0.starts_with("HTTP/1.1 400 "));
    send(&mut client, b"o").await;
    assert_eq!(rest(&mut client).await, b"");
    drop(client);
    server.stopped().await;
}

#[tokio::test]
async fn a_client_that_never_stops_sending_is_cut() {
    let server = lingering_for(SHORT);
    let mut client = refused_midway(&server).await;
    let sending = async { while client.write_all(&[b'x'; 65_536]).await.is_ok() {} };
    soon(sending).await;
    server.counts(|counts| counts.linger_cut == 1 && counts.active == 0).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_client_that_neither_sends_nor_closes_is_cut() {
    let server = lingering_for(SHORT);
    let mut client = refused_midway(&server).await;
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.linger_cut == 1 && counts.active == 0).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_drain_cuts_connections_that_linger_beyond_its_limit() {
    let http = HttpOptions { linger_limit: HOUR, drain_limit: SHORT, ..HttpOptions::default() };
    let server = Server::start(Setup { http, ..Setup::default() });
    let client = refused_midway(&server).await;
    server.counts(|counts| counts.lingered == 1).await;
    assert_eq!(server.stopped().await, Drained { cut: 1 });
    drop(client);
}

#[tokio::test]
async fn a_connection_lingers_for_its_limit_however_short_idling_may_be() {
    let http = HttpOptions { linger_limit: HOUR, idle_timeout: SHORT, header_timeout: SHORT, ..HttpOptions::default() };
    let server = Server::start(Setup { http, ..Setup::default() });
    let lingering = refused_midway(&server).await;
    server.counts(|counts| counts.lingered == 1).await;
    let mut idle = connect(server.addr).await;
    get(&mut idle, "/", "").await;
    assert_eq!(rest(&mut idle).await, b"");
    drop(idle);
    server.counts(|counts| counts.idle_closed == 1 && counts.active == 1).await;
    drop(lingering);
    server.counts(|counts| counts.active == 0).await;
    server.stopped().await;
}

/// Sends `request`, waits for the end of its connection and keeps its own side open until the server has forgotten it.
async fn closes_at_once(server: &Server, request: &str) {
    let mut client = connect(server.addr).await;
    send(&mut client, request.as_bytes()).await;
    let (head, _) = answer(&mut client).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.active == 0).await;
    assert_eq!(server.snapshot().lingered, 0, "{request}");
}

#[tokio::test]
async fn an_ordinary_close_does_not_linger() {
    let http = HttpOptions { linger_limit: HOUR, idle_timeout: SHORT, ..HttpOptions::default() };
    let server = Server::start(Setup { http, ..Setup::default() });
    let close = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    closes_at_once(&server, &format!("GET / {close}\r\n")).await;
    closes_at_once(&server, &format!("POST /read {close}Content-Length: 4\r\n\r\nbody")).await;
    closes_at_once(&server, &format!("POST /read {close}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"))
        .await;
    // Idle; the second one's body was small enough to be passed over.
    closes_at_once(&server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    closes_at_once(&server, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody").await;
    let mut leaving = connect(server.addr).await;
    send(&mut leaving, &upload_head("/read")[..20]).await;
    leaving.shutdown().await.unwrap();
    rest(&mut leaving).await;
    server.counts(|counts| counts.active == 0).await;
    assert_eq!(server.snapshot().lingered, 0);
    server.stopped().await;
}

#[tokio::test]
async fn a_drain_closes_idle_connections_without_lingering() {
    let server = lingering_for(HOUR);
    let mut idle = connect(server.addr).await;
    get(&mut idle, "/", "").await;
    let mut half = connect(server.addr).await;
    get(&mut half, "/", "").await;
    send(&mut half, &upload_head("/refuse")[..20]).await;
    assert_eq!(server.stopped().await, Drained { cut: 0 });
}

#[tokio::test]
async fn an_upgraded_connection_closes_when_its_owner_says_so() {
    let server = lingering_for(HOUR);
    let mut client = connect(server.addr).await;
    send(&mut client, b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n").await;
    assert!(answer(&mut client).await.0.starts_with("HTTP/1.1 101"));
    send(&mut client, b"bye").await;
    assert_eq!(rest(&mut client).await, b"bye");
    server.counts(|counts| counts.active == 0).await;
    assert_eq!(server.snapshot().lingered, 0);
    server.stopped().await;
}
