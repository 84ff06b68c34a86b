use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::PeerId;

/// A node's own key. The private half is wiped when it is dropped, and never printed.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
    id: PeerId,
}

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// It is no PEM block `PRIVATE KEY` that holds one unencrypted Ed25519 key (RFC 8410 §7).
    #[error("not an Ed25519 private key in PKCS #8 PEM (`-----BEGIN PRIVATE KEY-----`) without a passphrase")]
    NotAKey,
}

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The id is not padded base64url of 32 bytes that are an Ed25519 key.
    #[error("the id is no key: 44 characters of padded base64url")]
    Id,
    /// The signature has not 64 bytes, or is another's, or over something else.
    #[error("the signature is wrong")]
    Signature,
}

impl Identity {
    /// A new key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::of(SigningKey::generate(rng))
    }

    /// The key with this seed (RFC 8032 §5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::of(SigningKey::from_bytes(seed))
    }

    /// Reads a key file: PKCS #8 PEM, as Python's `cryptography` and OpenSSL write it, also in version 2 with the public key
    /// beside (RFC 8410 §10.3), with any line ends, and with text around the block.
    ///
    /// # Errors
    /// There is no such block, or it is of another kind of key, or encrypted.
    pub fn from_pem(pem: &str) -> Result<Self, IdentityError> {
        let begin = pem.find(BEGIN).ok_or(IdentityError::NotAKey)? + BEGIN.len();
        let block = pem.get(begin..).and_then(|rest| rest.split_once(END)).ok_or(IdentityError::NotAKey)?.0;
        if block.len() > BLOCK_BYTES_MAX {
            return Err(IdentityError::NotAKey);
        }
        let text: Zeroizing<String> = Zeroizing::new(block.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        let der = Zeroizing::new(STANDARD.decode(text.as_bytes()).map_err(|_| IdentityError::NotAKey)?);
        SigningKey::from_pkcs8_der(&der).map(Self::of).map_err(|_| IdentityError::NotAKey)
    }

    /// The key file: PKCS #8 version 1, 48 bytes of DER, byte for byte what Python's `cryptography` writes.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        let mut der = Zeroizing::new([0; 48]);
        der[..16].copy_from_slice(&DER_PREFIX);
        der[16..].copy_from_slice(self.key.as_bytes());
        let base64 = Zeroizing::new(STANDARD.encode(&der[..]));
        Zeroizing::new(format!("{BEGIN}\n{}\n{END}\n", *base64))
    }

    /// The id: the public key in padded base64url, 44 characters.
    #[must_use]
    pub fn id(&self) -> &PeerId {
        &self.id
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The X25519 key that belongs to the same secret (RFC 7748), written as an id is: `kx_public_key` of a node record.
    #[must_use]
    pub fn kx_public_key(&self) -> String {
        URL_SAFE.encode(self.key.verifying_key().to_montgomery().as_bytes())
    }

    /// Signs bytes (RFC 8032 §5.1.6).
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    fn of(key: SigningKey) -> Self {
        let id = id_of(&key.verifying_key().to_bytes());
        Self { key, id }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The id of a public key.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "44 characters of base64url are always an id")]
pub fn id_of(public_key: &[u8; 32]) -> PeerId {
    PeerId::new(&URL_SAFE.encode(public_key)).expect("44 characters of base64url are an id")
}

/// The public key that an id is. Without its padding it is refused, as Synapse-NG refuses it.
///
/// # Errors
/// The id is not padded base64url of 32 bytes.
pub fn key_of(id: &PeerId) -> Result<[u8; 32], VerifyError> {
    let bytes = URL_SAFE.decode(id.as_str()).map_err(|_| VerifyError::Id)?;
    bytes.try_into().map_err(|_| VerifyError::Id)
}

/// Whether a signature over bytes is by the key that the id is. Keys and points of small order are refused too, which RFC
/// 8032 §5.1.7 leaves open: such a signature would fit any message.
///
/// # Errors
/// The id is no key, or the signature is wrong.
pub fn verify(id: &PeerId, bytes: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    verify_key(&key_of(id)?, bytes, signature)
}

/// As [`verify`], by the key itself.
pub(crate) fn verify_key(key: &[u8; 32], bytes: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let key = VerifyingKey::from_bytes(key).map_err(|_| VerifyError::Id)?;
    let signature = Signature::from_slice(signature).map_err(|_| VerifyError::Signature)?;
    key.verify_strict(bytes, &signature).map_err(|_| VerifyError::Signature)
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Larger than any Ed25519 key with attributes that make sense.
const BLOCK_BYTES_MAX: usize = 4096;

/// RFC 8410 §7: `SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING (32 bytes) } }`.
const DER_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
