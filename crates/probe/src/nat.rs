mod asking;
mod findings;
mod hairpin;
mod kind;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

use self::asking::{Bound, From, Question, Reply, ask, socket};
pub use self::kind::{Dependence, NatKind};
use self::kind::{Heard, Seen, filtering, mapping};
use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::link::{ALPN_STUN, Link};
use crate::report::{Measured, Report};
use crate::stun::binding;
use crate::uri::{ServerUri, Transport};

/// What was found out about the way out of this host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NatMeasured {
    /// What lies between, by IPv4 if any server was asked by it, else by IPv6.
    pub kind: NatKind,
    /// By IPv4; `None`: no server has such an address.
    pub ipv4: Option<FamilyMeasured>,
    /// By IPv6; `None`: no server has such an address.
    pub ipv6: Option<FamilyMeasured>,
    /// Which ways lead to the servers.
    pub ways: Vec<Way>,
    /// Behind what peers may be to be linked with without a relay.
    pub direct_with: Vec<NatKind>,
    /// Behind what peers are linked with by a relay alone.
    pub relayed_with: Vec<NatKind>,
}

/// What was found out by one address family.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FamilyMeasured {
    /// What lies between.
    pub kind: NatKind,
    /// How mappings depend on whom is sent to; `None`: not tested.
    pub mapping: Option<Dependence>,
    /// On what it depends who is let in; `None`: not tested.
    pub filtering: Option<Dependence>,
    /// The socket that asked, as each server address saw it.
    pub seen: Vec<SeenBy>,
    /// Whether two sockets of this host reach each other by their addresses outside; `None`: not tested, or no NAT.
    pub hairpin: Option<bool>,
    /// Whether a server could answer from elsewhere (RFC 5780).
    pub rfc5780: bool,
}

/// How a server saw this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenBy {
    /// The address that was asked.
    pub server: SocketAddr,
    /// The address it saw.
    pub mapped: SocketAddr,
}

/// One way to one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The server.
    pub server: SocketAddr,
    /// How.
    pub transport: Transport,
    /// Whether it answered.
    pub reached: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A server of the command line, and where it is.
struct Server<'a> {
    uri: &'a ServerUri,
    addresses: Vec<SocketAddr>,
}

/// For what a filter may keep back, nobody waits longer.
const SILENCE: Duration = Duration::from_secs(2);

/// Finds out what kind of NAT this host is behind, by STUN servers at `targets`, each as it was named: the mapping and the
/// filter by the tests of RFC 5780 §4 where a server has a second address, the mapping by several servers where none has;
/// whether two sockets reach each other from outside (RFC 4787 §6); and which of UDP, TCP and TLS lead to each server.
///
/// # Errors
/// It could not run: a name does not resolve, or this machine has no sockets.
pub async fn nat(targets: &[(String, ServerUri)], bounds: Bounds<'_>) -> Result<Report, ProbeError> {
    let mut servers = Vec::new();
    for (_, uri) in targets {
        (bounds.progress)(&format!("looking up {}", uri.host));
        servers.push(Server { uri, addresses: addresses(uri, bounds).await? });
    }
    let of_family = |is_v4: bool| {
        let mut all: Vec<SocketAddr> = Vec::new();
        for address in servers.iter().flat_map(|server| &server.addresses).filter(|it| it.is_ipv4() == is_v4) {
            if !all.contains(address) {
                all.push(*address);
            }
        }
        all
    };
    let ipv4 = family(&of_family(true), bounds).await?;
    let ipv6 = family(&of_family(false), bounds).await?;
    let ways = ways(&servers, [&ipv4, &ipv6], bounds).await?;
    let kind = overall(ipv4.as_ref(), ipv6.as_ref());
    let (direct_with, relayed_with) =
        NatKind::OF_PEERS.into_iter().partition(|peer: &NatKind| kind.links_directly_with(*peer));
    let measured = NatMeasured { kind, ipv4, ipv6, ways, direct_with, relayed_with };
    let target = targets.iter().map(|(target, _)| target.as_str()).collect::<Vec<_>>().join(" ");
    let findings = findings::findings(&measured);
    Ok(Report { probe: "nat", target, findings, measured: Measured::Nat(measured) })
}

