//! HTTP authentication with a password: Digest (RFC 7616, and RFC 2069 as an option) for both ends, and the refusals
//! that it shares with [`crate::basic`].
//!
//! - [`DigestServer`] makes challenges and verifies answers. Its nonces hold their own time and proof, so that nothing is
//!   kept for whoever was only challenged; who answered rightly takes a place in a bounded table that finds replays.
//! - [`DigestClient`] answers the challenges of others, counting `nc`.
//! - [`Authorization`] and [`Challenges`] read the two headers as implementations in the field write them.
//!
//! Left out: `auth-int`, `-sess` algorithms, SHA-512-256, `userhash`, and `Authentication-Info`. Nobody is offered them,
//! and what others offer besides is passed over.

mod algorithm;
mod authorization;
mod challenge;
mod client;
mod credential;
mod fields;
mod nonce;
mod refusal;
mod replay;
mod response;
mod server;

pub use algorithm::Algorithm;
pub use authorization::Authorization;
pub use challenge::{BasicChallenge, Challenges, DigestChallenge};
pub use client::{ClientRefusal, DigestClient};
pub use credential::{Credential, Ha1};
pub use nonce::NonceKey;
pub use refusal::Refusal;
pub use server::{DigestOptions, DigestServer, OptionsError, RequestLine, Verified};

pub(crate) use fields::{quoted, split_scheme};
pub(crate) use response::is_equal;
