//! Peers behind NATs connect whenever there is a way, past the relay whenever there is one.
//!
//! A handful of pairs that differ in what it takes; `cargo xtask natlab` calls between all of them and prints a table.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sangam_interop::natlab::{Help, Lab, PairOutcome, PeerKind, Policy, Side};
use sangam_testkit::network::{Impairment, Place, SiteKind};

const LIMIT: Duration = Duration::from_secs(60);

fn call(lab: &mut Lab, places: [&Place; 2], peer: PeerKind, help: Help, policy: Policy) -> Result<PairOutcome> {
    let sides = places.map(|place| Side { place, peer });
    let outcome = lab.call(sides, help, policy, LIMIT);
    outcome.with_context(|| format!("the server said:\n{}", lab.server_log()))
}

fn goes_as_it_must(kinds: [SiteKind; 2], peer: PeerKind, help: Help) -> Result<PairOutcome> {
    let mut lab = Lab::start()?;
    let places = [lab.place("one", kinds[0], 1, None)?, lab.place("other", kinds[1], 2, None)?];
    let outcome = call(&mut lab, [&places[0], &places[1]], peer, help, Policy::All)?;
    ensure!(outcome.is_as_expected(kinds, help), "{kinds:?}: {outcome:?}");
    Ok(outcome)
}

#[test]
fn two_homes_connect_directly_although_there_is_a_relay() -> Result<()> {
    goes_as_it_must([SiteKind::PortRestricted, SiteKind::Cgnat], PeerKind::Libwebrtc, Help::Relay).map(drop)
}

#[test]
fn an_office_and_a_cone_connect_with_nothing_but_stun() -> Result<()> {
    goes_as_it_must([SiteKind::Symmetric, SiteKind::FullCone], PeerKind::Libwebrtc, Help::StunOnly).map(drop)
}

#[test]
fn a_home_and_an_office_connect_through_the_relay() -> Result<()> {
    goes_as_it_must([SiteKind::PortRestricted, SiteKind::Symmetric], PeerKind::Libwebrtc, Help::Relay).map(drop)
}

#[test]
fn a_site_without_udp_connects_with_a_carriers_through_the_relay() -> Result<()> {
    goes_as_it_must([SiteKind::UdpBlocked, SiteKind::CgnatSymmetric], PeerKind::Libwebrtc, Help::Relay).map(drop)
}

#[test]
fn a_site_with_nothing_but_ipv6_connects_with_a_home_through_the_relay() -> Result<()> {
    goes_as_it_must([SiteKind::Ipv6Only, SiteKind::PortRestricted], PeerKind::Libwebrtc, Help::Relay).map(drop)
}

#[test]
fn browsers_where_only_the_web_is_let_out_connect_through_the_relay_on_port_443() -> Result<()> {
    goes_as_it_must([SiteKind::WebOnly, SiteKind::WebOnly], PeerKind::Chromium, Help::Relay).map(drop)
}

#[test]
fn aiortc_behind_a_home_nat_connects_directly_with_a_public_one() -> Result<()> {
    goes_as_it_must([SiteKind::PortRestricted, SiteKind::Public], PeerKind::Aiortc, Help::Relay).map(drop)
}

#[test]
fn our_nodes_at_a_site_of_every_kind_connect_and_past_the_relay_where_there_is_a_way() -> Result<()> {
    use SiteKind::{
        AddressRestricted, Cgnat, CgnatSymmetric, FullCone, Ipv6Only, PortRestricted, Public, Symmetric, UdpBlocked,
        WebOnly,
    };
    let pairs = [
        [Public, FullCone],
        [AddressRestricted, Symmetric],
        [PortRestricted, Cgnat],
        [CgnatSymmetric, UdpBlocked],
        [WebOnly, Ipv6Only],
    ];
    let mut lab = Lab::start()?;
    for (number, kinds) in (1..).zip(pairs) {
        let place =
            |side, number| lab.place(&format!("{side}{number}"), kinds[usize::from(number > 100)], number, None);
        let places = [place("one", number)?, place("other", number + 100)?];
        let outcome = call(&mut lab, [&places[0], &places[1]], PeerKind::Sangam, Help::Relay, Policy::All)?;
        ensure!(outcome.is_as_expected(kinds, Help::Relay), "{kinds:?}: {outcome:?}");
    }
    Ok(())
}

#[test]
fn our_nodes_without_a_way_are_told_that_there_is_none() -> Result<()> {
    let outcome = goes_as_it_must([SiteKind::Symmetric, SiteKind::PortRestricted], PeerKind::Sangam, Help::StunOnly)?;
    ensure!(outcome.failure.as_deref().is_some_and(|why| why.contains("no_path")), "{outcome:?}");
    Ok(())
}

#[test]
fn our_node_and_libwebrtc_connect_with_each_other() -> Result<()> {
    let lab = Lab::start()?;
    let place = |name, number| lab.place(name, SiteKind::PortRestricted, number, None);
    let places = [place("one", 1)?, place("other", 2)?];
    for peers in [[PeerKind::Sangam, PeerKind::Libwebrtc], [PeerKind::Libwebrtc, PeerKind::Sangam]] {
        let sides = [0, 1].map(|at| Side { place: &places[at], peer: peers[at] });
        let outcome = lab.call(sides, Help::Relay, Policy::All, LIMIT)?;
        ensure!(outcome.connected && outcome.direct, "{peers:?}: {outcome:?}");
    }
    Ok(())
}

#[test]
fn peers_that_may_use_nothing_but_the_relay_connect_over_links_that_delay_and_lose() -> Result<()> {
    let mut lab = Lab::start()?;
    let (delay, loss) = (Duration::from_millis(20), 0.02);
    let impairment = Some(Impairment { delay, loss, seed: 1, ..Impairment::default() });
    let place = |name, number| lab.place(name, SiteKind::PortRestricted, number, impairment);
    let places = [place("one", 1)?, place("other", 2)?];
    let outcome = call(&mut lab, [&places[0], &places[1]], PeerKind::Libwebrtc, Help::Relay, Policy::Relay)?;
    // Relayed addresses that were met before they were told of are peer-reflexive ones.
    assert!(outcome.pair.as_deref().is_some_and(|pair| pair.starts_with("relay/")), "{outcome:?}");
    // An offer and an answer by signaling, then a round trip at least between the peers: eight links to cross.
    ensure!(outcome.connect_time.is_some_and(|time| time >= 8 * delay), "{outcome:?}");
    Ok(())
}

#[test]
fn our_nodes_connect_over_links_that_delay_and_lose_a_fifth_of_all_packets() -> Result<()> {
    let mut lab = Lab::start()?;
    let impairment = Impairment { delay: Duration::from_millis(10), loss: 0.2, seed: 1, ..Impairment::default() };
    let place = |name, number| lab.place(name, SiteKind::PortRestricted, number, Some(impairment));
    let places = [place("one", 1)?, place("other", 2)?];
    for places in [[&places[0], &places[1]], [&places[1], &places[0]]] {
        let outcome = call(&mut lab, places, PeerKind::Sangam, Help::Relay, Policy::All)?;
        ensure!(outcome.connected, "{outcome:?}");
    }
    Ok(())
}
