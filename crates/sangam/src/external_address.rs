//! How the world sees the relay's addresses, asked of STUN servers: at the start, and again while it runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use sangam_config::{Config, Role, StunServer};
use sangam_control::{Part, PartReport, PartState};
use sangam_probe::mapped_address;
use sangam_telemetry::metrics::external_address::ExternalAddressMetrics;

use crate::host_addresses::Machine;
use crate::options::relay::detected_addresses;

/// The relay's addresses that are to be found out, and what is known of them.
#[derive(Debug)]
pub(crate) struct ExternalAddresses {
    servers: Vec<StunServer>,
    interval: Duration,
    known: Mutex<BTreeMap<IpAddr, Knowledge>>,
}

/// What is known of one relay address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Knowledge {
    external: Option<IpAddr>,
    /// What is wrong, and what to do.
    trouble: Option<String>,
}

/// What one server said: which, from where it was asked, and what it saw.
type Answer<'a> = (&'a StunServer, Result<(SocketAddr, SocketAddr), String>);

/// All servers together have so long to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// An address that is not known is asked for at least so often.
const RETRY: Duration = Duration::from_secs(30);

impl ExternalAddresses {
    /// None where nothing is to be found out.
    pub(crate) fn of(config: &Config, machine: &Machine) -> Option<Arc<Self>> {
        let addresses = detected_addresses(&config.relay, machine);
        let is_wanted = config.server.plays(Role::Relay) && !addresses.is_empty();
        is_wanted.then(|| {
            let known = addresses.into_iter().map(|address| (address, Knowledge::default())).collect();
            let interval = config.relay.external_ip_interval.get();
            Arc::new(Self { servers: config.relay.stun_servers.clone(), interval, known: Mutex::new(known) })
        })
    }

    /// What the world calls the address that is bound here, if it is known.
    pub(crate) fn of_bound(&self, bound: IpAddr) -> Option<IpAddr> {
        self.snapshot().get(&bound).and_then(|knowledge| knowledge.external)
    }

    /// The first one that is known.
    pub(crate) fn first(&self) -> Option<IpAddr> {
        self.snapshot().values().find_map(|knowledge| knowledge.external)
    }

    /// Asks every server from every address, all at once, and gives the addresses that are others than before.
    pub(crate) async fn ask(&self) -> Vec<(IpAddr, IpAddr)> {
        let bound: Vec<IpAddr> = self.snapshot().into_keys().collect();
        let asked = join_all(bound.iter().map(|address| self.ask_from(*address))).await;
        let mut changed = Vec::new();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (bound, answers) in bound.into_iter().zip(asked) {
            let before = known.entry(bound).or_default();
            let after = judge(bound, before.external, &answers);
            if let Some(trouble) = after.trouble.as_ref().filter(|trouble| before.trouble.as_ref() != Some(trouble)) {
                tracing::warn!("{trouble}");
            }
            if let Some(external) = after.external.filter(|external| before.external != Some(*external)) {
                say_found(bound, before.external, external);
                changed.push((bound, external));
            }
            *before = after;
        }
        changed
    }

    /// Asks again and again, and has `announce` put in force what has changed. Ends with the task that runs it.
    pub(crate) async fn watch(&self, metrics: ExternalAddressMetrics, announce: impl Fn(IpAddr, IpAddr)) {
        loop {
            metrics.known(self.snapshot().values().all(|knowledge| knowledge.external.is_some()));
            let Some(pause) = self.pause() else { return };
            tokio::time::sleep(pause).await;
            for (bound, external) in self.ask().await {
                metrics.changed();
                announce(bound, external);
            }
        }
    }

    /// Until the servers are asked again, if they are.
    fn pause(&self) -> Option<Duration> {
        let is_known = self.snapshot().values().all(|knowledge| knowledge.external.is_some());
        match (is_known, self.interval.is_zero()) {
            (true, true) => None,
            (true, false) => Some(self.interval),
            (false, true) => Some(RETRY),
            (false, false) => Some(self.interval.min(RETRY)),
        }
    }

    async fn ask_from(&self, bound: IpAddr) -> Vec<Answer<'_>> {
        let ask = |server: &'_ StunServer| {
            let (host, port) = (server.host.clone(), server.port);
            async move { mapped_address(bound, &host, port, PATIENCE).await }
        };
        let answers = join_all(self.servers.iter().map(ask)).await;
        self.servers.iter().zip(answers).collect()
    }

    fn snapshot(&self) -> BTreeMap<IpAddr, Knowledge> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn say_found(bound: IpAddr, before: Option<IpAddr>, external: IpAddr) {
    match before {
        None => tracing::info!("relayed addresses of {bound} are announced as {external}, as STUN servers see it"),
        Some(before) => tracing::warn!(
            "the external address of {bound} has changed from {before} to {external}: new allocations are announced under it, those there are keep the old one until they end"
        ),
    }
    let is_private = match external {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    };
    if is_private && external != bound {
        tracing::warn!(
            "{external} is a private address: that is fine in a lab, but the Internet cannot reach it; ask STUN servers outside, or set `relay.external_ip` to the public address"
        );
    }
}

