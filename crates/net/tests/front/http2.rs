use std::time::Duration;

use sangam_net::TlsOptions;
use sangam_net::http::HttpOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::client::{connect, connect_tls, rest, send};
use crate::server::{Server, Setup, soon};
use crate::tls::Files;

/// RFC 9113 §6: the frame types a test looks at.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// §3.4: the preface and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A GET of `/` on stream 1 as HPACK static entries (RFC 7541 appendix A): 2 is GET, 4 is `/`, 6 and 7 are the
/// schemes, 1 names `:authority`.
fn request(scheme: u8, authority: &str) -> Vec<u8> {
    let length = u8::try_from(authority.len()).unwrap();
    let block = [&[0x82, 0x84, scheme, 0x41, length], authority.as_bytes()].concat();
    // END_STREAM and END_HEADERS.
    frame(HEADERS, 0x5, 1, &block)
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> (u8, Vec<u8>) {
    let mut head = [0; 9];
    soon(stream.read_exact(&mut head)).await.unwrap();
    let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    soon(stream.read_exact(&mut payload)).await.unwrap();
    (head[3], payload)
}

/// Sends a request and gives the HPACK block and the body of the answer.
async fn get(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), scheme: u8, authority: &str) -> (Vec<u8>, String) {
    send(stream, &[PREFACE, &request(scheme, authority)].concat()).await;
    let mut head = Vec::new();
    loop {
        match read_frame(stream).await {
            (HEADERS, block) => head = block,
            (DATA, body) => return (head, String::from_utf8(body).unwrap()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_authority_of_http_2_counts_as_host() {
    let server = Server::start(Setup::default());
    let (_, own) = get(&mut connect(server.addr).await, 0x86, "localhost").await;
    assert_eq!(own, "127.0.0.1 Http trusted=true origin=true");
    let (_, rebound) = get(&mut connect(server.addr).await, 0x86, "evil.example").await;
    assert_eq!(rebound, "127.0.0.1 Http trusted=false origin=true");
    server.stopped().await;
}

#[tokio::test]
async fn http_2_is_spoken_within_tls() {
    let files = Files::new();
    let server = files.server(TlsOptions::http());
    let mut tls = connect_tls(connect(server.addr).await, &files.certificate, &[b"h2"]).await.unwrap();
    let (_, body) = get(&mut tls, 0x87, "localhost").await;
    assert_eq!(body, "127.0.0.1 Https trusted=true origin=true");
    drop(tls);
    server.stopped().await;
}

#[tokio::test]
async fn an_endless_answer_within_http_2_goes_the_ordinary_way() {
    let server = Server::start(Setup::default());
    let mut client = connect(server.addr).await;
    // A GET (static entry 2) of `/endless`.
    let block = [&[0x82, 0x86, 0x44, 8], "/endless".as_bytes(), &[0x41, 9], "localhost".as_bytes()].concat();
    send(&mut client, &[PREFACE, &frame(HEADERS, 0x5, 1, &block)].concat()).await;
    while read_frame(&mut client).await.0 != HEADERS {}
    for said in [b"one", b"two"] {
        server.gate.feed.send(said).unwrap();
        let body = loop {
            if let (DATA, body) = read_frame(&mut client).await {
                break body;
            }
        };
        assert_eq!(body, said);
    }
    assert_eq!(server.snapshot().endless, 0);
    drop(client);
    server.counts(|counts| counts.active == 0).await;
    server.stopped().await;
}

#[tokio::test]
async fn an_authority_that_is_no_host_is_refused() {
    let server = Server::start(Setup::default());
    let (head, body) = get(&mut connect(server.addr).await, 0x86, "user@localhost").await;
    // RFC 7541 appendix A, entry 12: `:status: 400`.
    assert_eq!((head[0], body.is_empty()), (0x8c, false));
    assert_eq!(server.snapshot().requests_refused, 1);
    server.stopped().await;
}

#[tokio::test]
async fn a_preface_without_a_request_is_not_waited_for() {
    let header_timeout = Duration::from_millis(100);
    let server =
        Server::start(Setup { http: HttpOptions { header_timeout, ..HttpOptions::default() }, ..Setup::default() });
    for begin in [PREFACE, &PREFACE[..10]] {
        let mut client = connect(server.addr).await;
        send(&mut client, begin).await;
        rest(&mut client).await;
    }
    server.counts(|counts| counts.header_timeouts == 2 && counts.active == 0).await;
    server.stopped().await;
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go_away() {
    let idle_timeout = Duration::from_millis(50);
    let server =
        Server::start(Setup { http: HttpOptions { idle_timeout, ..HttpOptions::default() }, ..Setup::default() });
    let mut client = connect(server.addr).await;
    get(&mut client, 0x86, "localhost").await;
    // The acknowledgement of the server's settings, without which it would have to doubt us.
    send(&mut client, &frame(SETTINGS, 1, 0, &[])).await;
    while read_frame(&mut client).await.0 != GOAWAY {}
    server.counts(|counts| counts.idle_closed == 1).await;
    assert_eq!(server.snapshot().lingered, 0);
    drop(client);
    server.stopped().await;
}

/// HTTP/2 ends its streams, and then the connection, by frames of its own: there is nothing to wait for.
#[tokio::test]
async fn a_connection_that_drains_with_a_body_unread_does_not_linger() {
    let linger_limit = Duration::from_secs(3_600);
    let server =
        Server::start(Setup { http: HttpOptions { linger_limit, ..HttpOptions::default() }, ..Setup::default() });
    let mut client = connect(server.addr).await;
    // A POST (static entry 3) of `/slow` whose body does not end.
    let block = [&[0x83, 0x86, 0x44, 5], "/slow".as_bytes(), &[0x41, 9], "localhost".as_bytes()].concat();
    let settings = frame(SETTINGS, 1, 0, &[]);
    send(&mut client, &[PREFACE, &settings, &frame(HEADERS, 0x4, 1, &block)].concat()).await;
    soon(server.gate.entered.notified()).await;
    server.begin_shutdown();
    let opaque = loop {
        match read_frame(&mut client).await {
            (PING, opaque) => break opaque,
            _ => continue,
        }
    };
    send(&mut client, &frame(PING, 1, 0, &opaque)).await;
    send(&mut client, &frame(DATA, 0, 1, b"some of a body")).await;
    server.gate.open.add_permits(1);
    while read_frame(&mut client).await.0 != DATA {}
    rest(&mut client).await;
    server.counts(|counts| counts.active == 0).await;
    assert_eq!(server.snapshot().lingered, 0);
    drop(client);
    server.stopped().await;
}