/// IPv4 decides, for there it is that NATs are; where it does not lead out, IPv6 does.
fn overall(ipv4: Option<&FamilyMeasured>, ipv6: Option<&FamilyMeasured>) -> NatKind {
    let kinds = || [ipv4, ipv6].into_iter().flatten().map(|family| family.kind);
    kinds().find(|kind| *kind != NatKind::UdpBlocked).unwrap_or(NatKind::UdpBlocked)
}

/// The first address of each family.
async fn addresses(uri: &ServerUri, bounds: Bounds<'_>) -> Result<Vec<SocketAddr>, ProbeError> {
    let failed = |source| ProbeError::Resolve { host: uri.host.clone(), source };
    let port = uri.port_for(Transport::Udp, 3);
    let looked_up = timeout(bounds.timeout, lookup_host((uri.host.as_str(), port))).await;
    let found = looked_up.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(failed)?;
    let found: Vec<SocketAddr> = found.collect();
    let first = |is_v4| found.iter().copied().find(|address: &SocketAddr| address.is_ipv4() == is_v4);
    let firsts: Vec<SocketAddr> = [first(true), first(false)].into_iter().flatten().collect();
    if firsts.is_empty() { Err(failed(std::io::ErrorKind::NotFound.into())) } else { Ok(firsts) }
}

async fn family(servers: &[SocketAddr], bounds: Bounds<'_>) -> Result<Option<FamilyMeasured>, ProbeError> {
    let Some(&first) = servers.first() else { return Ok(None) };
    let network = |source| ProbeError::Network { to: first, source };
    (bounds.progress)("asking the servers over udp");
    let asking = socket(first).await.map_err(network)?;
    let (seen, rich) = mappings(&asking, servers, bounds).await;
    let Some(&(nearest, mapped)) = seen.first() else { return Ok(Some(FamilyMeasured::blocked())) };
    let heard = match rich {
        Some(server) => {
            (bounds.progress)("asking for answers from elsewhere");
            // A socket of its own: to whom the other has sent, its filter is open.
            filter(&socket(first).await.map_err(network)?, server, bounds).await
        }
        None => Heard::default(),
    };
    let local_port = asking.local_addr().map_err(network)?.port();
    let is_own = is_own_address(mapped.ip()) && mapped.port() == local_port;
    let hairpin = if is_own {
        None
    } else {
        (bounds.progress)("sending to ourselves from outside");
        hairpin::test(nearest, bounds.timeout).await
    };
    let (mapping, filtering) = (mapping(&seen), filtering(heard));
    Ok(Some(FamilyMeasured {
        kind: NatKind::of(is_own, mapping, filtering),
        mapping,
        filtering,
        seen: seen.into_iter().map(|(server, mapped)| SeenBy { server, mapped }).collect(),
        hairpin,
        rfc5780: heard != Heard::default(),
    }))
}

