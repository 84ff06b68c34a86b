//! Who a node is: an Ed25519 key (RFC 8032), whose public half is its id.
//!
//! Key files and ids are those of a Synapse-NG node: PKCS #8 PEM without encryption, and padded base64url, 44 characters.
//! A [`Proof`] binds a session description to the id it is sent under, which Synapse-NG's own signaling does not.

mod key;
mod proof;

pub(crate) use key::verify_key;
pub use key::{Identity, IdentityError, VerifyError, id_of, key_of, verify};
pub use proof::{Proof, ProofError, ProofRules};

#[cfg(test)]
mod tests;
