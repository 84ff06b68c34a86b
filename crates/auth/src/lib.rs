//! Tokens, TURN credentials, HTTP passwords and the strength of secrets: pure decisions.
//!
//! Nothing here reads a clock, a file, the environment or a random source. Time arrives as
//! [`sangam_types::Wall`], secrets arrive as bytes, and what comes back is an answer or a refusal that holds
//! no secret.
//!
//! - [`turn`]: time-limited TURN credentials as coturn's REST scheme has them, long-term keys (RFC 8489 §9.2.2).
//! - [`token`]: JSON Web Tokens (RFC 7519) signed with HS256 (RFC 7518 §3.2), keys rotated by `kid`; grants in rooms,
//!   renewal, and the tokens that are revoked.
//! - [`digest`] and [`basic`]: HTTP authentication by password (RFC 7616, RFC 7617), both ends.
//! - [`scope`]: what a token allows on the admin API.
//! - [`secret`]: whether a secret is one that anybody could guess.
//!
//! Left out: asymmetric keys and JWKS, the SHA-256 password algorithm of RFC 8489 §9.2.

pub mod basic;
pub mod digest;
pub mod scope;
pub mod secret;
pub mod token;
pub mod turn;
