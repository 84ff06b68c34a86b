//! What an idle link takes: a node of hundreds of them must fit a small machine.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sangam_mesh_node::endpoint::LocalCandidate;
use sangam_mesh_node::webrtc::{LinkOptions, Links, LinksOutput};
use sangam_mesh_proto::{CandidateKind, LinkId, LinkState, PathProtocol};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const LINKS: u64 = 20;
const BYTES_MAX: usize = 100_000;

fn local(address: SocketAddr) -> LocalCandidate {
    LocalCandidate { kind: CandidateKind::Host, address, base: address, protocol: PathProtocol::Udp, server: None }
}

/// Moves packets at once, until `end`.
fn pass(hub: &mut (Links, SocketAddr), peers: &mut [(Links, SocketAddr)], from: Instant, end: Instant) {
    let mut now = from;
    while now < end {
        let mut next = end;
        let mut packets = Vec::new();
        for (links, _) in peers.iter_mut().chain([&mut *hub]) {
            loop {
                match links.poll(now) {
                    LinksOutput::Transmit { local, to, bytes } => packets.push((local, to, bytes)),
                    LinksOutput::Event(..) => {}
                    LinksOutput::Wait(until) => break next = until.map_or(next, |until| until.min(next)),
                }
            }
        }
        let idle = packets.is_empty();
        for (source, to, bytes) in packets {
            let target = peers.iter_mut().find(|(_, address)| *address == to);
            let (links, _) = target.unwrap_or(&mut *hub);
            links.handle_packet(to, source, PathProtocol::Udp, &bytes, now);
        }
        if idle {
            now = next.max(now + Duration::from_micros(100));
            for (links, _) in peers.iter_mut().chain([&mut *hub]) {
                links.handle_timeout(now);
            }
        }
    }
}

#[test]
fn an_idle_link_takes_at_most_a_hundred_kilobytes() {
    let start = Instant::now();
    let address: SocketAddr = "198.51.100.1:4000".parse().unwrap();
    let mut hub = (Links::new(LinkOptions::default()).unwrap(), address);
    let mut peers: Vec<(Links, SocketAddr)> = (0..LINKS)
        .map(|n| (Links::new(LinkOptions::default()).unwrap(), format!("198.51.101.{n}:4000").parse().unwrap()))
        .collect();
    let region = Region::new(ALLOCATOR);
    for (n, (links, address)) in peers.iter_mut().enumerate() {
        let id = LinkId(n as u64);
        let offer = hub.0.offer(id, "test", &[local(hub.1)], start).unwrap();
        let answer = links.answer(id, &offer, &[local(*address)], start).unwrap();
        hub.0.accept(id, &answer, start).unwrap();
    }
    let used = |peers: &[(Links, SocketAddr)]| {
        assert!(peers.iter().enumerate().all(|(n, (links, _))| links.state(LinkId(n as u64)) == Some(LinkState::Open)));
        let change = region.change();
        // Both ends are in this process.
        (change.bytes_allocated - change.bytes_deallocated) / (2 * usize::try_from(LINKS).unwrap())
    };
    let later = start + Duration::from_secs(5);
    pass(&mut hub, &mut peers, start, later);
    let idle = used(&peers);
    for n in 0..LINKS {
        hub.0.send(LinkId(n), true, &[0; 64 * 1024]).unwrap();
    }
    pass(&mut hub, &mut peers, later, later + Duration::from_secs(5));
    let after_burst = used(&peers);
    println!("{idle} bytes an idle link, {after_burst} after 64 KiB went over it");
    assert!(idle <= BYTES_MAX, "{idle} bytes");
    assert!(after_burst <= BYTES_MAX, "{after_burst} bytes after a burst");
}
