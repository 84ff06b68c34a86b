//! Clients over TCP and TLS.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sangam_control::PartState;
use sangam_net::{
    CertificatePaths, CertificateStore, FrontOptions, FrontRules, LiveRules, TcpFront, Tls, TlsFront, TlsOptions,
    TrustedProxies,
};
use sangam_turn_proto::{Attribute, ChannelData, Class, Message, MessageBuilder, Method, TransactionId};
use tokio::runtime::Runtime;

use crate::client::{Client, Data, Duplex, EchoPeer, PATIENCE};
use crate::readiness::check;
use crate::relay::{Options, Relay, credential, eventually, labelled, options};

/// A relay with a TCP listener, or one for TLS.
pub(crate) struct StreamRelay {
    pub(crate) relay: Relay,
    addr: SocketAddr,
    tls: Option<Arc<CertificateStore>>,
    files: tempfile::TempDir,
    _runtime: Runtime,
}

pub(crate) type TlsClient = StreamOwned<ClientConnection, TcpStream>;

impl Duplex for TlsClient {
    fn local(&self) -> SocketAddr {
        self.sock.local_addr().unwrap()
    }
}

impl StreamRelay {
    pub(crate) fn start(with_tls: bool, options: Options) -> Self {
        Self::behind(with_tls, options, FrontOptions::default(), FrontRules::default())
    }

