use std::sync::Arc;

use arc_swap::ArcSwap;
use sangam_auth::turn::{LongTermKey, LongTermUsers, RestRefusal, RestSecrets};
use sangam_turn_proto::{FoundUser, Key, KeyRefusal, Keys, PasswordAlgorithm};
use sangam_types::Wall;

use crate::probe_credentials::ProbeCredentials;

/// Finds the long-term keys of users and of time-limited credentials.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) users: Arc<ArcSwap<LongTermUsers>>,
    pub(crate) secrets: Arc<ArcSwap<RestSecrets>>,
    /// Of this server's own checks.
    pub(crate) probe: Arc<ProbeCredentials>,
    pub(crate) realm: String,
}

impl Credentials {
    /// The key of the long-term user of that name, or else one of each secret in force.
    pub(crate) fn keys_for(&self, username: &str, algorithm: PasswordAlgorithm, now: Wall) -> Result<Keys, KeyRefusal> {
        if let Some(key) = self.user_key_for(username, algorithm) {
            return key.map(Keys::from);
        }
        let secrets = self.secrets.load();
        let is_probe = self.probe.is_ours(username);
        let by_md5 = |keys: Vec<LongTermKey>| Keys::new(keys.iter().map(|key| Key::Md5(key.0)));
        let keys = match algorithm {
            PasswordAlgorithm::Md5 if is_probe => self.probe.keys_for(username, &self.realm, now).map(by_md5),
            PasswordAlgorithm::Md5 => secrets.keys_for(username, &self.realm, now).map(by_md5),
            PasswordAlgorithm::Sha256 => secrets
                .sha256_keys_for(username, &self.realm, now)
                .map(|keys| Keys::new(keys.iter().map(|key| Key::Sha256(key.0)))),
        };
        keys.map_err(|refusal| match refusal {
            RestRefusal::NoExpiry => KeyRefusal::UnknownUser,
            RestRefusal::Expired => KeyRefusal::Expired,
            RestRefusal::TooFarAhead => KeyRefusal::TooFarAhead,
        })?
        .ok_or(KeyRefusal::UnknownUser)
    }

    /// The long-term user of that hash, with the key.
    pub(crate) fn user_for(&self, userhash: &[u8; 32], algorithm: PasswordAlgorithm) -> Result<FoundUser, KeyRefusal> {
        let users = self.users.load();
        let username = users.name_of(userhash, &self.realm).ok_or(KeyRefusal::UnknownHash)?;
        let key = self.user_key_for(username, algorithm).ok_or(KeyRefusal::UnknownHash)??;
        Ok(FoundUser { username: username.to_owned(), keys: Keys::from(key) })
    }

    /// `None` if there is no user of that name. One whose password is not known has no key by SHA-256.
    fn user_key_for(&self, username: &str, algorithm: PasswordAlgorithm) -> Option<Result<Key, KeyRefusal>> {
        let users = self.users.load();
        let by_md5 = users.key_for(username, &self.realm)?;
        Some(match algorithm {
            PasswordAlgorithm::Md5 => Ok(Key::Md5(by_md5.0)),
            PasswordAlgorithm::Sha256 => {
                users.sha256_key_for(username, &self.realm).map(|key| Key::Sha256(key.0)).ok_or(KeyRefusal::UnknownUser)
            }
        })
    }
}
