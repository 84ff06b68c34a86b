use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use sangam_testkit::Program;
use sangam_testkit::network::Host;
use serde_json::Value;

use super::Policy;
use crate::script::Script;

/// Programs that can be a side of a call in the lab. Each is told on its command line
///
/// - `--signal URL`: a server of the JSON signaling protocol, over WebSocket;
/// - `--id ID`: under which it registers there;
/// - `--dial ID`: whom it calls; without it, it waits for a call;
/// - `--ice-servers JSON`: a list of RTCIceServer dictionaries;
/// - `--policy all|relay`: RTCIceTransportPolicy;
///
/// and prints a line of JSON for each of these:
///
/// - `{"event":"registered"}`;
/// - `{"event":"connected","ms":…,"first":PAIR,"last":PAIR}`: a word of its own came back to it; the milliseconds from the
///   offer to the open channel, and the candidates in use, at first, and once a relayed pair has had three seconds to give
///   way to a better one. A pair is `{"local":KIND,"remote":KIND,"to":ADDRESS}`, with the kinds of RTCIceCandidateType and
///   the remote address, `null` where it is not to be known;
/// - `{"event":"failed","why":…}`.
///
/// It then goes on until its standard input ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// Our node.
    Sangam,
    /// Headless Chromium.
    Chromium,
    /// libwebrtc in Node. It cannot be told to trust the lab's certificate: TURN over TLS is none of its ways.
    Libwebrtc,
    /// aiortc.
    Aiortc,
}

/// A side of a call that runs.
#[derive(Debug)]
pub(super) struct PeerProgram {
    program: Program,
    kind: PeerKind,
}

/// What a side of a call is told.
#[derive(Debug)]
pub(super) struct PeerOrders<'a> {
    pub(super) signal: &'a str,
    pub(super) id: &'a str,
    pub(super) dial: Option<&'a str>,
    pub(super) ice_servers: &'a Value,
    pub(super) policy: Policy,
    /// The lab's certificate, in a file, and a home directory in which browsers trust it.
    pub(super) certificate: &'a str,
    pub(super) home: &'a str,
}

/// The candidates that a side uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UsedPair {
    pub(super) local: String,
    pub(super) remote: String,
    pub(super) to: Option<IpAddr>,
}

/// How a call went for one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Connected { open: Duration, first: UsedPair, last: UsedPair },
    Failed { why: String },
}

impl PeerKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Sangam, Self::Chromium, Self::Libwebrtc, Self::Aiortc];

    /// One word for tables and command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sangam => "sangam",
            Self::Chromium => "chromium",
            Self::Libwebrtc => "libwebrtc",
            Self::Aiortc => "aiortc",
        }
    }

    fn script(self) -> Result<Script> {
        Ok(match self {
            Self::Sangam => Script::built("natlab_peer")?,
            Self::Chromium => Script::node("clients/lab_chromium.mjs"),
            Self::Libwebrtc => Script::node("clients/lab_libwebrtc.mjs"),
            Self::Aiortc => Script::python("clients/lab_aiortc.py")?,
        })
    }

    pub(super) fn start(self, host: &Host, orders: &PeerOrders<'_>) -> Result<PeerProgram> {
        let mut script = self.script()?.option("signal", orders.signal).option("id", orders.id);
        if let Some(dial) = orders.dial {
            script = script.option("dial", dial);
        }
        script = script.option("ice-servers", orders.ice_servers.to_string()).option("policy", orders.policy.word());
        script = script.environment("HOME", orders.home).environment("SSL_CERT_FILE", orders.certificate);
        let program = host.inside(|| script.start())?;
        Ok(PeerProgram { program, kind: self })
    }
}

impl UsedPair {
    /// Whether its packets pass a relay at this address. A relayed candidate that was met before it was told of is one by
    /// its address alone.
    pub(super) fn is_relayed(&self, relays: &[IpAddr]) -> bool {
        self.local == "relay" || self.remote == "relay" || self.to.is_some_and(|to| relays.contains(&to))
    }
}

impl PeerProgram {
    /// Waits until the signaling server knows it.
    pub(super) fn registered(&mut self) -> Result<()> {
        const LIMIT: Duration = Duration::from_secs(60);
        let registered = self.program.wait_for_line("registration", LIMIT, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            (event["event"] == "registered" || event["event"] == "failed").then_some(event)
        })?;
        if registered["event"] == "failed" {
            bail!("{}: {}", self.kind, registered["why"]);
        }
        Ok(())
    }

    /// Waits until the call stands or has failed.
    pub(super) fn ending(&mut self, limit: Duration) -> Ending {
        let ended = self.program.wait_for_line("the end of the call", limit, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            match event["event"].as_str()? {
                "connected" => connected(&event),
                "failed" => Some(Ending::Failed { why: event["why"].as_str()?.to_owned() }),
                _ => None,
            }
        });
        ended.unwrap_or_else(|error| Ending::Failed { why: error.root_cause().to_string() })
    }

    /// What it said.
    pub(super) fn output(&self) -> String {
        format!("{} said:\n{}", self.kind, self.program.output())
    }
}

fn connected(event: &Value) -> Option<Ending> {
    let pair = |pair: &Value| {
        let word = |name: &str| pair[name].as_str().map(str::to_owned);
        let to = word("to").and_then(|to| to.parse().ok());
        Some(UsedPair { local: word("local")?, remote: word("remote")?, to })
    };
    let open = Duration::from_millis(event["ms"].as_u64()?);
    Some(Ending::Connected { open, first: pair(&event["first"])?, last: pair(&event["last"])? })
}

impl fmt::Display for PeerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PeerKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.with_context(|| format!("no kind of peer is called `{text}`; there are {names}"))
    }
}
