use std::time::Duration;

use sangam_net::http::HttpOptions;
use tokio::io::AsyncReadExt;

use crate::client::{answer, connect, get, rest, send};
use crate::server::{Server, Setup, soon};

fn with_http(http: HttpOptions) -> Server {
    Server::start(Setup { http, ..Setup::default() })
}

#[tokio::test]
async fn a_client_that_drips_its_first_headers_is_cut() {
    let server = with_http(HttpOptions { header_timeout: Duration::from_millis(100), ..HttpOptions::default() });
    let mut client = connect(server.addr).await;
    let dripping = async {
        let mut byte = [0];
        let mut interval = tokio::time::interval(Duration::from_millis(10));
        send(&mut client, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Drip: ").await;
        loop {
            tokio::select! {
                _ = interval.tick() => {
                    // The server may have closed between two drips; the read below sees it.
                    let _sent = client.try_write(b"x");
                }
                read = client.read(&mut byte) => return read.unwrap_or(0),
            }
        }
    };
    assert_eq!(soon(dripping).await, 0);
    server.counts(|counts| counts.header_timeouts == 1 && counts.active == 0).await;
    assert_eq!(server.snapshot().requests, 0);
    server.stopped().await;
}

#[tokio::test]
async fn a_silent_plain_client_is_cut() {
    let server = with_http(HttpOptions { header_timeout: Duration::from_millis(50), ..HttpOptions::default() });
    let mut client = connect(server.addr).await;
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.header_timeouts == 1).await;
    server.stopped().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_request_under_way_is_not() {
    let server = with_http(HttpOptions { idle_timeout: Duration::from_millis(50), ..HttpOptions::default() });
    let mut busy = connect(server.addr).await;
    send(&mut busy, b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    soon(server.gate.entered.notified()).await;
    let mut idle = connect(server.addr).await;
    get(&mut idle, "/", "").await;
    assert_eq!(rest(&mut idle).await, b"");
    assert_eq!(server.snapshot().idle_closed, 1);
    server.gate.open.add_permits(1);
    assert!(answer(&mut busy).await.0.starts_with("HTTP/1.1 200"));
    server.stopped().await;
}

#[tokio::test]
async fn half_a_second_request_does_not_hold_a_connection_open() {
    let server = with_http(HttpOptions {
        idle_timeout: Duration::from_millis(50),
        header_timeout: Duration::from_millis(200),
        ..HttpOptions::default()
    });
    let mut client = connect(server.addr).await;
    get(&mut client, "/", "").await;
    send(&mut client, b"GET / HTTP/1.1\r\nHost:").await;
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.active == 0).await;
    server.stopped().await;
}

/// Sends `request` and expects this status, then the end of the connection or, for our own refusals, more requests.
async fn refused(request: &str, status: &str) {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    send(&mut client, request.as_bytes()).await;
    let (head, body) = answer(&mut client).await;
    assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
    assert!(body.len() < 200, "a refusal is short");
    assert_eq!(server.snapshot().requests, 0);
    drop(client);
    let mut other = connect(server.addr).await;
    get(&mut other, "/", "").await;
    server.stopped().await;
}

#[tokio::test]
async fn bad_requests_are_refused_and_harm_nobody_else() {
    let many: String = (0..101).map(|number| format!("X-{number}: a\r\n")).collect();
    let large = "x".repeat(17 * 1_024);
    refused("NONSENSE\r\n\r\n", "400").await;
    refused("GET / HTTP/1.1\r\n\r\n", "400").await;
    refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400").await;
    refused("GET / HTTP/1.1\r\nHost: user@localhost\r\n\r\n", "400").await;
    refused(&format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), "431").await;
    refused(&format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {large}\r\n\r\n"), "431").await;
}

#[tokio::test]
async fn an_upgraded_connection_passes_bytes_through_and_keeps_its_place() {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    send(&mut client, b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly")
        .await;
    assert!(answer(&mut client).await.0.starts_with("HTTP/1.1 101"));
    let mut echoed = [0; 5];
    soon(client.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"early");
    send(&mut client, b"later").await;
    soon(client.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"later");
    assert_eq!(server.snapshot().active, 1);
    drop(client);
    server.counts(|counts| counts.active == 0).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_service_that_panics_costs_one_connection() {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    send(&mut client, b"GET /panic HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(rest(&mut client).await, b"");
    get(&mut connect(server.addr).await, "/", "").await;
    server.stopped().await;
}

#[tokio::test]
async fn a_page_whose_name_points_here_is_not_the_operator() {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    send(&mut client, b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
    assert_eq!(answer(&mut client).await.1, "127.0.0.1 Http trusted=false origin=true");
    let foreign = get(&mut client, "/", "Origin: https://evil.example\r\n").await;
    assert_eq!(foreign, "127.0.0.1 Http trusted=false origin=false");
    let own = get(&mut client, "/", "Origin: http://localhost\r\n").await;
    assert_eq!(own, "127.0.0.1 Http trusted=true origin=true");
    send(&mut client, b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(answer(&mut client).await.1, "127.0.0.1 Http trusted=false origin=true");
    server.stopped().await;
}
