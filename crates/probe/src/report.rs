use serde::Serialize;

use crate::cwmp::CwmpMeasured;
use crate::finding::{Finding, Mark};
use crate::health::HealthMeasured;
use crate::mdns::MdnsMeasured;
use crate::nat::NatMeasured;
use crate::signal::SignalMeasured;
use crate::socketio::SocketIoMeasured;
use crate::stun::StunMeasured;
use crate::sync::SyncMeasured;
use crate::turn::TurnMeasured;
use crate::usp::UspMeasured;

/// What a probe found out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Which probe: `stun`, `turn`, `signal`, `socketio`, `sync`, `cwmp`, `health`, `mdns`, `nat`, `usp`.
    pub probe: &'static str,
    /// What was probed, as it was named.
    pub target: String,
    /// In the order in which it was found.
    pub findings: Vec<Finding>,
    /// The figures.
    pub measured: Measured,
}

/// The figures of a probe; what could not be measured is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Measured {
    /// Of `stun`.
    Stun(StunMeasured),
    /// Of `turn`, one for each transport.
    Turn(Vec<TurnMeasured>),
    /// Of `signal`.
    Signal(SignalMeasured),
    /// Of `socketio`.
    SocketIo(Box<SocketIoMeasured>),
    /// Of `sync`.
    Sync(SyncMeasured),
    /// Of `cwmp`.
    Cwmp(CwmpMeasured),
    /// Of `health`.
    Health(HealthMeasured),
    /// Of `mdns`.
    Mdns(MdnsMeasured),
    /// Of `nat`.
    Nat(NatMeasured),
    /// Of `usp`.
    Usp(Box<UspMeasured>),
}

impl Report {
    /// The worst mark.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.findings.iter().map(|finding| finding.mark).max().unwrap_or(Mark::Fine)
    }

    /// One sentence: the first of the worst findings, if any is not fine.
    #[must_use]
    pub fn verdict(&self) -> String {
        let worst = self.mark();
        let first = self.findings.iter().find(|finding| finding.mark == worst);
        match (worst, first) {
            (Mark::Failed, Some(finding)) => format!("no: {}: {}", finding.subject, finding.said),
            (Mark::Warning, Some(finding)) => format!("works, but {}: {}", finding.subject, finding.said),
            (Mark::Fine | Mark::Warning | Mark::Failed, _) => "all is well".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(findings: &[Finding]) -> String {
        let measured = Measured::Turn(Vec::new());
        Report { probe: "turn", target: String::new(), findings: findings.to_vec(), measured }.verdict()
    }

    #[test]
    fn the_verdict_is_the_first_of_the_worst() {
        let fine = Finding::fine("reach", "in 3 ms");
        let warning = Finding::warning("policy", "permits 127.0.0.1");
        let failed = Finding::failed("echo", "nothing came back");
        assert_eq!(verdict(std::slice::from_ref(&fine)), "all is well");
        assert_eq!(verdict(&[fine.clone(), warning.clone()]), "works, but policy: permits 127.0.0.1");
        assert_eq!(verdict(&[warning, failed, fine]), "no: echo: nothing came back");
    }
}
