//! What an idle socket costs. Alone in its process, so that nothing else is measured.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Extension;
use prometheus_client::registry::Registry;
use sangam_net::http::{Client, Scheme};
use sangam_signal_server::{Deps, Options, SignalServer};
use sangam_telemetry::metrics::signal::SignalMetrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const SOCKETS: usize = 1_000;

/// Both ends of the connection are in this process, and a debug build's tasks are larger than a release's. The library's
/// default buffers alone would be 134 KB.
const BYTES_PER_SOCKET_MAX: usize = 16 * 1_024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_sockets_cost_less_than_16_kib_each() {
    let metrics = Arc::new(SignalMetrics::register(&mut Registry::default()));
    let server =
        SignalServer::start(Options::default(), Deps { metrics, journal: None, revocations: None }).await.unwrap();
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let client = Client {
        addr: SocketAddr::new(loopback, 1),
        local: SocketAddr::new(loopback, 2),
        scheme: Scheme::Http,
        trusted_loopback: true,
        origin_allowed: true,
    };
    let router = server.router().layer(Extension(client));
    let listener = TcpListener::bind((loopback, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let mut sockets = open(addr, 100).await;
    let before = resident_bytes();
    sockets.append(&mut open(addr, SOCKETS).await);
    let each = resident_bytes().saturating_sub(before) / SOCKETS;
    println!("{each} bytes of resident memory for each socket, both ends");
    assert!(each < BYTES_PER_SOCKET_MAX, "{each} bytes for each socket");
    assert_eq!(sockets.len(), SOCKETS + 100);
}

/// Opens sockets and waits until the server has answered a message on each.
async fn open(addr: SocketAddr, count: usize) -> Vec<TcpStream> {
    let request = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        read_to(&mut stream, b"\r\n\r\n").await;
        // A masked text frame with a mask of zeros.
        stream.write_all(b"\x81\x84\0\0\0\0null").await.unwrap();
        read_to(&mut stream, b"(reading 'type')\"}").await;
        sockets.push(stream);
    }
    sockets
}

async fn read_to(stream: &mut TcpStream, end: &[u8]) {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        read.push(stream.read_u8().await.unwrap());
    }
}

/// The second figure of `/proc/self/statm` (proc(5)): resident pages, of 4 KiB wherever this test runs.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_ascii_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}