    /// On a loopback address of the family of the relay's own.
    pub(crate) fn behind(with_tls: bool, options: Options, front: FrontOptions, rules: FrontRules) -> Self {
        let runtime = Runtime::new().unwrap();
        let files = tempfile::tempdir().unwrap();
        let tls = with_tls.then(|| CertificateStore::load(write_certificate(files.path())).unwrap());
        let speaks = tls
            .as_ref()
            .map_or(Tls::Off, |store| Tls::On(TlsFront::new(Arc::clone(store), TlsOptions::turn()).unwrap()));
        let relay = Relay::with(options);
        let _inside = runtime.enter();
        let listen = SocketAddr::new(relay.addr().ip(), 0);
        let front = TcpFront::bind(listen, speaks, front, LiveRules::new(rules)).unwrap();
        let addr = front.local_addr();
        relay.server.serve_streams(front);
        Self { relay, addr, tls, files, _runtime: runtime }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn connect_tls(&self) -> TlsClient {
        self.shake_hands(self.connect())
    }

    /// TLS on a connection, trusting the certificate that lies there now.
    pub(crate) fn shake_hands(&self, stream: TcpStream) -> TlsClient {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.files.path().join("chain.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"stun.turn".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream);
        client.flush().unwrap();
        assert_eq!(client.conn.alpn_protocol(), Some(&b"stun.turn"[..]));
        client
    }

    pub(crate) fn client(&self) -> Client {
        let credential = credential(&self.relay.secrets.load(), "alice");
        if self.tls.is_some() {
            Client::over(self.connect_tls(), credential)
        } else {
            Client::over(self.connect(), credential)
        }
    }

    pub(crate) fn closed(&self, reason: &str) -> u64 {
        labelled(&self.relay.server.snapshot().connections_closed, reason)
    }
}

fn write_certificate(directory: &Path) -> CertificatePaths {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let paths = CertificatePaths { chain: directory.join("chain.pem"), key: directory.join("key.pem") };
    fs::write(&paths.chain, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&paths.key, key.serialize_pem()).unwrap();
    paths
}

fn plain() -> StreamRelay {
    StreamRelay::start(false, options(&["127.0.0.1:0"]))
}

pub(crate) fn echo_through(client: &mut Client, peer: SocketAddr) {
    client.allocate();
    client.permit(peer);
    client.send_to_peer(peer, b"hello");
    assert_eq!(client.data(), Data::Indication(peer, b"hello".to_vec()));
    client.bind_channel(0x4000, peer);
    for len in 0..9 {
        client.send_on_channel(0x4000, &vec![7; len]);
        assert_eq!(client.data(), Data::Channel(0x4000, vec![7; len]));
    }
}

#[test]
fn a_check_makes_an_allocation_over_tcp_and_over_tls_too() {
    for with_tls in [false, true] {
        let relay = StreamRelay::start(with_tls, options(&["127.0.0.1:0"]));
        let report = check(&relay.relay);
        assert_eq!(report.state, PartState::Ready, "{report:?}");
        assert!(report.detail.starts_with("3 allocations made, used and freed within"), "{report:?}");
        eventually("its connection is closed", || relay.relay.server.snapshot().connections == 0);
        assert_eq!(relay.relay.server.snapshot().allocations, 0);
    }
}

#[test]
fn a_check_goes_through_behind_a_proxy_header_where_this_host_is_trusted_to_send_one() {
    for (trusted, with_tls, made) in [("127.0.0.0/8", false, 3), ("127.0.0.0/8", true, 3), ("192.0.2.0/24", true, 2)] {
        let front = FrontOptions { proxy_protocol: true, ..FrontOptions::default() };
        let rules = FrontRules { trusted_proxies: TrustedProxies::parse([trusted]).unwrap(), ..FrontRules::default() };
        let relay = StreamRelay::behind(with_tls, options(&["127.0.0.1:0"]), front, rules);
        let report = check(&relay.relay);
        assert_eq!(report.state, PartState::Ready, "{report:?}");
        assert!(report.detail.starts_with(&format!("{made} allocations made, used and freed")), "{report:?}");
    }
}

#[test]
fn a_check_names_the_listener_whose_connections_no_thread_takes() {
    let relay = StreamRelay::start(false, Options { arrivals_queue: 0, ..options(&["127.0.0.1:0"]) });
    let report = check(&relay.relay);
    assert_eq!(report.state, PartState::Degraded, "{report:?}");
    let expected = format!("TCP {}, Allocate without a credential: ", relay.addr);
    assert!(report.detail.starts_with(&expected), "{report:?}");
}

#[test]
fn data_goes_to_a_peer_and_back_over_tcp_and_tls() {
    for with_tls in [false, true] {
        let relay = StreamRelay::start(with_tls, options(&["127.0.0.1:0"]));
        let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
        for _ in 0..4 {
            echo_through(&mut relay.client(), peer.addr());
        }
        eventually("allocations end with their connections", || relay.relay.server.snapshot().allocations == 0);
        eventually("each connection is counted", || relay.closed("by_client") + relay.closed("broken") == 4);
    }
}

#[test]
fn over_tcp_one_allocation_reaches_peers_of_both_families_or_of_the_other() {
    let relay = StreamRelay::start(false, options(&["127.0.0.1:0", "[::1]:0"]));
    let peers = ["127.0.0.1", "::1"].map(|ip| EchoPeer::start(ip.parse().unwrap()));
    let udp = Attribute::RequestedTransport(17);
    for (family, reached) in
        [(Attribute::AdditionalAddressFamily(2), &peers[..]), (Attribute::RequestedAddressFamily(2), &peers[1..])]
    {
        let mut client = relay.client();
        assert_eq!(client.request(Method::ALLOCATE, &[udp, family]).error, None);
        let reached: Vec<_> = reached.iter().map(EchoPeer::addr).collect();
        crate::dual::exchange(&mut client, &reached);
    }
    eventually("all ports are closed with their connections", || relay.relay.server.snapshot().ports_in_use == 0);
}

#[test]
fn messages_that_come_byte_by_byte_or_all_at_once_are_told_apart() {
    let relay = plain();
    let mut stream = relay.connect();
    let binding = |number| MessageBuilder::new(Class::Request, Method::BINDING, TransactionId([number; 12])).finish();
    for byte in binding(1) {
        stream.write_all(&[byte]).unwrap();
    }
    let unbound = [&ChannelData::encode_header(0x4000, 1)[..], &[9, 0, 0, 0]].concat();
    stream.write_all(&[binding(2), unbound, binding(3)].concat()).unwrap();
    for number in 1..=3 {
        let mut header = [0; 20];
        stream.read_exact(&mut header).unwrap();
        assert_eq!((header[0], header[8]), (1, number), "a success response to each in turn");
        let body = usize::from(u16::from_be_bytes([header[2], header[3]]));
        stream.read_exact(&mut vec![0; body]).unwrap();
    }
    eventually("the data between them is counted", || relay.relay.drops("no_allocation") == 1);
}

#[test]
fn what_is_no_message_closes_the_connection_and_is_counted_by_reason() {
    let relay = plain();
    for (bytes, reason) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01"[..], "garbage"),
        (b"\xFF", "garbage"),
        (b"GET / HTTP/1.1\r\n\r\n", "too_long"),
    ] {
        let before = relay.closed(reason);
        let mut stream = relay.connect();
        stream.write_all(bytes).unwrap();
        // Closed with bytes unread it is a reset, else an end.
        assert!(stream.read(&mut [0; 64]).map_or(true, |read| read == 0));
        eventually(reason, || relay.closed(reason) == before + 1);
    }
}

#[test]
fn a_connection_that_stays_silent_or_sends_half_a_message_is_closed_and_one_with_an_allocation_stays() {
    let idle = Options { connection_idle: Duration::from_millis(200), ..options(&["127.0.0.1:0"]) };
    let relay = StreamRelay::start(false, idle);
    let mut client = relay.client();
    client.allocate();
    let (mut silent, mut half) = (relay.connect(), relay.connect());
    half.write_all(&[0, 1, 0]).unwrap();
    for stream in [&mut silent, &mut half] {
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "the end");
    }
    eventually("both are counted", || relay.closed("idle") == 2);
    client.sync();
}

