use anyhow::{Context, Result};
use sangam_testkit::network::Host;
use serde_json::Value;

use crate::script::Script;
use crate::turn_service::TurnService;

/// One side of a call.
#[derive(Debug)]
pub struct Peer<'a> {
    /// Where it runs.
    pub host: &'a Host,
    /// Its relay, by the address it knows it under.
    pub relay: &'a TurnService,
    /// Which candidates it may use.
    pub policy: Policy,
}

/// RTCIceTransportPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Every candidate.
    All,
    /// Relayed ones alone.
    Relay,
}

/// A call that was connected and passed everything, each byte there and back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// From the moment the offerer begins until the channel is open.
    pub open_millis: u64,
    /// How many bytes went there, and came back as they were sent.
    pub bytes: u64,
    /// The candidates in use at the offerer, as `local/remote`.
    pub pair: String,
}

/// Has two libwebrtc peers find each other and pass `bytes` there and back. They exchange descriptions and
/// candidates by files, so that nothing but the way of their packets decides.
///
/// # Errors
/// They do not connect, or a byte is lost or changed: the message holds what both said.
pub fn call(offerer: &Peer<'_>, answerer: &Peer<'_>, bytes: u64) -> Result<Call> {
    let exchange = tempfile::tempdir()?;
    let script = |peer: &Peer<'_>, role: &str| -> Result<Script> {
        let script = Script::node("clients/wrtc_peer.mjs").option("role", role);
        let script = script.option("exchange", exchange.path().display().to_string());
        let script = script.option("ice-servers", peer.relay.ice_servers()?.to_string());
        Ok(script.option("policy", peer.policy.word()).option("bytes", bytes.to_string()))
    };
    let far = script(answerer, "answer")?;
    let far = answerer.host.inside(|| far.start())?;
    let near = script(offerer, "offer")?;
    let result = offerer.host.inside(|| near.run());
    let result = result.with_context(|| format!("the answerer said:\n{}", far.output()))?;
    read_call(&result).with_context(|| format!("not the result of a call: {result}"))
}

impl Policy {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Relay => "relay",
        }
    }
}

fn read_call(result: &Value) -> Option<Call> {
    let pair = result["pair"].as_str()?.to_owned();
    Some(Call { open_millis: result["openMs"].as_u64()?, bytes: result["bytes"].as_u64()?, pair })
}