/// As whom one socket is seen by each server, and by the other addresses that servers have (RFC 5780 §4.3); and the first
/// server that has one.
async fn mappings(socket: &UdpSocket, servers: &[SocketAddr], bounds: Bounds<'_>) -> (Vec<Seen>, Option<SocketAddr>) {
    let same = |to: &SocketAddr| Question { to: *to, from: From::Same };
    let questions: Vec<Question> = servers.iter().map(same).collect();
    let replies = ask(socket, &questions, bounds.timeout).await;
    let bound: Vec<(SocketAddr, Bound)> =
        servers.iter().zip(&replies).filter_map(|(server, reply)| Some((*server, reply.bound()?))).collect();
    let mut seen: Vec<Seen> = bound.iter().map(|(server, bound)| (*server, bound.mapped)).collect();
    let rich = bound.iter().find_map(|(server, bound)| {
        let other = bound.other.filter(|other| other.ip() != server.ip() && other.is_ipv4() == server.is_ipv4())?;
        Some((*server, other))
    });
    let Some((server, other)) = rich else { return (seen, None) };
    let others = [SocketAddr::new(other.ip(), server.port()), other, SocketAddr::new(server.ip(), other.port())];
    let questions: Vec<Question> = others.iter().map(same).collect();
    let replies = ask(socket, &questions, bounds.timeout.min(SILENCE)).await;
    seen.extend(others.iter().zip(replies).filter_map(|(other, reply)| Some((*other, reply.bound()?.mapped))));
    (seen, Some(server))
}

/// RFC 5780 §4.4. An answer from where it was asked proves a server that does not do it, not a filter.
async fn filter(socket: &UdpSocket, server: SocketAddr, bounds: Bounds<'_>) -> Heard {
    let question = |from| Question { to: server, from };
    let first = ask(socket, &[question(From::Same)], bounds.timeout).await;
    if !first.iter().any(|reply| reply.bound().is_some()) {
        return Heard::default();
    }
    let questions = [question(From::OtherAddress), question(From::OtherPort)];
    let replies = ask(socket, &questions, bounds.timeout.min(SILENCE)).await;
    let heard = |at: usize, is_elsewhere: fn(SocketAddr, SocketAddr) -> bool| match replies.get(at) {
        Some(Reply::Bound(bound)) => is_elsewhere(bound.sender, server).then_some(true),
        Some(Reply::Silence) => Some(false),
        Some(Reply::Refused) | None => None,
    };
    Heard {
        other_address: heard(0, |sender, server| sender.ip() != server.ip()),
        other_port: heard(1, |sender, server| sender.port() != server.port()),
    }
}

fn is_own_address(ip: IpAddr) -> bool {
    if_addrs::get_if_addrs().unwrap_or_default().iter().any(|interface| interface.ip() == ip)
}

impl FamilyMeasured {
    const fn blocked() -> Self {
        let kind = NatKind::UdpBlocked;
        Self { kind, mapping: None, filtering: None, seen: Vec::new(), hairpin: None, rfc5780: false }
    }
}

/// UDP as it was found above; TCP and TLS by a Binding request each.
async fn ways(
    servers: &[Server<'_>],
    families: [&Option<FamilyMeasured>; 2],
    bounds: Bounds<'_>,
) -> Result<Vec<Way>, ProbeError> {
    let mut ways = Vec::new();
    let seen_by: Vec<SocketAddr> =
        families.into_iter().flatten().flat_map(|family| &family.seen).map(|seen| seen.server).collect();
    for server in servers {
        for &address in &server.addresses {
            let reached = seen_by.contains(&address);
            let why = (!reached).then(|| "no answer in time".to_owned());
            ways.push(Way { server: address, transport: Transport::Udp, reached, why });
            for transport in [Transport::Tcp, Transport::Tls] {
                let port = server.uri.port_for(transport, 3);
                let to = SocketAddr::new(address.ip(), port);
                (bounds.progress)(&format!("{to} over {transport}"));
                let why = stream(to, transport, &server.uri.host, bounds).await;
                ways.push(Way { server: to, transport, reached: why.is_none(), why });
            }
        }
    }
    Ok(ways)
}

/// Why a server is not reached over a stream.
async fn stream(to: SocketAddr, transport: Transport, host: &str, bounds: Bounds<'_>) -> Option<String> {
    match Link::open(to, transport, host, ALPN_STUN, bounds).await {
        Err(error) => Some(error.to_string()),
        Ok(Err(fault)) => Some(fault.to_string()),
        Ok(Ok(mut link)) => binding(&mut link, bounds).await.err().map(|fault| fault.to_string()),
    }
}
