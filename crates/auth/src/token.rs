//! JSON Web Tokens: minted and verified with keys that are rotated by `kid`.

mod claims;
mod key;
mod keyring;
mod refusal;

pub use claims::Claims;
pub use key::{Key, KeyError, Use, Uses};
pub use keyring::{Keyring, KeyringError, MintError, TokenOptions};
pub use refusal::TokenRefusal;
