use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::PeerId;
use crate::identity::{Identity, VerifyError, verify};

/// A channel's object, signed by who sends it: body and answer of `POST /gossip`, and of the legacy `gossip` frame.
///
/// The signature is Ed25519 over the bytes of `payload` as they came; signature and sender are padded base64url. The
/// channel's name is not signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// Which channel.
    pub channel_id: String,
    /// The object as a text of JSON.
    pub payload: String,
    /// The sender's id.
    pub sender_id: String,
    /// The signature, 88 characters.
    pub signature: String,
}

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// The sender is no key: 401.
    #[error("the sender's id is no key")]
    Sender,
    /// The signature is not padded base64url of 64 bytes: 401.
    #[error("the signature is not 88 characters of base64url")]
    Encoding,
    /// The signature is another's, or over something else: 401.
    #[error("the signature is wrong")]
    Signature,
    /// The payload is larger than it may be: 413.
    #[error("the payload has more than {0} bytes")]
    TooLarge(usize),
    /// The payload is no object of JSON: 422.
    #[error("the payload is no object of JSON")]
    Payload,
}

impl Packet {
    /// Signs a payload.
    #[must_use]
    pub fn sign(identity: &Identity, channel: &str, payload: String) -> Self {
        let signature = URL_SAFE.encode(identity.sign(payload.as_bytes()));
        Self { channel_id: channel.to_owned(), payload, sender_id: identity.id().as_str().to_owned(), signature }
    }

    /// Who signed it.
    ///
    /// # Errors
    /// The payload is too large, or the signature is not the sender's.
    pub fn verify(&self, payload_bytes_max: usize) -> Result<PeerId, PacketError> {
        if self.payload.len() > payload_bytes_max {
            return Err(PacketError::TooLarge(payload_bytes_max));
        }
        let sender = PeerId::new(&self.sender_id).map_err(|_| PacketError::Sender)?;
        let signature = URL_SAFE.decode(&self.signature).map_err(|_| PacketError::Encoding)?;
        match verify(&sender, self.payload.as_bytes(), &signature) {
            Ok(()) => Ok(sender),
            Err(VerifyError::Id) => Err(PacketError::Sender),
            Err(VerifyError::Signature) => Err(PacketError::Signature),
        }
    }
}

/// The `detail` of the answer 401, in the words of Synapse-NG, whose reason is the text of a Python exception: empty for a
/// signature that is merely wrong. `None` for what is no fault of the signature.
#[must_use]
pub fn signature_detail(error: PacketError) -> Option<&'static str> {
    match error {
        PacketError::Signature => Some("Firma non valida: "),
        PacketError::Sender | PacketError::Encoding => Some("Firma non valida: Incorrect padding"),
        PacketError::TooLarge(_) | PacketError::Payload => None,
    }
}
