use std::time::{Duration, SystemTime};

use sangam_auth::turn::{LongTermKey, RestCredential, RestOptions, RestRefusal, RestSecret, RestSecrets};
use sangam_types::Wall;

/// The credentials that this server checks itself with: time-limited ones, from a random secret that never leaves the
/// process and is none of the operator's.
#[derive(Debug)]
pub(crate) struct ProbeCredentials {
    /// Random, so that nobody's user has it; not secret.
    name: String,
    secrets: RestSecrets,
}

/// A check lasts less than a second; the wall clock may step while it runs.
const LIFETIME: Duration = Duration::from_secs(10);

impl ProbeCredentials {
    pub(crate) fn new() -> Self {
        let secret = RestSecret::new(rand::random::<[u8; 32]>());
        let secrets = RestSecrets::new(vec![secret], RestOptions::default()).expect("one secret is not too many");
        Self { name: format!("probe-{:032x}", rand::random::<u128>()), secrets }
    }

    /// A credential of its own for the `number`th session of a check: no limit of a user concerns it.
    pub(crate) fn mint(&self, number: usize) -> RestCredential {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let expires = Wall::from_unix_secs(now.as_secs()) + LIFETIME;
        self.secrets.mint(&format!("{}-{number}", self.name), expires).expect("the name has fewer than 70 bytes")
    }

    /// Whether a USERNAME is one of these.
    pub(crate) fn is_ours(&self, username: &str) -> bool {
        username.split_once(':').is_some_and(|(_, name)| name.starts_with(&self.name))
    }

    /// The key by MD5 of one of these: a check asks for no other.
    pub(crate) fn keys_for(&self, username: &str, realm: &str, now: Wall) -> Result<Vec<LongTermKey>, RestRefusal> {
        self.secrets.keys_for(username, realm, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_serves_the_process_that_made_it_alone_and_only_for_a_moment() {
        let [ours, others] = [ProbeCredentials::new(), ProbeCredentials::new()];
        let credential = ours.mint(3);
        assert!(ours.is_ours(&credential.username) && !others.is_ours(&credential.username));
        assert!(!ours.is_ours("1700000000:alice") && !ours.is_ours("alice"));
        let key = |of: &ProbeCredentials, now| of.keys_for(&credential.username, "realm", now);
        let now = credential.expires;
        assert_eq!(key(&ours, now), Err(RestRefusal::Expired));
        let before = Wall::from_unix_secs(now.unix_secs() - 1);
        assert_ne!(key(&ours, before), key(&others, before));
    }
}
