use std::collections::BTreeSet;
use std::time::Duration;

use sangam_types::Wall;
use thiserror::Error;

use super::{Identity, VerifyError, verify};
use crate::{DescriptionKind, PeerId, sdp};

/// That the key of an id made a description: a signature over who sends it to whom, what it is, its ICE generation and its
/// DTLS certificates. Whoever passes the description on can neither put another certificate into it nor say that it is
/// another's, and cannot use it towards somebody else.
///
/// Signed are, in this order, each with its length as four bytes, big endian, before it: the text
/// `sangam-mesh-proof-1`, the sender's id, the receiver's id (empty: anybody), `offer` or `answer`, the ICE user
/// fragment, the SHA-256 fingerprints in order of their bytes, each once and one after the other, and the time in
/// milliseconds since 1970 as eight bytes, big endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// For whom it is; nobody in particular if absent.
    pub to: Option<PeerId>,
    /// When it was made.
    pub at: Wall,
    /// Ed25519.
    pub signature: [u8; 64],
}

/// What a proof must be to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofRules {
    /// How far its time may be from ours, either way; `None`: it does not matter. Default ten minutes: hosts without NTP
    /// drift.
    pub window: Option<Duration>,
    /// Whether it must name its receiver. Default yes.
    pub addressed: bool,
}

impl Default for ProofRules {
    fn default() -> Self {
        Self { window: Some(Duration::from_secs(600)), addressed: true }
    }
}

/// Why a proof is not made or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The description has no ICE user fragment, or several.
    #[error("the description has not one ICE user fragment")]
    Ufrag,
    /// The description has no SHA-256 fingerprint, or one of another kind, which the proof would not cover.
    #[error("the description must have SHA-256 fingerprints and no others")]
    Fingerprint,
    /// It was made for somebody else, or for nobody in particular where that is not enough.
    #[error("the proof is for another receiver")]
    Receiver,
    /// It is too old, or of the future.
    #[error("the proof is {} s off our clock", .0.as_secs())]
    Time(Duration),
    /// The id is no key, or the signature is not its, or over something else.
    #[error("the proof is not the sender's for this description: {0}")]
    Signature(#[from] VerifyError),
}

impl Proof {
    /// Proves that this description is ours.
    ///
    /// # Errors
    /// It has not one user fragment, or not only SHA-256 fingerprints.
    pub fn make(
        identity: &Identity,
        to: Option<&PeerId>,
        kind: DescriptionKind,
        sdp: &str,
        at: Wall,
    ) -> Result<Self, ProofError> {
        let signature = identity.sign(&signed(identity.id(), to, kind, sdp, at)?);
        Ok(Self { to: to.cloned(), at, signature })
    }

    /// Whether the key of `from` made this description, for `us`.
    ///
    /// # Errors
    /// It did not, or not for us, or not now.
    pub fn check(
        &self,
        rules: &ProofRules,
        from: &PeerId,
        us: &PeerId,
        kind: DescriptionKind,
        sdp: &str,
        now: Wall,
    ) -> Result<(), ProofError> {
        let for_us = self.to.as_ref().map_or(!rules.addressed, |to| to == us);
        if !for_us {
            return Err(ProofError::Receiver);
        }
        let off = Duration::from_millis(self.at.unix_millis().abs_diff(now.unix_millis()));
        if rules.window.is_some_and(|window| off > window) {
            return Err(ProofError::Time(off));
        }
        let bytes = signed(from, self.to.as_ref(), kind, sdp, self.at)?;
        Ok(verify(from, &bytes, &self.signature)?)
    }
}

/// The bytes that are signed.
fn signed(
    from: &PeerId,
    to: Option<&PeerId>,
    kind: DescriptionKind,
    sdp: &str,
    at: Wall,
) -> Result<Vec<u8>, ProofError> {
    let ufrags: BTreeSet<&str> = sdp::ufrags(sdp).take(UFRAGS_MAX).collect();
    let (Some(ufrag), 1) = (ufrags.first(), ufrags.len()) else {
        return Err(ProofError::Ufrag);
    };
    let fingerprints = digests(sdp)?;
    let kind = match kind {
        DescriptionKind::Offer => "offer",
        DescriptionKind::Answer => "answer",
    };
    let mut bytes = Vec::with_capacity(256);
    let fingerprints: Vec<u8> = fingerprints.into_iter().flatten().collect();
    let to = to.map_or("", PeerId::as_str);
    let fields: [&[u8]; 6] =
        [CONTEXT, from.as_str().as_bytes(), to.as_bytes(), kind.as_bytes(), ufrag.as_bytes(), &fingerprints];
    for field in fields {
        bytes.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes.extend_from_slice(&8_u32.to_be_bytes());
    bytes.extend_from_slice(&at.unix_millis().to_be_bytes());
    Ok(bytes)
}

/// The SHA-256 fingerprints, sorted, each once. One that we cannot read, however it is hidden, or of another algorithm,
/// might be what another reader goes by: then there is no proof.
fn digests(text: &str) -> Result<BTreeSet<Vec<u8>>, ProofError> {
    if text.len() > sdp::BYTES_MAX {
        return Err(ProofError::Fingerprint);
    }
    let there = text.to_ascii_lowercase().matches("fingerprint:").count();
    let read = sdp::fingerprints(text);
    let good = read.iter().all(|fingerprint| fingerprint.algorithm == "sha-256" && fingerprint.digest.len() == 32);
    if there == 0 || there != read.len() || !good {
        return Err(ProofError::Fingerprint);
    }
    Ok(read.into_iter().map(|fingerprint| fingerprint.digest).collect())
}

/// Enough to see that there are two.
const UFRAGS_MAX: usize = 64;

const CONTEXT: &[u8] = b"sangam-mesh-proof-1";
