use std::time::Duration;

use sangam_net::{FrontOptions, FrontRules, Refused, Tls, TlsOptions};

use crate::client::{connect, connect_tls, get, rest, send};
use crate::server::{Server, Setup, trusting};
use crate::tls::Files;

/// A PROXY v2 header for a client at 203.0.113.7 port 54321.
const PROXY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\x00\x71\x07\x0a\0\0\x01\xd4\x31\x01\xbb";
/// A PROXY v2 header of a proxy that speaks for itself.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn behind_proxy(rules: FrontRules, tls: Tls) -> Server {
    let front = FrontOptions {
        proxy_protocol: true,
        first_byte_timeout: Duration::from_millis(200),
        ..FrontOptions::default()
    };
    Server::start(Setup { front, rules, tls, ..Setup::default() })
}

#[tokio::test]
async fn the_proxy_header_names_the_client() {
    let server = behind_proxy(trusting(&["127.0.0.1"]), Tls::Off);
    let mut client = connect(server.addr).await;
    send(&mut client, PROXY).await;
    assert_eq!(get(&mut client, "/", "").await, "203.0.113.7 Http trusted=false origin=true");
    server.stopped().await;
}

#[tokio::test]
async fn tls_begins_after_the_proxy_header() {
    let files = Files::new();
    let server = behind_proxy(trusting(&["127.0.0.1"]), Tls::Auto(files.front(TlsOptions::http())));
    let mut client = connect(server.addr).await;
    send(&mut client, PROXY).await;
    let mut client = connect_tls(client, &files.certificate, &[]).await.unwrap();
    assert_eq!(get(&mut client, "/", "").await, "203.0.113.7 Https trusted=false origin=true");
    server.stopped().await;
}

#[tokio::test]
async fn a_proxy_that_speaks_for_itself_is_the_client_and_not_the_operator() {
    let server = behind_proxy(trusting(&["127.0.0.1"]), Tls::Off);
    let mut client = connect(server.addr).await;
    send(&mut client, LOCAL).await;
    assert_eq!(get(&mut client, "/", "").await, "127.0.0.1 Http trusted=false origin=true");
    server.stopped().await;
}

#[tokio::test]
async fn a_trusted_proxy_without_its_header_is_refused() {
    let server = behind_proxy(trusting(&["127.0.0.1"]), Tls::Off);
    let mut client = connect(server.addr).await;
    send(&mut client, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.refused(Refused::ProxyHeaderMalformed) == 1).await;
    let mut silent = connect(server.addr).await;
    send(&mut silent, &PROXY[..14]).await;
    assert_eq!(rest(&mut silent).await, b"");
    server.counts(|counts| counts.refused(Refused::Silent) == 1).await;
    server.stopped().await;
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_may_send_the_header() {
    let server = behind_proxy(FrontRules::default(), Tls::Off);
    let mut client = connect(server.addr).await;
    send(&mut client, PROXY).await;
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.refused(Refused::NotAProxy) == 1).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_listener_without_proxy_protocol_takes_its_header_for_nonsense() {
    let server = Server::start(Setup { rules: trusting(&["127.0.0.1"]), ..Setup::default() });
    let mut client = connect(server.addr).await;
    send(&mut client, PROXY).await;
    let refusal = rest(&mut client).await;
    assert!(refusal.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&refusal));
    server.counts(|counts| counts.connections_malformed == 1).await;
    server.stopped().await;
}

#[tokio::test]
async fn clients_behind_a_proxy_are_counted_one_by_one() {
    let front = FrontOptions { proxy_protocol: true, connections_per_address_max: 1, ..FrontOptions::default() };
    let server = Server::start(Setup { front, rules: trusting(&["127.0.0.1"]), ..Setup::default() });
    let mut other_client = PROXY.to_vec();
    other_client[19] = 8;
    let mut first = connect(server.addr).await;
    send(&mut first, PROXY).await;
    get(&mut first, "/", "").await;
    let mut other = connect(server.addr).await;
    send(&mut other, &other_client).await;
    assert_eq!(get(&mut other, "/", "").await, "203.0.113.8 Http trusted=false origin=true");
    let mut second = connect(server.addr).await;
    send(&mut second, PROXY).await;
    assert_eq!(rest(&mut second).await, b"");
    server.counts(|counts| counts.refused(Refused::TooManyFromAddress) == 1).await;
    server.stopped().await;
}

#[tokio::test]
async fn forwarding_headers_are_heard_from_the_moment_their_proxy_is_trusted() {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    let forwarded = "X-Forwarded-For: 127.0.0.1, 203.0.113.7\r\nX-Forwarded-Proto: https\r\n";
    assert_eq!(get(&mut client, "/", "").await, "127.0.0.1 Http trusted=true origin=true");
    assert_eq!(get(&mut client, "/", forwarded).await, "127.0.0.1 Http trusted=false origin=true");
    server.rules.replace(trusting(&["127.0.0.0/8"]));
    assert_eq!(get(&mut client, "/", forwarded).await, "203.0.113.7 Https trusted=false origin=true");
    assert_eq!(get(&mut client, "/", "").await, "127.0.0.1 Http trusted=false origin=true");
    server.stopped().await;
}
