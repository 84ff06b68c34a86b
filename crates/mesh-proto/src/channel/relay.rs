use bytes::Bytes;
use serde_json::json;

use super::reader::{Reader, put_text};
use super::{Kind, Malformed};
use crate::PeerId;
use crate::gossip::Frame;

/// A signal that a peer passes on for two others that have no link yet.
///
/// In text, as original nodes send it to the last receiver, who knows that it is meant:
/// `{"type":"SIGNAL_RELAY","from_peer","signal_type","payload"}`. In binary, between nodes like ours, it says to whom:
///
/// ```text
/// 0x0a | hops 1 | from 1+n | to 1+n | signal type 1+n | payload: JSON
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Links it has come over with this one, from 1.
    pub hops: u8,
    /// Whose signal it is, as whoever passes it on says.
    pub from: PeerId,
    /// Who shall have it; `None`: whoever gets it.
    pub to: Option<PeerId>,
    /// `offer`, `answer`, `ice-candidate`.
    pub signal_type: String,
    /// A JSON value, as it was written; not read here.
    pub payload: Bytes,
}

impl Relay {
    /// The longest word for a kind of signal, bytes.
    pub const TYPE_BYTES_MAX: usize = 64;

    /// As nodes like ours read it.
    #[must_use]
    pub fn encode(&self) -> Frame {
        let mut out = vec![Kind::Relay as u8, self.hops];
        put_text(&mut out, self.from.as_str());
        put_text(&mut out, self.to.as_ref().map_or("", PeerId::as_str));
        put_text(&mut out, &self.signal_type);
        out.extend_from_slice(&self.payload);
        Frame { binary: true, bytes: Bytes::from(out) }
    }

    /// As original nodes write it. `None`: the payload is no JSON.
    #[must_use]
    pub fn encode_text(&self) -> Option<Frame> {
        let payload = super::json::raw(&self.payload).ok()?;
        let from = json!(self.from.as_str());
        let signal_type = json!(self.signal_type);
        let text =
            format!(r#"{{"type":"SIGNAL_RELAY","from_peer":{from},"signal_type":{signal_type},"payload":{payload}}}"#);
        Some(Frame { binary: false, bytes: Bytes::from(text) })
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let hops = reader.u8()?;
        let from = reader.peer()?;
        let to = match reader.text()? {
            "" => None,
            name => Some(PeerId::new(name).map_err(|_| Malformed::Name)?),
        };
        let signal_type = signal_type(reader.text()?)?;
        if hops == 0 {
            return Err(Malformed::Number);
        }
        Ok(Self { hops, from, to, signal_type, payload: reader.rest() })
    }
}

pub(super) fn signal_type(word: &str) -> Result<String, Malformed> {
    if word.is_empty() || word.len() > Relay::TYPE_BYTES_MAX || word.chars().any(char::is_control) {
        return Err(Malformed::Name);
    }
    Ok(word.to_owned())
}
