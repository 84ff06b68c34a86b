use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use sangam_net::{CertificatePaths, CertificateStore, FrontOptions, Refused, Reload, Tls, TlsFront, TlsOptions};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::client::{connect, connect_tls, get, rest, send};
use crate::server::{Server, Setup};

/// A certificate store over files that a test may replace.
pub(crate) struct Files {
    directory: TempDir,
    pub(crate) store: Arc<CertificateStore>,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Files {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificate = write_pair(directory.path());
        let store = CertificateStore::load(paths(directory.path())).unwrap();
        Self { directory, store, certificate }
    }

    pub(crate) fn front(&self, options: TlsOptions) -> TlsFront {
        TlsFront::new(Arc::clone(&self.store), options).unwrap()
    }

    pub(crate) fn server(&self, options: TlsOptions) -> Server {
        Server::start(Setup { tls: Tls::Auto(self.front(options)), ..Setup::default() })
    }
}

fn paths(directory: &Path) -> CertificatePaths {
    CertificatePaths { chain: directory.join("chain.pem"), key: directory.join("key.pem") }
}

fn write_pair(directory: &Path) -> CertificateDer<'static> {
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let paths = paths(directory);
    fs::write(paths.chain, pair.cert.pem()).unwrap();
    fs::write(paths.key, pair.signing_key.serialize_pem()).unwrap();
    pair.cert.der().clone()
}

#[tokio::test]
async fn one_port_speaks_plain_text_and_tls() {
    let files = Files::new();
    let server = files.server(TlsOptions::http());
    let mut plain = connect(server.addr).await;
    assert_eq!(get(&mut plain, "/", "").await, "127.0.0.1 Http trusted=true origin=true");
    let mut tls = connect_tls(connect(server.addr).await, &files.certificate, &[b"http/1.1"]).await.unwrap();
    assert_eq!(get(&mut tls, "/", "").await, "127.0.0.1 Https trusted=true origin=true");
    assert_eq!(server.snapshot().tls_ok, 1);
    server.stopped().await;
}

#[tokio::test]
async fn a_reload_leaves_live_connections_alone_and_serves_new_ones_the_new_certificate() {
    let files = Files::new();
    let server = files.server(TlsOptions::http());
    let mut old = connect_tls(connect(server.addr).await, &files.certificate, &[]).await.unwrap();
    let new_certificate = write_pair(files.directory.path());
    assert!(matches!(files.store.reload().unwrap(), Reload::Replaced { .. }));
    let mut new = connect_tls(connect(server.addr).await, &new_certificate, &[]).await.unwrap();
    get(&mut old, "/", "").await;
    get(&mut new, "/", "").await;
    assert!(connect_tls(connect(server.addr).await, &files.certificate, &[]).await.is_err());
    assert_eq!(server.snapshot().tls_ok, 2);
    server.stopped().await;
}

#[tokio::test]
async fn a_pair_that_does_not_match_leaves_the_old_one_serving() {
    let files = Files::new();
    let server = files.server(TlsOptions::http());
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(paths(files.directory.path()).key, other.signing_key.serialize_pem()).unwrap();
    assert!(files.store.reload().unwrap_err().to_string().contains("does not belong to the certificate"));
    let mut tls = connect_tls(connect(server.addr).await, &files.certificate, &[]).await.unwrap();
    get(&mut tls, "/", "").await;
    server.stopped().await;
}

#[tokio::test]
async fn a_tls_only_listener_refuses_plain_text() {
    let files = Files::new();
    let server = Server::start(Setup { tls: Tls::On(files.front(TlsOptions::http())), ..Setup::default() });
    let mut plain = connect(server.addr).await;
    send(&mut plain, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(rest(&mut plain).await, b"");
    server.counts(|counts| counts.refused(Refused::PlainText) == 1).await;
    let mut tls = connect_tls(connect(server.addr).await, &files.certificate, &[]).await.unwrap();
    get(&mut tls, "/", "").await;
    server.stopped().await;
}

#[tokio::test]
async fn a_handshake_that_stalls_is_cut() {
    let files = Files::new();
    let options = TlsOptions { handshake_timeout: Duration::from_millis(50), ..TlsOptions::http() };
    let server = files.server(options);
    let mut client = connect(server.addr).await;
    send(&mut client, &[0x16, 3, 1]).await;
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.tls_timeout == 1 && counts.active == 0).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_handshake_of_nonsense_fails_and_is_counted() {
    let files = Files::new();
    let server = files.server(TlsOptions::http());
    let mut client = connect(server.addr).await;
    send(&mut client, &[0x16; 64]).await;
    rest(&mut client).await;
    server.counts(|counts| counts.tls_failed == 1 && counts.active == 0).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_cut() {
    let files = Files::new();
    let front = FrontOptions { first_byte_timeout: Duration::from_millis(50), ..FrontOptions::default() };
    let server = Server::start(Setup { tls: Tls::Auto(files.front(TlsOptions::http())), front, ..Setup::default() });
    let mut client = connect(server.addr).await;
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.refused(Refused::Silent) == 1).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_its_first_byte_is_no_offence() {
    let files = Files::new();
    let server = files.server(TlsOptions::http());
    let mut client = connect(server.addr).await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, b"");
    server.counts(|counts| counts.accepted == 1 && counts.active == 0).await;
    assert!(server.snapshot().refused.iter().all(|(_, count)| *count == 0));
    server.stopped().await;
}

#[tokio::test]
async fn handshakes_beyond_the_rate_are_refused_and_plain_text_is_not() {
    let files = Files::new();
    let options = TlsOptions { handshakes_per_second: 0, handshakes_burst: 2, ..TlsOptions::http() };
    let server = files.server(options);
    for _ in 0..2 {
        connect_tls(connect(server.addr).await, &files.certificate, &[]).await.unwrap();
    }
    assert!(connect_tls(connect(server.addr).await, &files.certificate, &[]).await.is_err());
    server.counts(|counts| counts.refused(Refused::HandshakeRate) == 1).await;
    get(&mut connect(server.addr).await, "/", "").await;
    server.stopped().await;
}

#[tokio::test]
async fn handshakes_wait_for_their_turn() {
    let files = Files::new();
    let server = files.server(TlsOptions { handshakes_max: 1, ..TlsOptions::http() });
    let clients = (0..8).map(|_| async {
        let mut tls = connect_tls(connect(server.addr).await, &files.certificate, &[]).await.unwrap();
        get(&mut tls, "/", "").await
    });
    futures_util::future::join_all(clients).await;
    assert_eq!(server.snapshot().tls_ok, 8);
    server.stopped().await;
}

#[tokio::test]
async fn the_protocol_is_agreed_on_by_alpn() {
    let files = Files::new();
    let server = files.server(TlsOptions::http());
    let (h1, h2): (&[u8], &[u8]) = (b"http/1.1", b"h2");
    let cases: [(&[&[u8]], _); 3] = [(&[h1, h2], Some(h2)), (&[h1], Some(h1)), (&[], None)];
    for (offered, expected) in cases {
        let tls = connect_tls(connect(server.addr).await, &files.certificate, offered).await.unwrap();
        assert_eq!(tls.get_ref().1.alpn_protocol(), expected);
    }
    assert!(connect_tls(connect(server.addr).await, &files.certificate, &[b"stun.turn"]).await.is_err());
    server.stopped().await;
}
