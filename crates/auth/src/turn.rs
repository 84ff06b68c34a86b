//! TURN credentials: time-limited ones, long-term users, and the keys they stand for.

mod key;
mod rest;
mod user;

pub use key::{LongTermKey, LongTermKeySha256, userhash};
pub use rest::{MintError, RestCredential, RestOptions, RestRefusal, RestSecret, RestSecrets, RestSecretsError};
pub use user::{LongTermUser, LongTermUsers, UserError};
