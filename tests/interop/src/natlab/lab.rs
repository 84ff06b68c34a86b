use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;
use sangam_testkit::Server;
use sangam_testkit::network::{Host, Impairment, Network, Place, SiteKind};
use serde_json::{Value, json};

use super::peer_program::{Ending, PeerKind, PeerOrders};
use super::{PairOutcome, Policy, RELAY_PORT};
use crate::certificate::Certificate;
use crate::turn_service::{SECRET, TurnService};

/// An internet with our relay and our signaling on a public machine, and room for peers at sites of every kind.
///
/// The relay listens on port 3478 (UDP, TCP), 5349 and 443 (TLS); signaling on port 443 of an address of its own, so that
/// whoever gets out at all gets there.
#[derive(Debug)]
pub struct Lab {
    server: Server,
    service: TurnService,
    certificate: Certificate,
    /// In which browsers trust the certificate.
    home: String,
    _relay: Host,
    network: Network,
    calls: AtomicU32,
}

/// What peers are told about the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// All of its ways, with credentials.
    Relay,
    /// That it answers STUN.
    StunOnly,
}

/// One side of a pair.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Where it is.
    pub place: &'a Place,
    /// What it is.
    pub peer: PeerKind,
}

const RELAY: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);
const RELAY_V6: Ipv6Addr = Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 1);
const SIGNAL: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 2);
const SIGNAL_V6: Ipv6Addr = Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 2);

impl Lab {
    /// Starts the relay and its internet.
    ///
    /// # Errors
    /// Not root, or something is not installed.
    pub fn start() -> Result<Self> {
        let network = Network::new()?;
        let relay = network.host("relay", &[RELAY.into(), SIGNAL.into(), RELAY_V6.into(), SIGNAL_V6.into()])?;
        let certificate = Certificate::make_for(&[&RELAY.to_string(), &RELAY_V6.to_string()])?;
        let builder = Server::builder()
            .environment("TURN_AUTH_SECRET", SECRET)
            .argument("--roles=relay,signal")
            .set("tls.certificate_file", &certificate.chain())
            .set("tls.key_file", &certificate.key())
            .set("relay.listen", &format!("{RELAY}:{RELAY_PORT},[{RELAY_V6}]:{RELAY_PORT}"))
            .set("relay.listen_tls", &format!("{RELAY}:5349,{RELAY}:443,[{RELAY_V6}]:5349,[{RELAY_V6}]:443"))
            // What the lab's own sites have inside; the list of what is refused is tested apart.
            .set("relay.allow_peers", "10.0.0.0/8,100.64.0.0/10")
            .set("signal.listen", &format!("{SIGNAL}:443,[{SIGNAL_V6}]:443"))
            // Of the pages that browsers run.
            .set("http.origins", "http://peer.test")
            .set("signal.open", "true")
            .set("signal.tls", "off");
        let server = relay.inside(|| builder.start())?;
        let service = TurnService { addr: (RELAY, RELAY_PORT).into(), secret: SECRET.to_owned() };
        let home = certificate.trusting_home()?;
        Ok(Self { server, service, certificate, home, _relay: relay, network, calls: AtomicU32::new(0) })
    }

    /// A machine for a peer: see [`Network::place`].
    ///
    /// # Errors
    /// As there.
    pub fn place(&self, name: &str, kind: SiteKind, number: u8, impairment: Option<Impairment>) -> Result<Place> {
        self.network.place(name, kind, number, impairment)
    }

    /// Gives a place another public address in the middle of whatever goes on: see [`Network::rebind`].
    ///
    /// # Errors
    /// As there.
    pub fn rebind(&self, place: &mut Place) -> Result<Ipv4Addr> {
        self.network.rebind(place)
    }

    /// What the server has logged.
    #[must_use]
    pub fn server_log(&self) -> String {
        self.server.log()
    }

    /// Has the first side call the second, and tells how it went. Neither may take longer than `limit` once both are ready.
    ///
    /// # Errors
    /// One of the two does not start, or gets no signaling: nothing was learned about the pair.
    pub fn call(&self, sides: [Side<'_>; 2], help: Help, policy: Policy, limit: Duration) -> Result<PairOutcome> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let ids = ["caller", "called"].map(|side| format!("{side}-{call}"));
        let ice_servers = [self.ice_servers(sides[0], help)?, self.ice_servers(sides[1], help)?];
        let start = |at: usize, dial: Option<&str>| {
            let Side { place, peer } = sides[at];
            let orders = PeerOrders {
                signal: &signal_url(place.kind(), call),
                id: &ids[at],
                dial,
                ice_servers: &ice_servers[at],
                policy,
                certificate: &self.certificate.chain(),
                home: &self.home,
            };
            peer.start(place.host(), &orders)
        };
        let mut called = start(1, None)?;
        called.registered()?;
        let mut caller = start(0, Some(&ids[1]))?;
        caller.registered()?;
        let ending = caller.ending(limit);
        // What stands for one stands for the other within a round trip; what has failed for one is not waited for again.
        let other = match &ending {
            Ending::Connected { .. } => called.ending(limit),
            Ending::Failed { .. } => called.ending(Duration::ZERO),
        };
        let outcome = PairOutcome::of(ending, other, &[RELAY.into(), RELAY_V6.into()]);
        // Whoever sets it wants to read it.
        if !outcome.connected || std::env::var_os("RUST_LOG").is_some() {
            eprintln!("{}{}", caller.output(), called.output());
        }
        Ok(outcome)
    }

    /// What a peer is told, with addresses of its own family.
    fn ice_servers(&self, side: Side<'_>, help: Help) -> Result<Value> {
        let relay = match side.place.kind() {
            SiteKind::Ipv6Only => format!("[{RELAY_V6}]"),
            _ => RELAY.to_string(),
        };
        let stun = json!({ "urls": [format!("stun:{relay}:{RELAY_PORT}")] });
        if help == Help::StunOnly {
            return Ok(json!([stun]));
        }
        let (username, credential) = self.service.credentials()?;
        let urls = [
            format!("turn:{relay}:{RELAY_PORT}?transport=udp"),
            format!("turn:{relay}:{RELAY_PORT}?transport=tcp"),
            format!("turns:{relay}:5349?transport=tcp"),
            format!("turns:{relay}:443?transport=tcp"),
        ];
        Ok(json!([stun, { "urls": urls, "username": username, "credential": credential }]))
    }
}

/// Each call has a room of its own: our nodes would link with all that are in theirs.
fn signal_url(kind: SiteKind, call: u32) -> String {
    let host = if kind == SiteKind::Ipv6Only { format!("[{SIGNAL_V6}]") } else { SIGNAL.to_string() };
    format!("ws://{host}:443/r/call-{call}/ws")
}
