//! What an idle session costs. Alone in its process, so that nothing else is measured.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::Extension;
use sangam_engineio_proto::CloseReason;
use sangam_net::http::{Client, Scheme};
use sangam_socketio::engine::{Clock, Engine, EngineOptions};
use sangam_socketio::upper::{Forbidden, Lower, Opening, Upper, UpperFactory};
use sangam_types::{Frame, Mono};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const SESSIONS: usize = 1_000;

/// Both ends of the connection are in this process.
const BYTES_PER_SESSION_MAX: usize = 5_000;

struct Silence;

impl UpperFactory for Silence {
    type Upper = Self;

    fn open(&self, _: Opening) -> Result<Self, Forbidden> {
        Ok(Self)
    }
}

impl Upper for Silence {
    fn received(&mut self, _: Mono, message: Frame, lower: &mut dyn Lower) {
        lower.send(sangam_engineio_proto::Packet::Message(message).encode());
    }

    fn woken(&mut self, _: Mono, _: &mut dyn Lower) {}

    fn deadline(&self) -> Option<Mono> {
        None
    }

    fn closed(&mut self, _: Mono, _: CloseReason) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_sessions_cost_less_than_5000_bytes_each() {
    let engine = Engine::new(EngineOptions::default(), Silence, Clock::since(Instant::now()));
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let client = Client {
        addr: SocketAddr::new(loopback, 1),
        local: SocketAddr::new(loopback, 2),
        scheme: Scheme::Http,
        trusted_loopback: true,
        origin_allowed: true,
    };
    let router = engine.router("/socket.io").layer(Extension(client));
    let listener = TcpListener::bind((loopback, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let mut sessions = open(addr, 100).await;
    let before = resident_bytes();
    sessions.append(&mut open(addr, SESSIONS).await);
    let each = resident_bytes().saturating_sub(before) / SESSIONS;
    println!("{each} bytes of resident memory for each session, both ends");
    assert!(each < BYTES_PER_SESSION_MAX, "{each} bytes for each session");
    assert_eq!(sessions.len(), SESSIONS + 100);
}

/// Opens sessions and waits until the server has answered a message on each.
async fn open(addr: SocketAddr, count: usize) -> Vec<TcpStream> {
    let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut sessions = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        read_to(&mut stream, b"\r\n\r\n").await;
        // A masked text frame with a mask of zeros.
        stream.write_all(b"\x81\x85\0\0\0\x004echo").await.unwrap();
        read_to(&mut stream, b"\x81\x054echo").await;
        sessions.push(stream);
    }
    sessions
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