#[test]
fn a_client_that_does_not_read_loses_the_oldest_and_harms_nobody() {
    for with_tls in [false, true] {
        floods_a_client_that_does_not_read(&StreamRelay::start(with_tls, options(&["127.0.0.1:0"])));
    }
}

fn floods_a_client_that_does_not_read(relay: &StreamRelay) {
    let (mut slow, mut quick) = (relay.client(), relay.client());
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let source = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let flooder = source.local_addr().unwrap();
    let relayed = slow.allocate();
    slow.bind_channel(0x4000, flooder);
    echo_through(&mut quick, peer.addr());
    let relayed_so_far = || labelled(&relay.relay.server.snapshot().packets, "to_client");
    // One indication and nine on the channel came back to the quick one already.
    let (mut sent, mut echoes) = (0_u32, 10);
    let (mut has_asked, transaction) = (false, TransactionId([9; 12]));
    // More than the queue holds, so that the answer has seen everything before it go.
    while relay.relay.drops("stream_queue_full") < 200 {
        source.send_to(&[&sent.to_be_bytes()[..], &[0; 1_000]].concat(), relayed).unwrap();
        sent += 1;
        assert!(sent < 100_000, "the queue is bounded");
        if !has_asked && relay.relay.drops("stream_queue_full") > 0 {
            has_asked = true;
            slow.socket.send(&MessageBuilder::new(Class::Request, Method::BINDING, transaction).finish()).unwrap();
        }
        if sent.is_multiple_of(16) {
            quick.send_on_channel(0x4000, b"still here");
            assert_eq!(quick.data(), Data::Channel(0x4000, b"still here".to_vec()));
            echoes += 1;
        }
        // So that none is lost on its way to the relay, where the kernel would drop the newest.
        let all = u64::from(sent) + echoes;
        eventually("each reaches the relay", || relayed_so_far() == all);
    }
    let (mut numbers, mut answers, mut buffer) = (Vec::new(), 0, [0; 2_048]);
    source.send_to(b"end.", relayed).unwrap();
    loop {
        let len = slow.socket.recv(&mut buffer).unwrap();
        let Some(data) = ChannelData::decode(&buffer[..len]) else {
            assert_eq!(Message::decode(&buffer[..len]).unwrap().transaction(), transaction);
            answers += 1;
            continue;
        };
        let data = &buffer[data.payload];
        if data == b"end." {
            break;
        }
        numbers.push(u32::from_be_bytes(*data.first_chunk().unwrap()));
    }
    assert_eq!(answers, 1, "an answer is not dropped with the data around it");
    assert!(numbers.is_sorted(), "whole messages in order");
    assert!(numbers.contains(&(sent - 1)), "the newest is there");
    assert!(numbers.len() < sent as usize, "older ones are not");
}

#[test]
fn a_new_certificate_is_shown_to_newcomers_and_drops_nobody() {
    let relay = StreamRelay::start(true, options(&["127.0.0.1:0"]));
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let mut before = relay.client();
    echo_through(&mut before, peer.addr());
    write_certificate(relay.files.path());
    relay.tls.as_ref().unwrap().reload().unwrap();
    // It trusts the new certificate alone.
    echo_through(&mut relay.client(), peer.addr());
    before.send_on_channel(0x4000, b"as before");
    assert_eq!(before.data(), Data::Channel(0x4000, b"as before".to_vec()));
}

#[test]
fn a_server_that_stops_closes_its_connections() {
    let relay = plain();
    let mut stream = relay.connect();
    let request = MessageBuilder::new(Class::Request, Method::BINDING, TransactionId([1; 12])).finish();
    stream.write_all(&request).unwrap();
    stream.read_exact(&mut [0; 20]).unwrap();
    relay.relay.server.stop(Duration::ZERO);
    assert!(stream.read_to_end(&mut Vec::new()).is_ok());
}
