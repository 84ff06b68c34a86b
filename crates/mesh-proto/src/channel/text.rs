use std::str;

use bytes::Bytes;

use super::json::{self, Members};
use super::{Envelope, Incoming, Malformed, Relay, relay};
use crate::PeerId;
use crate::gossip::Frame;

/// The longest `type` that is looked at, bytes.
const TYPE_BYTES_MAX: usize = 64;

pub(super) fn decode(bytes: &Bytes) -> Result<Incoming, Malformed> {
    let text = str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
    let members = Members::read(text)?;
    if ["level", "source", "destination"].iter().all(|name| members.raw(name).is_some()) {
        return Ok(Incoming::IfMessage(bytes.clone()));
    }
    let Ok(word) = members.text("type", TYPE_BYTES_MAX) else { return Ok(Incoming::Unknown) };
    match word.as_str() {
        "gossip" => Ok(Incoming::LegacyGossip(members.shared("packet", bytes)?)),
        "SIGNAL_RELAY" => signal_relay(&members, bytes),
        word => Envelope::read(word, &members, bytes),
    }
}

/// The legacy envelope around a signed packet. `None`: the packet is no JSON.
#[must_use]
pub fn legacy_gossip(packet: &[u8]) -> Option<Frame> {
    let packet = json::raw(packet).ok()?;
    Some(Frame { binary: false, bytes: Bytes::from(format!(r#"{{"type":"gossip","packet":{packet}}}"#)) })
}

fn signal_relay(members: &Members<'_>, whole: &Bytes) -> Result<Incoming, Malformed> {
    let from = members.text("from_peer", PeerId::BYTES_MAX)?;
    Ok(Incoming::Relay(Relay {
        hops: 1,
        from: PeerId::new(&from).map_err(|_| Malformed::Name)?,
        to: None,
        signal_type: relay::signal_type(&members.text("signal_type", Relay::TYPE_BYTES_MAX)?)?,
        payload: members.shared("payload", whole)?,
    }))
}
