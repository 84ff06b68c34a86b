//! Answers that the front writes by itself: a client sees what it would see of hyper.

use std::time::Duration;

use sangam_net::TlsOptions;
use sangam_net::http::{Drained, HttpOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::client::{answer, connect, connect_tls, get, rest, send};
use crate::server::{END, LARGE, Server, Setup, soon};
use crate::tls::Files;

const ENDLESS: &[u8] = b"GET /endless HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
const LONG: &[u8] = &[b'x'; 300];

/// Asks for an endless answer and reads its head.
async fn open(client: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    send(client, ENDLESS).await;
    head(client).await
}

async fn head(client: &mut (impl AsyncRead + Unpin)) -> String {
    let (head, _) = answer(client).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    head
}

/// The server says it, and the client reads exactly these bytes.
async fn says(server: &Server, client: &mut (impl AsyncRead + Unpin), said: &'static [u8], bytes: &[u8]) {
    server.gate.feed.send(said).unwrap();
    let mut read = vec![0; bytes.len()];
    soon(client.read_exact(&mut read)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(bytes));
}

/// An answer from its head to its last chunk and the end of the connection.
async fn whole_answer(server: &Server, client: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let head = open(client).await;
    let mut lines: Vec<_> = head.trim_end().split("\r\n").skip(1).collect();
    lines.sort_unstable();
    assert!(lines.remove(1).strip_prefix("date: ").unwrap().ends_with(" GMT"), "{head}");
    assert_eq!(lines, ["connection: close", "transfer-encoding: chunked", "x-layer: one", "x-layer: two"]);
    says(server, client, b"one", b"3\r\none\r\n").await;
    says(server, client, LONG, &[b"12C\r\n", LONG, b"\r\n"].concat()).await;
    assert_eq!((server.snapshot().endless, server.snapshot().requests, server.snapshot().active), (1, 1, 1));
    says(server, client, END, b"0\r\n\r\n").await;
    assert_eq!(rest(client).await, b"");
    server.counts(|counts| counts.active == 0).await;
    assert_eq!((server.snapshot().lingered, server.gate.feed.receiver_count()), (0, 0));
}

#[tokio::test]
async fn an_endless_answer_is_written_as_http_1_wants_it() {
    let server = Server::start(Setup::default());
    whole_answer(&server, &mut connect(server.addr).await).await;
    server.stopped().await;
}

#[tokio::test]
async fn an_endless_answer_is_written_within_tls() {
    let files = Files::new();
    let server = files.server(TlsOptions::http());
    let mut client = connect_tls(connect(server.addr).await, &files.certificate, &[b"http/1.1"]).await.unwrap();
    whole_answer(&server, &mut client).await;
    server.stopped().await;
}

#[tokio::test]
async fn an_endless_answer_may_follow_another_and_come_to_a_request_in_pieces() {
    let server = Server::start(Setup::default());
    for at in [1, 24, ENDLESS.len() - 3, ENDLESS.len() - 1] {
        let mut client = connect(server.addr).await;
        get(&mut client, "/", "").await;
        let (first, second) = ENDLESS.split_at(at);
        send(&mut client, first).await;
        get(&mut connect(server.addr).await, "/", "").await;
        send(&mut client, second).await;
        head(&mut client).await;
        says(&server, &mut client, b"one", b"3\r\none\r\n").await;
    }
    assert_eq!(server.snapshot().endless, 4);
    server.stopped().await;
}

#[tokio::test]
async fn an_endless_answer_ends_when_its_client_leaves() {
    let server = Server::start(Setup::default());
    let mut gone = connect(server.addr).await;
    open(&mut gone).await;
    let mut half_closed = connect(server.addr).await;
    open(&mut half_closed).await;
    assert_eq!((server.snapshot().endless, server.gate.feed.receiver_count()), (2, 2));
    drop(gone);
    server.counts(|counts| counts.active == 1).await;
    half_closed.shutdown().await.unwrap();
    server.counts(|counts| counts.active == 0).await;
    assert_eq!(server.gate.feed.receiver_count(), 0);
    server.stopped().await;
}

#[tokio::test]
async fn what_a_client_says_into_an_endless_answer_is_passed_over() {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    open(&mut client).await;
    send(&mut client, &[ENDLESS, &[b'x'; 10_000]].concat()).await;
    says(&server, &mut client, b"one", b"3\r\none\r\n").await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.active == 0).await;
    assert_eq!(server.snapshot().requests, 1);
    server.stopped().await;
}

