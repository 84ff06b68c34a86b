use sangam_mesh_proto::PeerId;
use sangam_mesh_proto::gossip::{Proofs, Verdict};
use sangam_mesh_proto::identity::{self, Identity, VerifyError};

/// Signs with the node's key, and takes every id that is a key for one.
struct Keyed(Identity);

/// What a node's messages are signed and checked with.
pub(crate) fn proofs_of(identity: Identity) -> Box<dyn Proofs> {
    Box::new(Keyed(identity))
}

impl Proofs for Keyed {
    fn sign(&self, bytes: &[u8]) -> Option<[u8; 64]> {
        Some(self.0.sign(bytes))
    }

    fn verify(&self, origin: &PeerId, bytes: &[u8], signature: &[u8; 64]) -> Verdict {
        match identity::verify(origin, bytes, signature) {
            Ok(()) => Verdict::Right,
            Err(VerifyError::Id) => Verdict::Unknown,
            Err(VerifyError::Signature) => Verdict::Wrong,
        }
    }
}
