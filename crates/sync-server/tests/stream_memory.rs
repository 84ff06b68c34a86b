//! What an idle event stream costs. Alone in its process, so that nothing else is measured.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use std::net::SocketAddr;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use sangam_auth::token::{Keyring, TokenOptions};
use sangam_net::http::{HttpOptions, serve};
use sangam_net::{FrontOptions, LiveRules, TcpFront, Tls};
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_sync_server::{Access, Deps, Live, Options, Streams, SyncServer};
use sangam_telemetry::metrics::sync::SyncMetrics;
use sangam_types::Wall;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

const STREAMS: usize = 1_000;

/// Both ends of the connection are in this process. A stream that the HTTP library writes holds its two buffers, too, which
/// take 8 KiB and more: this tells the two apart.
const BYTES_PER_STREAM_MAX: usize = 8 * 1_024;

fn open_to_all() -> Live {
    let keyring = Keyring::new(Vec::new(), TokenOptions::default()).unwrap();
    let access = Access { keyring, default_db: Some("d".into()), open: true };
    Live { access, cors: None, rate_per_sec: 1_000_000, rate_burst: 1_000_000, log_requests: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_event_streams_cost_less_than_8_kib_each() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_sync(dir.path(), &SqliteOptions::default()).unwrap();
    let metrics = Arc::new(SyncMetrics::register(&mut Registry::default()));
    let streams = Streams { sse_max: 10_000, per_database_max: 10_000, ..Streams::default() };
    let options = Options { streams, ..Options::default() };
    let deps = Deps { store, metrics, clock: Arc::new(|| Wall::from_unix_secs(1)) };
    let server = SyncServer::start(options, open_to_all(), deps).await.unwrap();
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let front = FrontOptions { connections_per_address_max: 10_000, ..FrontOptions::default() };
    let front = TcpFront::bind(loopback, Tls::Off, front, LiveRules::default()).unwrap();
    let (addr, stats) = (front.local_addr(), front.stats());
    tokio::spawn(serve(front, server.router(), HttpOptions::default(), CancellationToken::new()));

    let mut streams = open(addr, 0..100).await;
    let before = resident_bytes();
    streams.append(&mut open(addr, 100..100 + STREAMS).await);
    let each = resident_bytes().saturating_sub(before) / STREAMS;
    println!("{each} bytes of resident memory for each event stream, both ends");
    assert!(each < BYTES_PER_STREAM_MAX, "{each} bytes for each event stream");
    assert_eq!((streams.len(), stats.snapshot().endless), (STREAMS + 100, 1_100));
}

/// Opens streams and waits until each is greeted.
async fn open(addr: SocketAddr, names: std::ops::Range<usize>) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(names.len());
    for name in names {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let request = format!(
            "GET /v1/events?deviceId=device-{name} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\
             cache-control: no-cache\r\nuser-agent: Dart/3.5 (dart:io)\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"}\n\n\r\n") {
            read.push(stream.read_u8().await.unwrap());
        }
        assert!(read.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&read));
        streams.push(stream);
    }
    streams
}

/// The second figure of `/proc/self/statm` (proc(5)): resident pages, of 4 KiB wherever this test runs.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_ascii_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}
