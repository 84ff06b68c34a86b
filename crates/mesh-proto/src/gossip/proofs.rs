use crate::PeerId;

/// What is known of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the origin's.
    Right,
    /// It is not.
    Wrong,
    /// It cannot be told: the origin's id is no key.
    Unknown,
}

/// Signs what this node publishes, and checks what others did. Bytes are those of
/// [`Body::signed`](crate::channel::Body::signed).
pub trait Proofs: Send {
    /// Our Ed25519 signature; `None`: this node has no key.
    fn sign(&self, bytes: &[u8]) -> Option<[u8; 64]>;

    /// Whether the signature is that of the key which is the origin's id.
    fn verify(&self, origin: &PeerId, bytes: &[u8], signature: &[u8; 64]) -> Verdict;
}

/// Signs nothing and can tell nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unproven;

impl Proofs for Unproven {
    fn sign(&self, _: &[u8]) -> Option<[u8; 64]> {
        None
    }

    fn verify(&self, _: &PeerId, _: &[u8], _: &[u8; 64]) -> Verdict {
        Verdict::Unknown
    }
}
