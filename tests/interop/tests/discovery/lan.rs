use std::net::IpAddr;

use anyhow::{Context as _, Result};
use sangam_interop::Avahi;
use sangam_mesh_node::discovery::{Discovered, Options};
use sangam_mesh_proto::PeerId;
use sangam_mesh_proto::mesh::{Sighting, Source};
use sangam_testkit::network::{Host, Lan};
use sangam_testkit::{WAIT_MAX, wait_until};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::heard::{Seeker, node_id, run, us};

pub(crate) fn address(last: u8) -> IpAddr {
    [10, 77, 0, last].into()
}

fn seen(event: Discovered) -> Option<Sighting> {
    match event {
        Discovered::Seen(sighting) if sighting.source == Source::Mdns => Some(sighting),
        _ => None,
    }
}

/// Is there until it is told to leave.
fn node_on(host: &Host, id: &PeerId, mut leave: UnboundedReceiver<()>) -> Result<()> {
    host.inside(|| {
        run(async {
            let node = Seeker::start(Options::default(), us(id)).await?;
            leave.recv().await;
            node.discovery.stop().await;
            Ok(())
        })
    })
}

/// Runs `test` on one host while a node with this id is on another, until the test tells it to leave.
pub(crate) fn beside_node<T: Send>(
    lan: &Lan,
    id: &PeerId,
    test: impl FnOnce(tokio::sync::mpsc::UnboundedSender<()>) -> Result<T> + Send,
) -> Result<T> {
    let (one, other) = (lan.host("one", address(1), 24)?, lan.host("other", address(2), 24)?);
    let (leave, left) = unbounded_channel();
    std::thread::scope(|scope| {
        let node = scope.spawn(|| node_on(&one, id, left));
        let tested = other.inside(|| test(leave));
        node.join().expect("no panic")?;
        tested
    })
}

#[test]
fn nodes_of_a_lan_find_each_other_and_hear_each_other_go() -> Result<()> {
    let lan = Lan::new()?;
    let (first, second) = (node_id("first-node"), node_id("second-node"));
    let (sighting, left) = beside_node(&lan, &first, |leave| {
        run(async {
            let mut here = Seeker::start(Options::default(), us(&second)).await?;
            let sighting = here.until("the other node", seen).await?;
            leave.send(())?;
            let left = here.until("its goodbye", |event| match event {
                Discovered::Left { peer, source: Source::Mdns } => Some(peer),
                _ => None,
            });
            Ok((sighting, left.await?))
        })
    })?;
    assert_eq!(sighting.peer, first);
    assert_eq!(sighting.url.as_deref(), Some("http://10.77.0.1:8000"));
    assert_eq!(left, first);
    Ok(())
}

#[test]
fn ids_that_begin_alike_have_names_of_their_own() -> Result<()> {
    let lan = Lan::new()?;
    let (first, second) = (node_id("alike-alike-1"), node_id("alike-alike-2"));
    let hosts = (1..=3).map(|number| lan.host(&format!("h{number}"), address(number), 24));
    let hosts: Vec<Host> = hosts.collect::<Result<_>>()?;
    let (leaves, lefts): (Vec<_>, Vec<_>) = (0..2).map(|_| unbounded_channel()).unzip();
    std::thread::scope(|scope| {
        let nodes = hosts.iter().zip([&first, &second]).zip(lefts);
        let nodes: Vec<_> = nodes.map(|((host, id), left)| scope.spawn(move || node_on(host, id, left))).collect();
        let both = hosts[2].inside(|| {
            run(async {
                let mut here = Seeker::start(Options::default(), us(&node_id("watcher"))).await?;
                let mut missing = vec![first.clone(), second.clone()];
                here.until("both nodes", |event| {
                    let peer = seen(event)?.peer;
                    missing.retain(|wanted| *wanted != peer);
                    missing.is_empty().then_some(())
                })
                .await?;
                here.discovery.stop().await;
                Ok(())
            })
        });
        drop(leaves);
        nodes.into_iter().try_for_each(|node| node.join().expect("no panic"))?;
        both
    })
}

#[test]
fn avahi_shows_a_node_with_the_keys_of_synapse_and_no_name_of_the_machine() -> Result<()> {
    let lan = Lan::new()?;
    let id = node_id("first-node");
    let line = beside_node(&lan, &id, |leave| {
        let avahi = Avahi::start("witness")?;
        let line = wait_until("avahi to show the node", WAIT_MAX, || {
            let shown = avahi.browse("_synapse-ng._tcp")?;
            Ok(shown.lines().find(|line| line.starts_with('=')).map(str::to_owned))
        });
        leave.send(())?;
        line
    })?;
    let fields: Vec<&str> = line.split(';').collect();
    assert_eq!(fields[3], "synapse-ng-first-no", "{line}");
    assert_eq!((fields[7], fields[8]), ("10.77.0.1", "8000"), "{line}");
    let uuid = fields[6].strip_suffix(".local").context("a name under .local")?;
    assert!(uuid.len() == 36 && uuid.split('-').count() == 5, "{line}");
    for text in [
        format!("\"node_id={id}\""),
        "\"node_url=http://10.77.0.1:8000\"".to_owned(),
        r#""channels=[\"sviluppo_ui\",\"global\"]""#.to_owned(),
    ] {
        assert!(fields[9].contains(&text), "{text} in {line}");
    }
    Ok(())
}

#[test]
fn the_name_of_another_responder_is_resolved_and_a_name_of_nobody_is_given_up() -> Result<()> {
    let lan = Lan::new()?;
    let (one, other) = (lan.host("one", address(1), 24)?, lan.host("other", address(2), 24)?);
    let _avahi = other.inside(|| Avahi::start("witness"))?;
    one.inside(|| {
        run(async {
            let here = Seeker::start(Options::default(), us(&node_id("first-node"))).await?;
            let names = here.discovery.names();
            // Avahi probes before it answers.
            let found = async {
                loop {
                    if let Some(found) = names.resolve("witness.local").await {
                        return found;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            };
            let found = tokio::time::timeout(WAIT_MAX, found).await?;
            assert_eq!(found, address(2));
            let (same, missing) = tokio::join!(
                names.resolve("witness.local"),
                names.resolve("00000000-0000-4000-8000-000000000000.local"),
            );
            assert_eq!((same, missing), (Some(address(2)), None));
            here.discovery.stop().await;
            Ok(())
        })
    })
}
