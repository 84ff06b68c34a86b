use std::sync::Arc;

use arc_swap::ArcSwap;
use sangam_auth::turn::{CredentialName, LongTermKey, LongTermKeySha256, LongTermUsers, RestRefusal, RestSecrets};
use sangam_control::RevokedName;
use sangam_turn_proto::{FoundUser, Key, KeyRefusal, Keys, PasswordAlgorithm};
use sangam_types::Wall;

use crate::options::Options;
use crate::probe_credentials::ProbeCredentials;
use crate::revocations::Revocations;
use crate::shared::Shared;
/// Finds the long-term keys of users and of time-limited credentials.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) users: Arc<ArcSwap<LongTermUsers>>,
    pub(crate) secrets: Arc<ArcSwap<RestSecrets>>,
    /// Of this server's own checks.
    pub(crate) probe: Arc<ProbeCredentials>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) realm: String,
}

impl Credentials {
    pub(crate) fn of(options: &Options, shared: &Shared) -> Self {
        Self {
            probe: Arc::clone(&shared.probe_credentials),
            users: Arc::clone(&options.users),
            secrets: Arc::clone(&options.secrets),
            revocations: Arc::clone(&options.revocations),
            realm: options.realm.clone(),
        }
    }

    /// Whose a USERNAME is.
    pub(crate) fn name_of<'a>(&self, username: &'a str) -> CredentialName<'a> {
        let is_user = self.users.load().contains(username);
        let user = if is_user { username } else { self.secrets.load().name(username) };
        CredentialName { username, user: if user.is_empty() { username } else { user } }
    }

    /// Whether a key that was good once would be today, apart from its expiry: the user or the secret that it was made
    /// with is in force, and nobody has revoked it.
    pub(crate) fn is_good(&self, username: &str, key: Key, now: Wall) -> bool {
        if self.probe.is_ours(username) {
            return true;
        }
        if self.revocations.covers(&self.name_of(username), now) {
            return false;
        }
        if let Some(of_user) = self.user_key_for(username, key.algorithm()) {
            return of_user == Ok(key);
        }
        let secrets = self.secrets.load();
        match key {
            Key::Md5(bytes) => secrets.made(username, &self.realm, LongTermKey(bytes)),
            Key::Sha256(bytes) => secrets.made_sha256(username, &self.realm, LongTermKeySha256(bytes)),
        }
    }

    /// When the last credential of this name that exists by now ends; never if a long-term user has the name.
    pub(crate) fn last_end(&self, name: &RevokedName, now: Wall) -> Option<Wall> {
        let users = self.users.load();
        let lasts = match name {
            RevokedName::User(user) => users.contains(user),
            RevokedName::Label(label) => {
                users.names().any(|user| CredentialName { username: user, user }.label() == label)
            }
        };
        (!lasts).then(|| now + self.secrets.load().max_ahead())
    }

    /// The key of the long-term user of that name, or else one of each secret in force.
    pub(crate) fn keys_for(&self, username: &str, algorithm: PasswordAlgorithm, now: Wall) -> Result<Keys, KeyRefusal> {
        if self.revocations.covers(&self.name_of(username), now) {
            return Err(KeyRefusal::Revoked);
        }
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
    pub(crate) fn user_for(
        &self,
        userhash: &[u8; 32],
        algorithm: PasswordAlgorithm,
        now: Wall,
    ) -> Result<FoundUser, KeyRefusal> {
        let users = self.users.load();
        let username = users.name_of(userhash, &self.realm).ok_or(KeyRefusal::UnknownHash)?;
        if self.revocations.covers(&self.name_of(username), now) {
            return Err(KeyRefusal::Revoked);
        }
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
