//! `[auth]`: keys that tokens are signed with.

use std::path::PathBuf;

use sangam_auth::secret::strength;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{HumanDuration, Secret};

/// Keys that tokens are signed with. An entry is `KID:SECRET`, the secret having at least 32 bytes; the first one signs,
/// all verify. Empty: one is generated in the data directory.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Keys of tokens for metrics and the administration API, each `KID:SECRET`.
    #[schemars(extend("x-reload" = "live"))]
    pub admin_keys: Vec<Secret>,
    /// A file with such keys, one a line.
    #[schemars(extend("x-reload" = "live"))]
    pub admin_keys_file: Option<PathBuf>,
    /// Keys of tokens for signaling and ICE servers, each `KID:SECRET`.
    #[schemars(extend("x-reload" = "live"))]
    pub signal_keys: Vec<Secret>,
    /// A file with such keys, one a line.
    #[schemars(extend("x-reload" = "live"))]
    pub signal_keys_file: Option<PathBuf>,
    /// Keys of tokens for sync, each `KID:SECRET`.
    #[schemars(extend("x-reload" = "live"))]
    pub sync_keys: Vec<Secret>,
    /// A file with such keys, one a line.
    #[schemars(extend("x-reload" = "live"))]
    pub sync_keys_file: Option<PathBuf>,
    /// A file with a JWK set (RFC 7517) of whoever else signs tokens for sync: RS256, ES256, EdDSA or HS256, each key with its
    /// `kid`. They verify beside `auth.sync_keys` and serve nothing else.
    #[schemars(extend("x-reload" = "live"))]
    pub sync_jwks_file: Option<PathBuf>,
    /// How far the clocks of those who sign tokens may be off.
    #[schemars(extend("x-reload" = "live"))]
    pub leeway: HumanDuration,
    /// How long after its first token was minted somebody may still hold a token of signaling by renewing it at
    /// `/api/v1/tokens/renew`; 0s: no token is renewed.
    #[schemars(extend("x-reload" = "live"))]
    pub renew_max: HumanDuration,
    /// Renewals that one client address (IPv6: one /64) may ask for in a minute; the next is answered 429.
    #[schemars(extend("x-reload" = "restart"))]
    pub renewals_per_minute: u32,
    /// Tokens and subjects of tokens that may be revoked at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub revocations_max: usize,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            admin_keys: Vec::new(),
            admin_keys_file: None,
            signal_keys: Vec::new(),
            signal_keys_file: None,
            sync_keys: Vec::new(),
            sync_keys_file: None,
            sync_jwks_file: None,
            leeway: HumanDuration::from_secs(30),
            renew_max: HumanDuration::from_secs(86_400),
            renewals_per_minute: 60,
            revocations_max: 4_096,
        }
    }
}

impl Auth {
    /// Shorter than this an HS256 key can be searched for (RFC 7518 §3.2).
    const SECRET_BYTES_MIN: usize = 32;

    pub(crate) fn validate(&self, check: &mut Check) {
        for (key, entries) in [("admin_keys", &self.admin_keys), ("signal_keys", &self.signal_keys)] {
            for (index, entry) in entries.iter().enumerate() {
                let whole = entry
                    .expose()
                    .split_once(':')
                    .is_some_and(|(kid, secret)| !kid.is_empty() && secret.len() >= Self::SECRET_BYTES_MIN);
                check.require(
                    whole,
                    key,
                    format!(
                        "entry {} is not KID:SECRET with a secret of at least 32 bytes; write a name, a colon and the output of `openssl rand -base64 32`",
                        index + 1
                    ),
                );
            }
        }
        self.check_sync_keys(check);
        check.within("leeway", self.leeway, HumanDuration::from_secs(0), HumanDuration::from_secs(300));
        let year = HumanDuration::from_secs(366 * 86_400);
        check.within("renew_max", self.renew_max, HumanDuration::from_secs(0), year);
        check.within("renewals_per_minute", self.renewals_per_minute, 1, 100_000);
        check.within("revocations_max", self.revocations_max, 1, 100_000);
    }

    /// Each is judged wherever it is used: the guide's own server has a secret that everybody can read.
    fn check_sync_keys(&self, check: &mut Check) {
        const MEND: &str = "write the output of `openssl rand -base64 32`";
        for (index, entry) in self.sync_keys.iter().enumerate() {
            let (at, parts) = (index + 1, entry.expose().split_once(':').filter(|(kid, _)| !kid.is_empty()));
            let cause = match parts.map(|(_, secret)| strength(secret, Self::SECRET_BYTES_MIN)) {
                Some(Ok(())) => continue,
                Some(Err(weakness)) => format!("the secret of entry {at} is too weak: {weakness}; {MEND}"),
                None => format!("entry {at} is not KID:SECRET; write a name, a colon and a secret: {MEND}"),
            };
            check.require(false, "sync_keys", cause);
        }
    }
}
