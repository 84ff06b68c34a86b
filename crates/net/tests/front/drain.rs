use std::time::Duration;

use sangam_net::http::{Drained, HttpOptions};
use tokio::net::TcpStream;

use crate::client::{answer, connect, get, rest, send};
use crate::server::{Server, Setup, soon};

const SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn slow_request(server: &Server) -> TcpStream {
    let mut client = connect(server.addr).await;
    send(&mut client, SLOW).await;
    soon(server.gate.entered.notified()).await;
    client
}

#[tokio::test]
async fn a_drain_closes_idle_connections_and_finishes_requests_under_way() {
    let server = Server::start(Setup::default());
    let mut busy = slow_request(&server).await;
    let mut idle = connect(server.addr).await;
    get(&mut idle, "/", "").await;
    let mut new = connect(server.addr).await;
    server.counts(|counts| counts.accepted == 3).await;
    server.begin_shutdown();
    assert_eq!(rest(&mut idle).await, b"");
    assert_eq!(rest(&mut new).await, b"");
    assert!(soon(TcpStream::connect(server.addr)).await.is_err(), "the listener is closed at once");
    server.gate.open.add_permits(1);
    let (head, body) = answer(&mut busy).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("connection: close"), "{head}");
    assert!(body.starts_with("127.0.0.1"));
    assert_eq!(rest(&mut busy).await, b"");
    assert_eq!(server.stopped().await, Drained { cut: 0 });
}

#[tokio::test]
async fn a_drain_cuts_what_outlives_its_limit() {
    let drain_limit = Duration::from_millis(50);
    let server =
        Server::start(Setup { http: HttpOptions { drain_limit, ..HttpOptions::default() }, ..Setup::default() });
    let mut busy = slow_request(&server).await;
    assert_eq!(server.stopped().await, Drained { cut: 1 });
    assert_eq!(rest(&mut busy).await, b"");
}

#[tokio::test]
async fn a_drain_leaves_upgraded_connections_to_their_owner() {
    let server = Server::start(Setup::default());
    let mut upgraded = connect(server.addr).await;
    let request = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    send(&mut upgraded, request).await;
    assert!(answer(&mut upgraded).await.0.starts_with("HTTP/1.1 101"));
    assert_eq!(server.stopped().await, Drained { cut: 0 });
    send(&mut upgraded, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert!(answer(&mut upgraded).await.0.starts_with("HTTP/1.1 200"), "it still echoes");
}

#[tokio::test]
async fn connections_end_with_the_server_that_owns_them() {
    let server = Server::start(Setup::default());
    let mut busy = slow_request(&server).await;
    let mut idle = connect(server.addr).await;
    get(&mut idle, "/", "").await;
    let addr = server.addr;
    server.abort().await;
    assert_eq!(rest(&mut busy).await, b"");
    assert_eq!(rest(&mut idle).await, b"");
    assert!(soon(TcpStream::connect(addr)).await.is_err());
}
