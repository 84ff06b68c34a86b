use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{IfMessage, canonical};
use crate::hex;
use crate::identity::{Identity, key_of, verify_key};

/// The member that holds our own signature: `{"algorithm":"ed25519","public_key":"<64 hex>","signature_bytes":"<128 hex>"}`.
pub const SOUND_SIGNATURE: &str = "sangam_signature";

/// What agents sign by default, where it is there.
pub const DEFAULT_SIGNED_FIELDS: [&str; 9] =
    ["id", "timestamp", "level", "source", "destination", "payload", "performative", "conversation_id", "sequence_num"];

/// How far a message can be trusted to be its sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// Anybody may have written it.
    Unsigned,
    /// Signed as agents do: id, time, source and destination are its sender's, the payload need not be.
    Weak,
    /// Signed by us or one of us: every member is its sender's.
    Sound,
}

/// Why a signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// It has not the members it must have, names more than 64 fields or `__proto__`, or another algorithm.
    #[error("the signature cannot be read")]
    Malformed,
    /// It is another's, or over something else.
    #[error("the signature is wrong")]
    Wrong,
    /// The two signatures are of two keys, or the source is a node's id and the key is another.
    #[error("the signature's key is not the source's")]
    Key,
}

impl IfMessage {
    /// Signs as agents do, [`DEFAULT_SIGNED_FIELDS`], and over everything.
    pub(super) fn sign(&mut self, identity: &Identity) {
        let weak = identity.sign(canonical::of_agents(&self.members, &DEFAULT_SIGNED_FIELDS).as_bytes());
        let sound = identity.sign(canonical::sound(&self.members).as_bytes());
        let public_key = hex::encode(&identity.public_key());
        let present: Vec<&str> =
            DEFAULT_SIGNED_FIELDS.into_iter().filter(|name| self.members.contains_key(*name)).collect();
        let signature = json!({
            "algorithm": "ed25519", "public_key": public_key, "signature_bytes": hex::encode(&weak), "signed_fields": present,
        });
        self.members.insert("signature".into(), signature);
        let signature =
            json!({ "algorithm": "ed25519", "public_key": public_key, "signature_bytes": hex::encode(&sound) });
        self.members.insert(SOUND_SIGNATURE.into(), signature);
    }

    /// How far the message is its sender's, and the key that says so. An agent's signature that does not cover id, time,
    /// source and destination says nothing: [`Trust::Unsigned`].
    ///
    /// # Errors
    /// There is a signature that is wrong.
    pub fn verify(&self) -> Result<(Trust, Option<[u8; 32]>), SignatureError> {
        let present = |name| self.members.get(name).filter(|signature| !signature.is_null());
        let weak = present("signature").map(|signature| self.verify_weak(signature)).transpose()?;
        let sound = present(SOUND_SIGNATURE).map(|signature| self.verify_sound(signature)).transpose()?;
        let (trust, key) = match (weak, sound) {
            (None, None) => return Ok((Trust::Unsigned, None)),
            (Some((_, key)), Some(sound)) if key != sound => return Err(SignatureError::Key),
            (_, Some(key)) => (Trust::Sound, key),
            (Some((true, key)), None) => (Trust::Weak, key),
            (Some((false, _)), None) => return Ok((Trust::Unsigned, None)),
        };
        // A node's id is its key: no other may sign for it.
        if key_of(self.source()).is_ok_and(|id| id != key) {
            return Err(SignatureError::Key);
        }
        Ok((trust, Some(key)))
    }

    /// Whether the signature covers what a message needs, and its key.
    fn verify_weak(&self, signature: &Value) -> Result<(bool, [u8; 32]), SignatureError> {
        let names = signature.get("signed_fields").and_then(Value::as_array).ok_or(SignatureError::Malformed)?;
        if names.len() > SIGNED_FIELDS_MAX {
            return Err(SignatureError::Malformed);
        }
        let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
        let names = names.ok_or(SignatureError::Malformed)?;
        // In JavaScript this name is an object's prototype: what is signed then is nobody's message.
        if names.contains(&"__proto__") {
            return Err(SignatureError::Malformed);
        }
        let text = canonical::of_agents(&self.members, &names);
        let key = verified(signature.as_object(), &text)?;
        Ok((["id", "timestamp", "source", "destination"].iter().all(|name| names.contains(name)), key))
    }

    fn verify_sound(&self, signature: &Value) -> Result<[u8; 32], SignatureError> {
        verified(signature.as_object(), &canonical::sound(&self.members))
    }
}

fn verified(signature: Option<&Map<String, Value>>, text: &str) -> Result<[u8; 32], SignatureError> {
    let member = |name| signature?.get(name)?.as_str();
    if member("algorithm") != Some("ed25519") {
        return Err(SignatureError::Malformed);
    }
    let key = member("public_key").and_then(hex::decode::<32>).ok_or(SignatureError::Malformed)?;
    let bytes = member("signature_bytes").and_then(hex::decode::<64>).ok_or(SignatureError::Malformed)?;
    verify_key(&key, text.as_bytes(), &bytes).map_err(|_| SignatureError::Wrong)?;
    Ok(key)
}

const SIGNED_FIELDS_MAX: usize = 64;
