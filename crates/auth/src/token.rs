//! JSON Web Tokens: minted and verified with keys that are rotated by `kid`.

mod claims;
mod grants;
mod jwk_set;
mod key;
mod keyring;
mod refusal;
mod renewal;
mod revoked;

pub use claims::Claims;
pub use grants::{Grant, Grants};
pub use jwk_set::{JwkSet, JwkSetError};
pub use key::{Key, KeyError, Use, Uses};
pub use keyring::{Keyring, KeyringError, MintError, Signed, TokenOptions};
pub use refusal::TokenRefusal;
pub use renewal::RenewalRefusal;
pub use revoked::{Revoked, TokenIdentity};
