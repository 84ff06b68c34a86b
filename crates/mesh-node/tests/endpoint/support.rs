use std::net::SocketAddr;
use std::time::Duration;

use sangam_mesh_node::endpoint::{Endpoint, EndpointOptions, IceServer, Packet, Woken};
use sangam_mesh_proto::{CandidateKind, PathProtocol};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// A test that passes never waits so long.
const WAIT_MAX: Duration = Duration::from_secs(30);

pub(crate) fn options() -> EndpointOptions {
    EndpointOptions {
        addresses: vec!["127.0.0.1".parse().expect("an address")],
        with_loopback: true,
        interfaces_interval: None,
        ..EndpointOptions::default()
    }
}

pub(crate) fn servers(urls: &[String]) -> Vec<IceServer> {
    let json = serde_json::json!([{ "urls": urls, "username": "alice", "credential": "secret" }]);
    let list = IceServer::list_from_value(&json).expect("a list");
    assert!(list.rejected.is_empty(), "{:?}", list.rejected);
    list.servers
}

/// The first event that `wanted` takes; others are dropped.
pub(crate) async fn wait_for<T>(endpoint: &mut Endpoint, mut wanted: impl FnMut(&Woken) -> Option<T>) -> T {
    let waited = tokio::time::timeout(WAIT_MAX, async {
        loop {
            let woken = endpoint.wait().await;
            if let Some(found) = wanted(&woken) {
                return found;
            }
            if woken == Woken::Packets {
                endpoint.drain(64, &mut |_| {});
            }
        }
    });
    waited.await.expect("it comes")
}

/// The base of the one host candidate.
pub(crate) fn host(endpoint: &Endpoint) -> SocketAddr {
    let candidates = endpoint.candidates();
    candidates.iter().find(|candidate| candidate.kind == CandidateKind::Host).expect("a host candidate").base
}

/// Packets until there are `count`: where from, what.
pub(crate) async fn receive(endpoint: &mut Endpoint, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut received = vec![];
    while received.len() < count {
        wait_for(endpoint, |woken| (*woken == Woken::Packets).then_some(())).await;
        endpoint.drain(64, &mut |packet: Packet<'_>| {
            assert_eq!(packet.protocol, PathProtocol::Udp);
            received.push((packet.from, packet.bytes.to_vec()));
        });
    }
    received
}

/// A STUN server that sees everybody at another port than they have, as a NAT would make it; answers `count` requests.
pub(crate) struct StunServer {
    pub(crate) url: String,
    task: JoinHandle<()>,
}

impl StunServer {
    pub(crate) async fn start(mut port_of: impl FnMut(usize) -> u16 + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let url = format!("stun:{}", socket.local_addr().expect("its address"));
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            for count in 0.. {
                let Ok((_, from)) = socket.recv_from(&mut buffer).await else { return };
                let SocketAddr::V4(v4) = from else { return };
                // XOR-MAPPED-ADDRESS: RFC 8489 §14.2.
                let mut answer = vec![0x01, 0x01, 0, 12];
                answer.extend(&buffer[4..20]);
                answer.extend([0, 0x20, 0, 8, 0, 1]);
                answer.extend((port_of(count) ^ 0x2112).to_be_bytes());
                answer.extend(v4.ip().octets().iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(byte, mask)| byte ^ mask));
                socket.send_to(&answer, from).await.expect("it is sent");
            }
        });
        Self { url, task }
    }
}

impl Drop for StunServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
