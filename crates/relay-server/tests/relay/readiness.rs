//! What a health check finds out by making allocations of its own.

use std::net::{SocketAddr, UdpSocket};

use sangam_control::{PartReport, PartState};
use sangam_relay_server::{Limits, Live, RelayAddress};

use crate::relay::{Options, Relay, eventually, labelled, options};

pub(crate) fn check(relay: &Relay) -> PartReport {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(relay.server.part().check())
}

fn with_limits(limits: Limits) -> Relay {
    let live = Live { limits, ..Live::default() };
    Relay::with(Options { live, ..options(&["127.0.0.1:0", "127.0.0.1:0"]) })
}

#[test]
fn a_check_makes_an_allocation_on_each_thread_and_leaves_none_behind() {
    let relay = with_limits(Limits { allocations_per_user: 1, ..Limits::default() });
    relay.client().allocate();
    for checks in 1..=3 {
        let report = check(&relay);
        assert_eq!(report.state, PartState::Ready, "{report:?}");
        assert!(report.detail.starts_with("4 allocations made, used and freed within"), "{report:?}");
        assert!(report.detail.ends_with("1 of clients"), "{report:?}");
        eventually("they are counted apart", || relay.server.snapshot().probe_allocations == 4 * checks);
    }
    eventually("the client's is the only one", || {
        let snapshot = relay.server.snapshot();
        (snapshot.allocations, snapshot.ports_in_use) == (1, 1)
    });
    let snapshot = relay.server.snapshot();
    assert_eq!(labelled(&snapshot.hairpin, "same"), 12, "data went out of each and came back");
    assert_eq!(labelled(&snapshot.credential_refusals, "unknown_user"), 0);
}

#[test]
fn a_relay_without_room_takes_work_and_says_that_it_is_full() {
    let relay = with_limits(Limits { allocations: 0, ..Limits::default() });
    let report = check(&relay);
    assert_eq!(report.state, PartState::Degraded, "{report:?}");
    assert!(report.detail.starts_with("full, and well otherwise: thread "), "{report:?}");
    for addr in relay.server.listen_addrs() {
        assert!(report.detail.contains(&format!("on UDP {addr}, Allocate: no room, 508")), "{report:?}");
    }
}

/// An address of this host that is not loopback; none on a host without a network.
fn own_address() -> Option<SocketAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing: the system only says from where it would.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|addr| SocketAddr::new(addr.ip(), 0))
}

#[test]
fn a_check_goes_through_behind_nat_and_on_an_address_that_is_not_loopback() {
    let external = "198.51.100.1".parse().unwrap();
    let mut listen = vec!["127.0.0.1:0".parse().unwrap()];
    listen.extend(own_address());
    for addr in listen {
        let relay_addresses = vec![RelayAddress { bound: SocketAddr::ip(&addr), external }];
        let limits = Limits { challenges_per_second: Some(1), ..Limits::default() };
        let live = Live { limits, ..Live::default() };
        let relay = Relay::with(Options { listen: vec![addr], relay_addresses, live, ..options(&[]) });
        for _ in 0..3 {
            let report = check(&relay);
            assert_eq!(report.state, PartState::Ready, "{report:?}");
        }
    }
}
