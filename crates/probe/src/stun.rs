use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use stun_types::attribute::{Software, XorMappedAddress};
use stun_types::message::{BINDING, Message, MessageWrite as _, MessageWriteExt as _, MessageWriteVec};

use crate::bounds::Bounds;
use crate::dial::resolve;
use crate::error::ProbeError;
use crate::fault::Fault;
use crate::finding::Finding;
use crate::link::{ALPN_STUN, Link};
use crate::report::{Measured, Report};
use crate::request::{parse, success, transact};
use crate::spread::Spread;
use crate::uri::{ServerUri, Transport};

/// What a STUN server's answers say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StunMeasured {
    /// The server's address.
    pub server: SocketAddr,
    /// How it was reached.
    pub transport: Transport,
    /// This end's address, as the system says.
    pub local: Option<SocketAddr>,
    /// This end's address, as the server sees it.
    pub mapped: Option<SocketAddr>,
    /// What the server says it is.
    pub software: Option<String>,
    /// Requests sent, retransmissions not counted.
    pub requests: u32,
    /// Requests sent again because no answer came.
    pub retransmissions: u32,
    /// From request to response.
    pub rtt: Option<Spread>,
}

/// Asks the server at `uri`, which somebody calls `target`, `requests` times who this end is (Binding, RFC 8489 §2).
///
/// # Errors
/// It could not run: the name does not resolve, or this machine has no network.
pub async fn stun(
    target: &str,
    uri: &ServerUri,
    transport: Transport,
    requests: u32,
    bounds: Bounds<'_>,
) -> Result<Report, ProbeError> {
    let server = resolve(&uri.host, uri.port_for(transport, 1), bounds).await?;
    let mut measured = StunMeasured {
        server,
        transport,
        local: None,
        mapped: None,
        software: None,
        requests: 0,
        retransmissions: 0,
        rtt: None,
    };
    let mut findings = Vec::new();
    (bounds.progress)("connecting");
    match Link::open(server, transport, &uri.host, ALPN_STUN, bounds).await? {
        Err(fault) => findings.push(fault.finding("reach", server, transport)),
        Ok(link) => findings.extend(ask(link, requests, &mut measured, bounds).await),
    }
    Ok(Report { probe: "stun", target: target.to_owned(), findings, measured: Measured::Stun(measured) })
}

async fn ask(mut link: Link, requests: u32, measured: &mut StunMeasured, bounds: Bounds<'_>) -> Vec<Finding> {
    measured.local = Some(link.local);
    let mut took = Vec::new();
    let mut moved = false;
    for number in 1..=requests {
        (bounds.progress)(&format!("request {number} of {requests}"));
        measured.requests = number;
        match binding(&mut link, bounds).await {
            Err(fault) => return vec![fault.finding("binding", link.server, link.transport)],
            Ok(bound) => {
                moved |= measured.mapped.is_some_and(|mapped| mapped != bound.mapped);
                measured.mapped = Some(bound.mapped);
                measured.software = bound.software;
                measured.retransmissions += bound.retransmissions;
                // Which of several sendings was answered cannot be told.
                took.extend((bound.retransmissions == 0).then_some(bound.took));
            }
        }
    }
    measured.rtt = Spread::of(took);
    findings(measured, link.local, moved)
}

pub(crate) struct Bound {
    pub(crate) mapped: SocketAddr,
    software: Option<String>,
    took: Duration,
    retransmissions: u32,
}

/// One Binding transaction.
pub(crate) async fn binding(link: &mut Link, bounds: Bounds<'_>) -> Result<Bound, Fault> {
    let request = Message::builder_request(BINDING, MessageWriteVec::new());
    let transaction = request.transaction_id();
    let answered = transact(link, &request.finish(), transaction, bounds).await?;
    let message = success(parse(&answered.bytes)?)?;
    let mapped = message.attribute::<XorMappedAddress>();
    let mapped = mapped.map_err(|error| Fault::Malformed { said: format!("no XOR-MAPPED-ADDRESS: {error}") })?;
    Ok(Bound {
        mapped: mapped.addr(transaction),
        software: message.attribute::<Software>().ok().map(|software| software.software().to_owned()),
        took: answered.took,
        retransmissions: answered.sendings - 1,
    })
}

fn findings(measured: &StunMeasured, local: SocketAddr, moved: bool) -> Vec<Finding> {
    let software = measured.software.as_deref().unwrap_or("an unnamed server");
    let mut findings = vec![Finding::fine("binding", format!("{software} at {} answers well-formed", measured.server))];
    if let Some(mapped) = measured.mapped {
        findings.push(nat_finding(local, mapped, moved));
    }
    if let Some(rtt) = measured.rtt {
        findings.push(Finding::fine("round trip", format!("{rtt} of {} requests", measured.requests)));
    }
    if measured.retransmissions > 0 {
        let said = format!("{} requests had to be sent again", measured.retransmissions);
        let (cause, mend) =
            ("packets are lost on the way, or the server limits their rate", "probe again; look at the path");
        findings.push(Finding::warning("loss", said).because(cause, mend));
    }
    findings
}

/// What local and mapped address tell of a NAT between.
fn nat_finding(local: SocketAddr, mapped: SocketAddr, moved: bool) -> Finding {
    let nat = if moved {
        let said = format!("the mapped address changes between requests; it was {mapped} last");
        let cause = "a NAT gives one socket several addresses, or a balancer spreads its packets";
        return Finding::warning("nat", said).because(cause, "peers behind it need a relay: run `sangam probe turn`");
    } else if local.ip().to_canonical() != mapped.ip().to_canonical() {
        "a NAT translates the address"
    } else if local.port() != mapped.port() {
        "a NAT translates the port"
    } else {
        "no NAT between"
    };
    Finding::fine("nat", format!("local {local}, mapped {mapped}: {nat}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn a_nat_is_told_by_address_and_port() {
        let said = |local: &str, mapped: &str| nat_finding(local.parse().unwrap(), mapped.parse().unwrap(), false).said;
        assert!(said("192.0.2.1:5", "192.0.2.1:5").ends_with("no NAT between"));
        assert!(said("192.168.0.2:5", "192.0.2.1:5").ends_with("translates the address"));
        assert!(said("192.0.2.1:5", "192.0.2.1:6").ends_with("translates the port"));
    }

    #[test]
    fn an_address_that_moves_is_a_warning() {
        let addr = "192.0.2.1:5".parse().unwrap();
        assert_eq!(nat_finding(addr, addr, true).mark, Mark::Warning);
    }
}
