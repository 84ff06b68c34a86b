use std::time::Duration;

use sangam_mesh_node::endpoint::{Endpoint, EndpointOptions, LocalCandidate, Woken};
use sangam_mesh_proto::CandidateKind;
use tokio::net::UdpSocket;

use crate::support::{StunServer, host, options, servers, wait_for};

fn reflexive(endpoint: &Endpoint) -> Vec<LocalCandidate> {
    let candidates = endpoint.candidates().into_iter();
    candidates.filter(|candidate| candidate.kind == CandidateKind::ServerReflexive).collect()
}

#[tokio::test]
async fn a_stun_server_tells_the_address_behind_a_nat() {
    let server = StunServer::start(|_| 9_000).await;
    let options = EndpointOptions { servers: servers(std::slice::from_ref(&server.url)), ..options() };
    let mut endpoint = Endpoint::start(options).await.unwrap();
    wait_for(&mut endpoint, |woken| (*woken == Woken::Gathered).then_some(())).await;
    let found = reflexive(&endpoint);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].address.port(), found[0].base), (9_000, host(&endpoint)));
    endpoint.set_servers(vec![]);
    let gone = wait_for(&mut endpoint, |woken| match woken {
        Woken::Gone(candidate) => Some(candidate.clone()),
        _ => None,
    });
    assert_eq!(gone.await, found[0]);
    assert_eq!(reflexive(&endpoint), []);
}

#[tokio::test]
async fn servers_that_never_answer_hold_up_neither_gathering_nor_others() {
    // Bound and not read: requests arrive and nothing comes back.
    let dead = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = StunServer::start(|_| 9_000).await;
    let urls =
        [format!("stun:{}", dead.local_addr().unwrap()), "stun:no-such-name.invalid".to_owned(), server.url.clone()];
    let options = EndpointOptions {
        servers: servers(&urls),
        gather_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_millis(100),
        ..options()
    };
    let mut endpoint = Endpoint::start(options).await.unwrap();
    // Given up by STUN's own clock, the dead one would take longer than this waits.
    wait_for(&mut endpoint, |woken| (*woken == Woken::Gathered).then_some(())).await;
    if reflexive(&endpoint).is_empty() {
        wait_for(&mut endpoint, |woken| matches!(woken, Woken::Candidate(_)).then_some(())).await;
    }
    assert_eq!(reflexive(&endpoint).len(), 1);
}

#[tokio::test]
async fn a_nat_that_gives_another_address_is_noticed() {
    let server = StunServer::start(|count| if count < 2 { 9_000 } else { 9_001 }).await;
    let options = EndpointOptions {
        servers: servers(std::slice::from_ref(&server.url)),
        stun_interval: Duration::from_millis(20),
        ..options()
    };
    let mut endpoint = Endpoint::start(options).await.unwrap();
    let mut told = vec![];
    while told.len() < 4 {
        let event = wait_for(&mut endpoint, |woken| match woken {
            Woken::Candidate(candidate) => Some(format!("found {}", candidate.address.port())),
            Woken::Gone(candidate) => Some(format!("gone {}", candidate.address.port())),
            Woken::NetworkChanged => Some("changed".to_owned()),
            _ => None,
        });
        told.push(event.await);
    }
    assert_eq!(told, ["found 9000", "changed", "gone 9000", "found 9001"]);
}
