//! Calls between peers in a network of namespaces, through a relay there.

mod call;
mod lab;
mod matrix;
mod node_peer;
mod outcome;
mod peer_program;
mod unroutable;

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use sangam_testkit::Server;
use sangam_testkit::network::Host;

pub use self::call::{Call, Peer, Policy, call};
pub use self::lab::{Help, Lab, Side};
pub use self::matrix::{Matrix, Row, Summary};
pub use self::node_peer::{NodePeerOptions, run_node_peer};
pub use self::outcome::PairOutcome;
pub use self::peer_program::PeerKind;
pub use self::unroutable::{RouteKind, UnroutableLab};
use crate::turn_service::{SECRET, TurnService};

/// Where a relay listens in the lab.
pub const RELAY_PORT: u16 = 3478;

/// Starts Sangam on a host, its relay at `listen`, with further settings (`key=value`), and waits until it is ready.
///
/// # Errors
/// It does not start.
pub fn start_sangam(host: &Host, listen: Ipv4Addr, settings: &[&str]) -> Result<(Server, TurnService)> {
    let addr = SocketAddr::from((listen, RELAY_PORT));
    let mut builder = Server::builder().environment("TURN_AUTH_SECRET", SECRET);
    builder = builder.set("relay.listen", &addr.to_string());
    for setting in settings {
        builder = builder.argument("--set").argument(setting);
    }
    let server = host.inside(|| builder.start())?;
    Ok((server, TurnService { addr, secret: SECRET.to_owned() }))
}

/// The sum of a counter of a server on a host, over all its labels or those that contain `label`.
///
/// # Errors
/// It does not answer.
pub fn counter(host: &Host, server: &Server, name: &str, label: &str) -> Result<u64> {
    let text = host.inside(|| server.get("/metrics"))?.body;
    let of_line = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let labels = series.strip_prefix(name)?.strip_prefix("_total")?;
        labels.contains(label).then(|| value.parse::<u64>().ok()).flatten()
    };
    Ok(text.lines().filter_map(of_line).sum())
}
