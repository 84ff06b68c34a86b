use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use mdns_sd::{IfKind, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use serde::Serialize;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::timeout;

use crate::bounds::Bounds;
use crate::finding::Finding;
use crate::report::{Measured, Report};

/// What multicast DNS shows on this machine's networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MdnsMeasured {
    /// Addresses whose interfaces take part in multicasts.
    pub addresses: Vec<IpAddr>,
    /// Whether an announcement of our own came back.
    pub heard_ourselves: Option<bool>,
    /// Kinds of services that anybody announces.
    pub kinds: BTreeSet<String>,
    /// Services of the kind that was asked for, by name.
    pub services: BTreeMap<String, MdnsService>,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MdnsService {
    /// `<name>.local.`
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where it is.
    pub addresses: BTreeSet<IpAddr>,
    /// What it says of itself.
    pub text: BTreeMap<String, String>,
}

/// RFC 6762 §3.
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
const PORT: u16 = 5353;
/// RFC 863: nobody minds what comes there.
const DISCARD: u16 = 9;
const OUR_KIND: &str = "_sangam-probe._udp.local.";
const EVERY_KIND: &str = "_services._dns-sd._udp.local.";
/// Services and kinds that are listed.
const LISTED_MAX: usize = 256;

/// Says what stands in the way of multicast DNS on this machine, and lists the services of a kind, such as
/// `_synapse-ng._tcp.local.`, that answer within [`Bounds::timeout`].
pub async fn mdns(kind: &str, bounds: Bounds<'_>) -> Report {
    let mut measured = MdnsMeasured::default();
    let mut findings = Vec::new();
    (bounds.progress)("interfaces");
    measured.addresses = multicast_addresses();
    findings.push(of_addresses(&measured.addresses));
    findings.push(of_port(share_port(PORT)));
    if !measured.addresses.is_empty() {
        (bounds.progress)("an announcement of our own, and everybody else's");
        match listen(kind, bounds.timeout, &mut measured).await {
            Ok(()) => findings.extend(of_traffic(kind, &measured)),
            Err(error) => findings.push(
                Finding::failed("responder", error.to_string())
                    .because("the socket for multicast DNS could not be had", "see the findings above"),
            ),
        }
    }
    Report { probe: "mdns", target: kind.to_owned(), findings, measured: Measured::Mdns(measured) }
}

/// Addresses whose interface is up and lets them join the group and send to it.
fn multicast_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let outside = interfaces.iter().filter(|interface| !interface.is_loopback() && interface.is_oper_up());
    outside.filter(|interface| takes_part(interface).is_ok()).map(if_addrs::Interface::ip).collect()
}

fn takes_part(interface: &if_addrs::Interface) -> io::Result<usize> {
    match interface.ip() {
        IpAddr::V4(address) => {
            let socket = UdpSocket::bind((address, 0))?;
            socket.join_multicast_v4(&GROUP, &address)?;
            socket.send_to(b"", (GROUP, DISCARD))
        }
        IpAddr::V6(_) => {
            let index = interface.index.unwrap_or_default();
            let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?;
            socket.join_multicast_v6(&GROUP_V6, index)?;
            socket.send_to(b"", SocketAddrV6::new(GROUP_V6, DISCARD, 0, index))
        }
    }
}

fn of_addresses(addresses: &[IpAddr]) -> Finding {
    if addresses.is_empty() {
        return Finding::failed("interfaces", "none takes part in multicasts").because(
            "every interface is down, is the loopback, or has no multicast (a container's bridge without it, a tunnel)",
            "connect this machine to a LAN; in a container use the host's network, or macvlan",
        );
    }
    let listed: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    Finding::fine("interfaces", format!("multicasts leave from {}", listed.join(", ")))
}

/// Binds the port as every responder has to: shared.
fn share_port(port: u16) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())
}

fn of_port(shared: io::Result<()>) -> Finding {
    match shared {
        Ok(()) => Finding::fine("port 5353", "can be shared"),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Finding::failed("port 5353", "is taken by a program that does not share it").because(
                "some responder bound it without SO_REUSEPORT",
                "find it with `ss -lunp 'sport = :5353'`, and stop it or have it share the port \
                 (Avahi: disallow-other-stacks=no)",
            )
        }
        Err(error) => Finding::failed("port 5353", error.to_string())
            .because("the system does not let this user have it", "run as a user that may open UDP sockets"),
    }
}

