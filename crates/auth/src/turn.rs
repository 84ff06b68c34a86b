//! TURN credentials: time-limited ones, long-term users, and the keys they stand for.

mod key;
mod name;
mod rest;
mod user;

pub use key::{LongTermKey, LongTermKeySha256, userhash};
pub use name::CredentialName;
pub use rest::{MintError, RestCredential, RestOptions, RestRefusal, RestSecret, RestSecrets, RestSecretsError};
pub use user::{LongTermUser, LongTermUsers, UserError};
