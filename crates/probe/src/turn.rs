mod codes;
mod echo;
mod policy;
mod relayed_address;
mod session;

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use stun_types::AddressFamily;

pub use self::echo::{EchoMeasured, Load};
use self::echo::{End, echo, join};
use self::session::{Granted, Session};
use crate::bounds::Bounds;
use crate::credentials::Credentials;
use crate::dial::resolve;
use crate::error::ProbeError;
use crate::fault::Fault;
use crate::finding::Finding;
use crate::link::{ALPN_TURN, Link};
use crate::report::{Measured, Report};
use crate::uri::{ServerUri, Transport};

/// A TURN server, the ways to try, and who asks.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Where it is.
    pub uri: ServerUri,
    /// Each is tried by itself.
    pub transports: Vec<Transport>,
    /// Used on each.
    pub credentials: Credentials,
}

/// What was measured over one transport.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurnMeasured {
    /// The server's address.
    pub server: SocketAddr,
    /// Between here and the server; from the server on it is UDP.
    pub transport: Transport,
    /// What the server says it is.
    pub software: Option<String>,
    /// The realm its users belong to.
    pub realm: Option<String>,
    /// This end's address, as the server sees it.
    pub mapped: Option<SocketAddr>,
    /// What peers are told to send to.
    pub relayed: Option<SocketAddr>,
    /// The same in the other address family, if the server has one.
    pub relayed_other_family: Option<SocketAddr>,
    /// How long the allocation lasts without a refresh, in seconds.
    pub lifetime_secs: Option<u32>,
    /// Between two allocations.
    pub echo: Option<EchoMeasured>,
}

/// Takes allocations, tries their limits, and sends data from one to another.
///
/// # Errors
/// It could not run: a name does not resolve, or this machine has no network.
pub async fn turn(target: &str, relays: &[Relay], load: Load, bounds: Bounds<'_>) -> Result<Report, ProbeError> {
    let mut findings = Vec::new();
    let mut measured = Vec::new();
    for relay in relays {
        for transport in &relay.transports {
            let port = relay.uri.port_for(*transport, relay.transports.len());
            let server = resolve(&relay.uri.host, port, bounds).await?;
            let mut run = Run::new(relay, server, *transport, bounds);
            if let Err(Stop::Error(error)) = run.all(load).await {
                return Err(error);
            }
            findings.append(&mut run.findings);
            measured.push(run.measured);
        }
    }
    Ok(Report { probe: "turn", target: target.to_owned(), findings, measured: Measured::Turn(measured) })
}

/// One server over one transport.
struct Run<'a> {
    relay: &'a Relay,
    bounds: Bounds<'a>,
    /// What allocations are asked for.
    family: Option<AddressFamily>,
    findings: Vec<Finding>,
    measured: TurnMeasured,
}

/// Nothing more can be tried.
enum Stop {
    /// The finding that says why has been made.
    Found,
    /// Nothing can be said.
    Error(ProbeError),
}

/// RFC 8656 §7.2 recommends 10 minutes; less than this and clients do little but refresh.
const LIFETIME_SECS_MIN: u32 = 120;

impl<'a> Run<'a> {
    fn new(relay: &'a Relay, server: SocketAddr, transport: Transport, bounds: Bounds<'a>) -> Self {
        let measured = TurnMeasured {
            server,
            transport,
            software: None,
            realm: None,
            mapped: None,
            relayed: None,
            relayed_other_family: None,
            lifetime_secs: None,
            echo: None,
        };
        Self { relay, bounds, family: None, findings: Vec::new(), measured }
    }

    async fn all(&mut self, load: Load) -> Result<(), Stop> {
        let mut near = self.challenged().await?;
        let granted = self.allocation(&mut near).await?;
        self.policy(&mut near).await;
        let echoed = self.echo(&mut near, granted.relayed, load).await;
        near.free(&self.relay.credentials, self.bounds).await;
        echoed?;
        self.other_family().await?;
        self.wrong_password().await
    }

    /// A session that has got its 401, as it must.
    async fn challenged(&mut self) -> Result<Session, Stop> {
        self.doing("connecting");
        let mut session = self.session().await?;
        match session.challenge(self.bounds).await {
            Ok(Some(challenge)) => {
                let said = format!("{} asks for credentials of realm `{}`", self.measured.server, challenge.realm);
                self.found(Finding::fine(self.subject("reach"), said));
                self.measured.realm = Some(challenge.realm);
                Ok(session)
            }
            Ok(None) => Err(self.stop(Finding::failed(self.subject("credentials"), "it relays for anybody").because(
                "the server asks for no credentials: an open relay is found and abused within days",
                "turn authentication on (coturn: lt-cred-mech or use-auth-secret)",
            ))),
            Err(fault) => Err(self.fault("reach", &fault)),
        }
    }

    async fn allocation(&mut self, session: &mut Session) -> Result<Granted, Stop> {
        self.doing("allocating");
        let mut granted = session.allocate(&self.relay.credentials, None, self.bounds).await;
        // RFC 8656 §7.2: a request that names no family is for IPv4, wherever it comes from.
        if matches!(granted, Err(Fault::Error { code: 440, .. })) {
            self.family = Some(AddressFamily::IPV6);
            granted = session.allocate(&self.relay.credentials, self.family, self.bounds).await;
        }
        let granted = granted.map_err(|fault| self.fault("allocation", &fault))?;
        self.measured.software.clone_from(&granted.software);
        self.measured.mapped = granted.mapped;
        self.measured.relayed = Some(granted.relayed);
        self.measured.lifetime_secs = granted.lifetime_secs;
        self.found(Finding::fine(
            self.subject("allocation"),
            format!("granted to `{}`", self.relay.credentials.username),
        ));
        self.found(relayed_address::judge(&self.subject("relayed address"), granted.relayed, self.measured.server));
        self.found(lifetime(&self.subject("lifetime"), granted.lifetime_secs));
        Ok(granted)
    }