/// Announces from one responder and listens with another, so that what is heard went over the network.
async fn listen(kind: &str, patience: Duration, measured: &mut MdnsMeasured) -> Result<(), mdns_sd::Error> {
    let (speaker, listener) = (responder()?, responder()?);
    let name = format!("probe-{:016x}", rand::random::<u64>());
    let host = format!("{name}.local.");
    let mut info = ServiceInfo::new(OUR_KIND, &name, &host, "", 9, &[("probe", "sangam")][..])?.enable_addr_auto();
    info.set_requires_probe(false);
    let (ours, every, theirs) = (listener.browse(OUR_KIND)?, listener.browse(EVERY_KIND)?, listener.browse(kind)?);
    speaker.register(info)?;
    measured.heard_ourselves = Some(false);
    let listening = async {
        loop {
            tokio::select! {
                Ok(event) = ours.recv_async() => {
                    if let ServiceEvent::ServiceFound(_, found) = event
                        && found.starts_with(&name)
                    {
                        measured.heard_ourselves = Some(true);
                    }
                }
                Ok(event) = every.recv_async() => {
                    if let ServiceEvent::ServiceFound(_, found) = event
                        && found != OUR_KIND && measured.kinds.len() < LISTED_MAX
                    {
                        measured.kinds.insert(found);
                    }
                }
                Ok(event) = theirs.recv_async() => {
                    if let ServiceEvent::ServiceResolved(resolved) = event
                        && measured.services.len() < LISTED_MAX
                    {
                        measured.services.insert(resolved.get_fullname().to_owned(), service(&resolved));
                    }
                }
                else => return,
            }
        }
    };
    let _until_the_end = timeout(patience, listening).await;
    for daemon in [speaker, listener] {
        if let Ok(done) = daemon.shutdown() {
            let _done = timeout(Duration::from_millis(500), done.recv_async()).await;
        }
    }
    Ok(())
}

fn responder() -> Result<ServiceDaemon, mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
    Ok(daemon)
}

fn service(resolved: &ResolvedService) -> MdnsService {
    let text = resolved.get_properties().iter();
    MdnsService {
        host: resolved.get_hostname().to_owned(),
        port: resolved.get_port(),
        addresses: resolved.get_addresses().iter().map(mdns_sd::ScopedIp::to_ip_addr).collect(),
        text: text.map(|property| (property.key().to_owned(), property.val_str().to_owned())).collect(),
    }
}

fn of_traffic(kind: &str, measured: &MdnsMeasured) -> Vec<Finding> {
    let mut findings = Vec::new();
    if measured.heard_ourselves == Some(false) {
        findings.push(Finding::failed("our own announcement", "did not come back").because(
            "a firewall on this machine drops UDP port 5353, or multicasts are not looped back",
            "allow UDP port 5353 to 224.0.0.251 in and out (nft: `udp dport 5353 accept`)",
        ));
    } else {
        findings.push(Finding::fine("our own announcement", "was heard"));
    }
    findings.push(if measured.kinds.is_empty() && measured.services.is_empty() {
        Finding::warning("others", "nobody answers").because(
            "nobody else announces anything, or the switch or access point drops multicasts between its clients",
            "start a second node; on Wi-Fi turn off client isolation, on switches IGMP snooping without a querier",
        )
    } else {
        let kinds: Vec<&str> = measured.kinds.iter().map(String::as_str).collect();
        Finding::fine("others", format!("announce {}", kinds.join(", ")))
    });
    for (name, service) in &measured.services {
        let keys: Vec<String> = service.text.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let addresses: Vec<String> = service.addresses.iter().map(IpAddr::to_string).collect();
        let said = format!("{} port {}: {}", addresses.join(", "), service.port, keys.join(" "));
        findings.push(Finding::fine(name.clone(), said));
    }
    if measured.services.is_empty() {
        findings.push(Finding::warning(kind, "no such service").because(
            "no node announces itself here, or its announcements do not get here",
            "see above; `sangam node` announces itself unless DISABLE_MDNS is true",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn a_port_that_is_not_shared_is_told_with_a_mend() {
        let greedy = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = greedy.local_addr().unwrap().port();
        let finding = of_port(share_port(port));
        assert_eq!(finding.mark, Mark::Failed);
        assert!(finding.mend.unwrap().contains("5353"));
        drop(greedy);
        assert_eq!(of_port(share_port(port)).mark, Mark::Fine);
    }

    #[test]
    fn silence_is_told_from_a_firewall() {
        let marks = |heard, kind: Option<&str>| {
            let kinds = kind.into_iter().map(str::to_owned).collect();
            let measured = MdnsMeasured { heard_ourselves: Some(heard), kinds, ..MdnsMeasured::default() };
            of_traffic("_x._tcp.local.", &measured).iter().map(|finding| finding.mark).collect::<Vec<_>>()
        };
        assert_eq!(marks(false, None), [Mark::Failed, Mark::Warning, Mark::Warning]);
        assert_eq!(marks(true, None), [Mark::Fine, Mark::Warning, Mark::Warning]);
        assert_eq!(marks(true, Some("_ipp._tcp.local.")), [Mark::Fine, Mark::Fine, Mark::Warning]);
        assert_eq!(of_addresses(&[]).mark, Mark::Failed);
    }
}