/// What the answers about `bound` come to. Without any, what was known stays.
fn judge(bound: IpAddr, before: Option<IpAddr>, answers: &[Answer<'_>]) -> Knowledge {
    let seen: Vec<(&StunServer, SocketAddr, SocketAddr)> = answers
        .iter()
        .filter_map(|(server, answer)| answer.as_ref().ok().map(|(local, mapped)| (*server, *local, *mapped)))
        .collect();
    let Some((_, _, first)) = seen.first() else {
        let mut causes = String::new();
        for (server, answer) in answers {
            let cause = answer.as_ref().err().map_or("", String::as_str);
            write!(causes, " {server}: {cause};").expect("a String takes every write");
        }
        let trouble = format!(
            "no STUN server says how the world sees {bound}:{causes} check `relay.stun_servers` and that UDP leaves this machine, or set `relay.external_ip` to the public address"
        );
        return Knowledge { external: before, trouble: Some(trouble) };
    };
    let external = first.ip().to_canonical();
    let trouble = if seen.iter().any(|(_, _, mapped)| mapped.ip().to_canonical() != external) {
        let said: Vec<String> =
            seen.iter().map(|(server, _, mapped)| format!("{server} sees {}", mapped.ip())).collect();
        Some(format!(
            "STUN servers differ about {bound}: {}; behind such a NAT (symmetric) peers cannot reach relayed addresses: give the relay a public address of its own",
            said.join(", ")
        ))
    } else {
        seen.iter().find(|(_, local, mapped)| local.port() != mapped.port()).map(|(_, local, mapped)| {
            format!(
                "the NAT before {bound} changes ports (it made {} of {}): forward the ports of `relay.min_port` to `relay.max_port` as they are, or peers cannot reach relayed addresses",
                mapped.port(),
                local.port()
            )
        })
    };
    Knowledge { external: Some(external), trouble }
}

/// The external addresses as health checks see them.
#[derive(Debug)]
pub(crate) struct ExternalAddressPart(pub(crate) Arc<ExternalAddresses>);

impl Part for ExternalAddressPart {
    fn name(&self) -> &'static str {
        "external_address"
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        std::future::ready(report(&self.0.snapshot())).boxed()
    }
}

fn report(known: &BTreeMap<IpAddr, Knowledge>) -> PartReport {
    let sentence = |(bound, knowledge): (&IpAddr, &Knowledge)| {
        let known = match knowledge.external {
            Some(external) => format!("{bound} is announced as {external}"),
            None => format!("the external address of {bound} is unknown, it is announced as it is"),
        };
        knowledge.trouble.as_ref().map_or(known.clone(), |trouble| format!("{known}; {trouble}"))
    };
    let is_fine = known.values().all(|knowledge| knowledge.external.is_some() && knowledge.trouble.is_none());
    let detail = known.iter().map(sentence).collect::<Vec<_>>().join("; ");
    PartReport { state: if is_fine { PartState::Ready } else { PartState::Degraded }, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str) -> StunServer {
        StunServer { host: host.to_owned(), port: 3_478 }
    }

    fn judged(before: Option<&str>, answers: &[Result<&str, &str>]) -> Knowledge {
        let servers: Vec<StunServer> = ["a", "b"].map(server).into();
        let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
        let answers: Vec<Answer<'_>> = servers
            .iter()
            .zip(answers)
            .map(|(server, answer)| {
                (server, answer.map(|mapped| (addr("10.0.0.5:5000"), addr(mapped))).map_err(str::to_owned))
            })
            .collect();
        judge("10.0.0.5".parse().unwrap(), before.map(|ip| ip.parse().unwrap()), &answers)
    }

    #[test]
    fn one_answer_is_enough_and_silence_keeps_what_was_known() {
        let known = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let one = judged(None, &[Err("silent"), Ok("198.51.100.7:5000")]);
        assert_eq!(one, Knowledge { external: known("198.51.100.7"), trouble: None });
        let none = judged(Some("198.51.100.7"), &[Err("silent"), Err("refused")]);
        assert_eq!(none.external, known("198.51.100.7"));
        let trouble = none.trouble.unwrap();
        assert!(trouble.contains("a:3478: silent; b:3478: refused; check `relay.stun_servers`"), "{trouble}");
    }

    #[test]
    fn servers_that_differ_are_named_and_a_nat_that_changes_ports_is_told() {
        let differ = judged(None, &[Ok("198.51.100.7:5000"), Ok("198.51.100.8:5000")]).trouble.unwrap();
        assert!(differ.contains("a:3478 sees 198.51.100.7, b:3478 sees 198.51.100.8"), "{differ}");
        let ports = judged(None, &[Ok("198.51.100.7:6000"), Ok("198.51.100.7:5000")]).trouble.unwrap();
        assert!(ports.contains("it made 6000 of 5000"), "{ports}");
    }
}