#[tokio::test]
async fn a_drain_ends_endless_answers_with_their_last_chunk() {
    let http = HttpOptions { drain_limit: Duration::from_secs(3_600), ..HttpOptions::default() };
    let server = Server::start(Setup { http, ..Setup::default() });
    let mut client = connect(server.addr).await;
    open(&mut client).await;
    says(&server, &mut client, b"one", b"3\r\none\r\n").await;
    let mut silent = connect(server.addr).await;
    open(&mut silent).await;
    assert_eq!(server.stopped().await, Drained { cut: 0 });
    assert_eq!(rest(&mut client).await, b"0\r\n\r\n");
    assert_eq!(rest(&mut silent).await, b"0\r\n\r\n");
}

#[tokio::test]
async fn an_endless_answer_is_not_idle() {
    let http = HttpOptions { idle_timeout: Duration::from_millis(50), ..HttpOptions::default() };
    let server = Server::start(Setup { http, ..Setup::default() });
    let mut client = connect(server.addr).await;
    open(&mut client).await;
    let mut idle = connect(server.addr).await;
    get(&mut idle, "/", "").await;
    assert_eq!(rest(&mut idle).await, b"");
    says(&server, &mut client, b"one", b"3\r\none\r\n").await;
    server.stopped().await;
}

#[tokio::test]
async fn requests_that_were_sent_together_are_all_answered() {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    send(&mut client, &[ENDLESS, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat()).await;
    head(&mut client).await;
    says(&server, &mut client, b"one", b"3\r\none\r\n").await;
    says(&server, &mut client, END, b"0\r\n\r\n").await;
    assert!(answer(&mut client).await.1.starts_with("127.0.0.1"));
    assert_eq!(server.snapshot().endless, 0);
    server.stopped().await;
}

#[tokio::test]
async fn a_request_that_came_while_an_endless_answer_was_made_is_answered() {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    send(&mut client, b"GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    soon(server.gate.entered.notified()).await;
    send(&mut client, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    // By the time that others are served, it has been read.
    for _ in 0..3 {
        get(&mut connect(server.addr).await, "/", "").await;
    }
    server.gate.open.add_permits(1);
    head(&mut client).await;
    says(&server, &mut client, END, b"0\r\n\r\n").await;
    assert!(answer(&mut client).await.1.starts_with("127.0.0.1"));
    assert_eq!(server.snapshot().endless, 0);
    server.stopped().await;
}

#[tokio::test]
async fn an_answer_that_is_not_yet_read_comes_whole_before_an_endless_one() {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    send(&mut client, b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    server.counts(|counts| counts.requests == 1).await;
    send(&mut client, ENDLESS).await;
    let (_, body) = answer(&mut client).await;
    assert!(body.len() == LARGE && body.bytes().all(|byte| byte == b'x'));
    head(&mut client).await;
    says(&server, &mut client, b"one", b"3\r\none\r\n").await;
    server.stopped().await;
}

#[tokio::test]
async fn only_get_of_http_1_1_without_a_body_is_answered_by_the_front_itself() {
    let server = Server::start(Setup::default());
    let mut asking = connect(server.addr).await;
    send(&mut asking, b"HEAD /endless HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(head(&mut asking).await.contains("x-layer: one\r\nx-layer: two\r\n"));
    get(&mut asking, "/", "").await;
    let mut client = connect(server.addr).await;
    send(&mut client, b"GET /endless HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx").await;
    head(&mut client).await;
    says(&server, &mut client, b"one", b"3\r\none\r\n").await;
    let mut old = connect(server.addr).await;
    send(&mut old, b"GET /endless HTTP/1.0\r\nHost: localhost\r\n\r\n").await;
    assert!(!answer(&mut old).await.0.contains("transfer-encoding"));
    says(&server, &mut old, b"one", b"one").await;
    assert_eq!(server.snapshot().endless, 0);
    drop((asking, client, old));
    server.counts(|counts| counts.active == 0).await;
    server.stopped().await;
}
