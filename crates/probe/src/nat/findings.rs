//! What is said of it, with cause and mend.

use super::{Dependence, FamilyMeasured, NatKind, NatMeasured};
use crate::finding::Finding;
use crate::uri::Transport;

pub(super) fn findings(measured: &NatMeasured) -> Vec<Finding> {
    let mut findings = vec![of_kind(measured)];
    for (name, family) in [("ipv4", &measured.ipv4), ("ipv6", &measured.ipv6)] {
        match family {
            Some(family) => of_family(name, family, &mut findings),
            None => findings.push(Finding::fine(name, "not tested: no server was named with such an address")),
        }
    }
    for way in &measured.ways {
        let said = match &way.why {
            None => format!("{} answers", way.server),
            Some(why) => format!("{}: {why}", way.server),
        };
        findings.push(Finding::fine(way.transport.to_string(), said));
    }
    findings.push(Finding::fine("direct links", format!("with peers behind: {}", list(&measured.direct_with))));
    findings.push(Finding::fine("by a relay alone", format!("with peers behind: {}", list(&measured.relayed_with))));
    findings
}

fn of_kind(measured: &NatMeasured) -> Finding {
    let reached = |transport| measured.ways.iter().any(|way| way.transport == transport && way.reached);
    let streams: Vec<String> = [Transport::Tcp, Transport::Tls]
        .into_iter()
        .filter(|transport| reached(*transport))
        .map(|transport| transport.to_string())
        .collect();
    match measured.kind {
        NatKind::UdpBlocked if streams.is_empty() => Finding::failed("nat", "no server answers by any transport")
            .because(
                "the servers are down, or a firewall here lets nothing out to them",
                "check the servers from another network; where only the web gets out, name one with TLS on port 443 \
             (`stuns:HOST:443`)",
            ),
        NatKind::UdpBlocked => {
            let said = format!("UDP does not get out; {} does: every link goes by a relay", streams.join(" and "));
            Finding::warning("nat", said).because(
                "a firewall lets no UDP out to the servers, or they listen by streams alone",
                "let UDP out to the servers; until then give peers a TURN server by TCP or TLS",
            )
        }
        NatKind::Symmetric => Finding::warning(
            "nat",
            "symmetric NAT: peers behind port-restricted and symmetric ones need a relay",
        )
        .because(
            "the NAT gives another port to each address that is sent to, which no peer can know",
            "give peers a TURN server; or have the router map endpoint-independently (RFC 4787, \"full cone\"), \
                 forward a port, or use IPv6",
        ),
        NatKind::Unknown => Finding::warning("nat", "a NAT whose kind was not found out").because(
            "one server that has one address cannot show how mappings depend on whom is sent to",
            "name a second server at another address, or one that does RFC 5780",
        ),
        kind => Finding::fine("nat", kind.words()),
    }
}

fn of_family(name: &str, family: &FamilyMeasured, findings: &mut Vec<Finding>) {
    if family.kind == NatKind::UdpBlocked {
        findings.push(Finding::fine(name, "no answer over UDP"));
        return;
    }
    for seen in &family.seen {
        findings.push(Finding::fine(name, format!("{} sees {}", seen.server, seen.mapped)));
    }
    let subject = |what: &str| format!("{name} {what}");
    let mapping = match family.mapping {
        Some(Dependence::EndpointIndependent) => "one for all",
        Some(Dependence::AddressDependent) => "another for each address",
        Some(Dependence::AddressAndPortDependent) => "another for each address and port",
        None => "not tested: only one address was there to ask",
    };
    findings.push(Finding::fine(subject("mapping"), mapping));
    let filtering = match family.filtering {
        Some(Dependence::EndpointIndependent) => "lets in anybody",
        Some(Dependence::AddressDependent) => "lets in whoever was sent to, from any port",
        Some(Dependence::AddressAndPortDependent) => "lets in nothing but answers",
        None => {
            "not tested: no server here answers from another address (RFC 5780); taken for one that lets in nothing but \
                 answers"
        }
    };
    findings.push(Finding::fine(subject("filter"), filtering));
    if let Some(hairpin) = family.hairpin {
        let said =
            if hairpin { "works" } else { "does not: hosts behind this NAT link by their addresses inside alone" };
        findings.push(Finding::fine(subject("hairpin"), said));
    }
}

fn list(kinds: &[NatKind]) -> String {
    if kinds.is_empty() {
        return "none".to_owned();
    }
    kinds.iter().map(|kind| kind.words()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::Way;
    use super::*;
    use crate::finding::Mark;

    fn measured(kind: NatKind, reached: &[Transport]) -> NatMeasured {
        let way = |transport: &Transport| Way {
            server: "20.0.0.1:3478".parse().unwrap(),
            transport: *transport,
            reached: true,
            why: None,
        };
        let ways = reached.iter().map(way).collect();
        NatMeasured { kind, ipv4: None, ipv6: None, ways, direct_with: Vec::new(), relayed_with: Vec::new() }
    }

    #[test]
    fn blocked_udp_is_a_no_only_where_no_relay_can_help() {
        let mark = |kind, reached: &[Transport]| of_kind(&measured(kind, reached)).mark;
        assert_eq!(mark(NatKind::UdpBlocked, &[]), Mark::Failed);
        assert_eq!(mark(NatKind::UdpBlocked, &[Transport::Tls]), Mark::Warning);
        assert_eq!(mark(NatKind::Symmetric, &[Transport::Udp]), Mark::Warning);
        assert_eq!(mark(NatKind::PortRestricted, &[Transport::Udp]), Mark::Fine);
    }

    #[test]
    fn what_was_not_tested_is_said() {
        let said: Vec<String> =
            findings(&measured(NatKind::Open, &[])).into_iter().map(|finding| finding.said).collect();
        assert_eq!(said.iter().filter(|said| said.starts_with("not tested")).count(), 2, "{said:?}");
    }
}
