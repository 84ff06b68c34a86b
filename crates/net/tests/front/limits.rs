use sangam_net::{FrontOptions, LiveRules, Refused, TcpFront, Tls, TlsOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{answer, connect, connect_tls, get, rest, send};
use crate::server::{Server, Setup, soon, trusting};
use crate::tls::Files;

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_until_one_closes() {
    let front = FrontOptions { connections_max: 2, ..FrontOptions::default() };
    let server = Server::start(Setup { front, ..Setup::default() });
    let mut first = connect(server.addr).await;
    let mut second = connect(server.addr).await;
    get(&mut first, "/", "").await;
    get(&mut second, "/", "").await;
    assert_eq!(rest(&mut connect(server.addr).await).await, b"");
    assert_eq!(server.snapshot().refused(Refused::TooMany), 1);
    get(&mut first, "/", "").await;
    drop(second);
    server.counts(|counts| counts.active == 1).await;
    get(&mut connect(server.addr).await, "/", "").await;
    server.stopped().await;
}

#[tokio::test]
async fn an_upgraded_connection_counts_until_it_ends() {
    let front = FrontOptions { connections_max: 1, ..FrontOptions::default() };
    let server = Server::start(Setup { front, ..Setup::default() });
    let mut upgraded = connect(server.addr).await;
    let request = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    send(&mut upgraded, request).await;
    assert!(answer(&mut upgraded).await.0.starts_with("HTTP/1.1 101"));
    assert_eq!(rest(&mut connect(server.addr).await).await, b"");
    assert_eq!(server.snapshot().refused(Refused::TooMany), 1);
    drop(upgraded);
    server.counts(|counts| counts.active == 0).await;
    get(&mut connect(server.addr).await, "/", "").await;
    server.stopped().await;
}

#[tokio::test]
async fn an_address_has_its_share_and_a_trusted_proxy_has_no_such_limit() {
    let front = FrontOptions { connections_per_address_max: 1, ..FrontOptions::default() };
    let server = Server::start(Setup { front, ..Setup::default() });
    let mut first = connect(server.addr).await;
    get(&mut first, "/", "").await;
    assert_eq!(rest(&mut connect(server.addr).await).await, b"");
    assert_eq!(server.snapshot().refused(Refused::TooManyFromAddress), 1);
    server.rules.replace(trusting(&["127.0.0.1"]));
    get(&mut connect(server.addr).await, "/", "").await;
    server.stopped().await;
}

#[tokio::test]
async fn a_protocol_other_than_http_takes_the_stream() {
    let files = Files::new();
    let options = TlsOptions { alpn: vec![b"stun.turn".to_vec()], ..TlsOptions::default() };
    let addr = "127.0.0.1:0".parse().unwrap();
    let front =
        TcpFront::bind(addr, Tls::On(files.front(options)), FrontOptions::default(), LiveRules::default()).unwrap();
    let client = connect(front.local_addr());
    let (arrived, client) = tokio::join!(soon(front.accept()), client);
    let (accepted, client) =
        tokio::join!(soon(arrived.establish()), connect_tls(client, &files.certificate, &[b"stun.turn"]));
    let (mut accepted, mut client) = (accepted.unwrap(), client.unwrap());
    let session = accepted.tls.unwrap();
    assert_eq!(session.alpn.as_deref(), Some(b"stun.turn" as &[u8]));
    assert_eq!(session.server_name.as_deref(), Some("localhost"));
    assert_eq!(accepted.peer, client.get_ref().0.local_addr().unwrap());
    assert_eq!((accepted.local, accepted.listener), (front.local_addr(), front.local_addr()));
    assert_eq!(accepted.proxied, None);
    send(&mut client, b"ping").await;
    let mut ping = [0; 4];
    soon(accepted.stream.read_exact(&mut ping)).await.unwrap();
    accepted.stream.write_all(&ping).await.unwrap();
    accepted.stream.flush().await.unwrap();
    soon(client.read_exact(&mut ping)).await.unwrap();
    assert_eq!(&ping, b"ping");
    assert_eq!(front.snapshot().active, 1);
    drop(accepted.stream);
    assert_eq!(front.snapshot().active, 0);
}
