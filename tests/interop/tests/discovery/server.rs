//! At our own server, as its users start it.

use anyhow::Result;
use sangam_mesh_node::discovery::{Discovered, Options, Server as Place};
use sangam_mesh_proto::mesh::Source;
use sangam_mesh_proto::{Candidate, Description, DescriptionKind, PeerId, Profile, Signal, Via};
use sangam_testkit::Server;

use crate::heard::{Seeker, no_lan, node_id, run, us};

fn offer(sdp: &str) -> Signal {
    Signal::Description(Description { kind: DescriptionKind::Offer, sdp: sdp.into() })
}

fn candidate(number: u16) -> Signal {
    let line = format!("candidate:{number} 1 udp 2130706431 192.0.2.1 {} typ host", 5_000 + number);
    Signal::Candidate(Candidate { line, mid: Some("0".to_owned()), line_index: Some(0), ufrag: None })
}

fn signalling(server: &Server) -> Result<Options> {
    let url = format!("ws://{}/", server.listener("signal")?);
    Ok(Options { signaling: vec![Place { url, token: None }], ..no_lan() })
}

fn rendezvous(server: &Server) -> Result<Options> {
    let url = format!("http://{}", server.listener("http")?);
    Ok(Options { rendezvous: vec![Place { url, token: None }], ..no_lan() })
}

fn signal_from(from: &PeerId, via: Via) -> impl FnMut(Discovered) -> Option<Signal> {
    let from = from.clone();
    move |event| match event {
        Discovered::Signal { from: sender, via: way, signal } if sender == from && way == via => Some(signal),
        _ => None,
    }
}

#[test]
fn nodes_at_one_signaling_server_see_each_other_and_signal_in_order() -> Result<()> {
    let server = Server::start()?;
    let (first, second) = (node_id("first"), node_id("second"));
    run(async {
        let mut one = Seeker::start(signalling(&server)?, us(&first)).await?;
        one.until("the server", |event| matches!(event, Discovered::Source { up: true, .. }).then_some(())).await?;
        let mut other = Seeker::start(signalling(&server)?, us(&second)).await?;
        let seen = one.until("the other", |event| match event {
            Discovered::Seen(sighting) => Some(sighting),
            _ => None,
        });
        let seen = seen.await?;
        assert_eq!((seen.peer, seen.source, seen.profile), (second.clone(), Source::Signaling(0), Profile::Sangam));
        let sent: Vec<Signal> = std::iter::once(offer("v=0\r\ns=-\r\n")).chain((1..20).map(candidate)).collect();
        for signal in &sent {
            one.discovery.send(&second, None, None, signal, false);
        }
        for signal in &sent {
            assert_eq!(other.until("a signal", signal_from(&first, Via::Signaling(0))).await?, *signal);
        }
        one.discovery.stop().await;
        let left = other.until("the goodbye", |event| match event {
            Discovered::Left { peer, source: Source::Signaling(0) } => Some(peer),
            _ => None,
        });
        assert_eq!(left.await?, first);
        Ok(())
    })
}

#[test]
fn a_signal_for_nobody_is_told_to_be_undeliverable() -> Result<()> {
    let server = Server::start()?;
    run(async {
        let mut one = Seeker::start(signalling(&server)?, us(&node_id("first"))).await?;
        one.until("the server", |event| matches!(event, Discovered::Source { up: true, .. }).then_some(())).await?;
        let ghost = PeerId::new("ghost")?;
        for via in [None, Some(Via::Signaling(0))] {
            one.discovery.send(&ghost, via, None, &offer("v=0\r\n"), false);
            let told = one.until("the refusal", |event| match event {
                Discovered::Undeliverable { to, .. } => Some(to),
                _ => None,
            });
            assert_eq!(told.await?, ghost);
        }
        Ok(())
    })
}

#[test]
fn ice_servers_come_with_the_registration() -> Result<()> {
    let server = Server::start()?;
    run(async {
        let mut one = Seeker::start(signalling(&server)?, us(&node_id("first"))).await?;
        let told = one.until("ICE servers", |event| match event {
            Discovered::IceServers { servers, expires_at, .. } => Some((servers, expires_at)),
            _ => None,
        });
        let (servers, expires_at) = told.await?;
        assert!(expires_at.is_some_and(|at| at > std::time::SystemTime::now()));
        assert!(servers.iter().any(|server| server.urls.iter().any(|url| url.starts_with("turn:"))), "{servers:?}");
        Ok(())
    })
}

#[test]
fn who_comes_back_to_a_server_that_was_started_anew_is_seen_again() -> Result<()> {
    let server = Server::start()?;
    let (first, second) = (node_id("first"), node_id("second"));
    run(async {
        let mut one = Seeker::start(signalling(&server)?, us(&first)).await?;
        let mut other = Seeker::start(signalling(&server)?, us(&second)).await?;
        let up = |event| matches!(event, Discovered::Source { up: true, .. }).then_some(());
        one.until("the server", up).await?;
        other.until("the server", up).await?;
        let killed = server.kill()?;
        one.until("the loss", |event| matches!(event, Discovered::Source { up: false, .. }).then_some(())).await?;
        let _server = killed.replace()?;
        one.until("the new server", up).await?;
        other.until("the new server", up).await?;
        other.discovery.send(&first, Some(Via::Signaling(0)), None, &offer("v=0\r\n"), false);
        one.until("the offer", signal_from(&second, Via::Signaling(0))).await?;
        Ok(())
    })
}

#[test]
fn a_whole_description_reaches_a_node_by_the_rendezvous_and_its_candidates_do_not() -> Result<()> {
    let server = Server::start()?;
    let (first, second) = (node_id("first"), node_id("second"));
    run(async {
        let one = Seeker::start(rendezvous(&server)?, us(&first)).await?;
        let mut other = Seeker::start(rendezvous(&server)?, us(&second)).await?;
        let whole = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=end-of-candidates\r\n";
        for signal in [offer(whole), candidate(1), offer(&format!("{whole}a=x\r\n"))] {
            one.discovery.send(&second, Some(Via::Rendezvous(0)), None, &signal, true);
        }
        // The newer offer takes the older's place in the mailbox, or comes behind it.
        other
            .until("the last offer", |event| match event {
                Discovered::Signal { signal: Signal::Description(offer), .. } => {
                    offer.sdp.ends_with("a=x\r\n").then_some(())
                }
                Discovered::Signal { signal, .. } => panic!("{signal:?}"),
                _ => None,
            })
            .await?;
        assert_eq!(one.discovery.us().url.as_deref(), Some("http://127.0.0.1:8000"));
        Ok(())
    })
}