    async fn policy(&mut self, session: &mut Session) {
        self.doing("trying the peer policy");
        for peer in policy::peers(self.measured.relayed) {
            let answer = session.permit(&self.relay.credentials, peer.addr, self.bounds).await;
            self.found(policy::judge(&self.subject("policy"), &peer, &answer, self.measured.server.ip()));
        }
    }

    async fn echo(&mut self, near: &mut Session, relayed: SocketAddr, load: Load) -> Result<(), Stop> {
        self.doing("sending through the relay");
        let mut far = self.session().await?;
        let granted = far.allocate(&self.relay.credentials, self.family, self.bounds).await;
        let granted = granted.map_err(|fault| self.fault("second allocation", &fault))?;
        let echoed = self.echo_between(near, relayed, &mut far, granted.relayed, load).await;
        far.free(&self.relay.credentials, self.bounds).await;
        match echoed {
            Ok(echo) => {
                self.found(echo::judge(&self.subject("echo"), &echo));
                self.measured.echo = Some(echo);
                Ok(())
            }
            Err(fault) => Err(self.fault("echo", &fault)),
        }
    }

    async fn echo_between(
        &self,
        near: &mut Session,
        near_relayed: SocketAddr,
        far: &mut Session,
        far_relayed: SocketAddr,
        load: Load,
    ) -> Result<EchoMeasured, Fault> {
        let mut ends = (End { session: near, relayed: near_relayed }, End { session: far, relayed: far_relayed });
        join(&mut ends.0, &mut ends.1, &self.relay.credentials, self.bounds).await?;
        echo(ends.0.session, ends.1.session, load, self.bounds).await
    }

    /// Whether the server also relays in the other family than that of the allocation.
    async fn other_family(&mut self) -> Result<(), Stop> {
        self.doing("asking for the other address family");
        let is_v6 = self.measured.relayed.is_some_and(|relayed| relayed.is_ipv6());
        let (other, name) = if is_v6 { (AddressFamily::IPV4, "ipv4") } else { (AddressFamily::IPV6, "ipv6") };
        let mut session = self.session().await?;
        match session.allocate(&self.relay.credentials, Some(other), self.bounds).await {
            Ok(granted) => {
                self.measured.relayed_other_family = Some(granted.relayed);
                self.found(Finding::fine(self.subject(name), format!("relays from {} too", granted.relayed)));
                session.free(&self.relay.credentials, self.bounds).await;
            }
            Err(Fault::Error { code: 440, .. }) => self.found(Finding::fine(self.subject(name), "not offered")),
            Err(fault) => {
                let (cause, mend) = self.explain(&fault);
                let said = format!("asked for an address of that family: {fault}");
                self.found(Finding::warning(self.subject(name), said).because(cause, mend));
            }
        }
        Ok(())
    }

    async fn wrong_password(&mut self) -> Result<(), Stop> {
        self.doing("trying a wrong password");
        let mut session = self.session().await?;
        let wrong = self.relay.credentials.with_wrong_password();
        match session.allocate(&wrong, None, self.bounds).await {
            Err(Fault::Error { code: 401 | 403, .. }) => {
                self.found(Finding::fine(self.subject("credentials"), "a wrong password is refused"));
            }
            Ok(_) | Err(Fault::Unsigned) => self.found(
                Finding::failed(self.subject("credentials"), "a wrong password is accepted")
                    .because("the server does not check signatures", "replace the server"),
            ),
            Err(fault) => {
                let said = format!("a wrong password got an unusual answer: {fault}");
                self.found(Finding::warning(self.subject("credentials"), said));
            }
        }
        Ok(())
    }

    async fn session(&mut self) -> Result<Session, Stop> {
        let TurnMeasured { server, transport, .. } = self.measured;
        match Link::open(server, transport, &self.relay.uri.host, ALPN_TURN, self.bounds).await {
            Ok(Ok(link)) => Ok(Session::new(link)),
            Ok(Err(fault)) => Err(self.fault("reach", &fault)),
            Err(error) => Err(Stop::Error(error)),
        }
    }

    fn subject(&self, what: &str) -> String {
        format!("{} {what}", self.measured.transport)
    }

    fn doing(&self, what: &str) {
        (self.bounds.progress)(&format!("{} over {}: {what}", self.measured.server, self.measured.transport));
    }

    fn found(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn stop(&mut self, finding: Finding) -> Stop {
        self.findings.push(finding);
        Stop::Found
    }

    fn fault(&mut self, what: &str, fault: &Fault) -> Stop {
        let (cause, mend) = self.explain(fault);
        let said = format!("{}: {fault}", self.measured.server);
        self.stop(Finding::failed(self.subject(what), said).because(cause, mend))
    }

    fn explain(&self, fault: &Fault) -> (String, String) {
        match fault {
            Fault::Error { code, .. } => codes::explain(*code, &self.relay.credentials.username, unix_now()),
            fault => fault.explanation(self.measured.server, self.measured.transport),
        }
    }
}

fn lifetime(subject: &str, secs: Option<u32>) -> Finding {
    match secs {
        Some(secs) if secs >= LIFETIME_SECS_MIN => Finding::fine(subject, format!("{secs} s")),
        Some(secs) => Finding::warning(subject, format!("{secs} s")).because(
            "the server grants allocations for less than clients expect (RFC 8656 recommends 600 s)",
            "raise it (coturn: max-allocate-lifetime)",
        ),
        None => Finding::warning(subject, "not told")
            .because("the answer has no LIFETIME, which RFC 8656 §7.3 asks for", "update the server"),
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
