//! Keys and secrets, configured or generated, for `auth`.

use anyhow::Context as _;
use sangam_auth::token::{Key, Keyring, TokenOptions, Use};
use sangam_auth::turn::{LongTermUser, LongTermUsers, RestOptions, RestSecret, RestSecrets};
use sangam_config::Secret;
use sangam_config::sections::{auth::Auth, relay::Relay};
use secrecy::SecretSlice;

use crate::generated_secrets::GeneratedSecrets;

/// The keys of every use. Those of a use that is not configured are the generated ones.
pub(crate) fn keyring(auth: &Auth, generated: &GeneratedSecrets) -> anyhow::Result<Keyring> {
    let admin = configured_or(&auth.admin_keys, &generated.admin_key);
    let signal = configured_or(&auth.signal_keys, &generated.signal_key);
    let mut keys = keys_of(admin, Use::Admin)?;
    keys.extend(keys_of(signal, Use::Signal)?);
    ring(auth, keys)
}

/// The keys of one use alone, for commands that mint and verify.
pub(crate) fn keyring_of(auth: &Auth, entries: &[Secret], use_: Use) -> anyhow::Result<Keyring> {
    ring(auth, keys_of(entries, use_)?)
}

fn ring(auth: &Auth, keys: Vec<Key>) -> anyhow::Result<Keyring> {
    let options = TokenOptions { leeway: auth.leeway.get(), ..TokenOptions::default() };
    Ok(Keyring::new(keys, options)?)
}

fn configured_or<'a>(configured: &'a [Secret], generated: &'a Secret) -> &'a [Secret] {
    if configured.is_empty() { std::slice::from_ref(generated) } else { configured }
}

fn keys_of(entries: &[Secret], use_: Use) -> anyhow::Result<Vec<Key>> {
    let key = |entry: &Secret| {
        let (kid, secret) = entry.expose().split_once(':').context("a token key is not KID:SECRET; write it so")?;
        let secret = SecretSlice::from(secret.as_bytes().to_vec());
        Ok(Key::new(kid, use_, &secret)?)
    };
    entries.iter().map(key).collect()
}

/// The secrets of time-limited TURN credentials.
pub(crate) fn rest_secrets(relay: &Relay, generated: &GeneratedSecrets) -> anyhow::Result<RestSecrets> {
    rest_secrets_of(configured_or(&relay.secrets, &generated.relay))
}

/// Secrets that mint and check time-limited TURN credentials.
pub(crate) fn rest_secrets_of(secrets: &[Secret]) -> anyhow::Result<RestSecrets> {
    let secrets = secrets.iter().map(|secret| RestSecret::new(secret.expose().as_bytes())).collect();
    Ok(RestSecrets::new(secrets, RestOptions::default())?)
}

/// The long-term users of the relay.
pub(crate) fn long_term_users(relay: &Relay) -> anyhow::Result<LongTermUsers> {
    let user = |entry: &Secret| LongTermUser::parse(entry.expose()).context("an entry of `relay.users` is no user");
    let users = relay.users.iter().map(user).collect::<anyhow::Result<LongTermUsers>>()?;
    Ok(users.findable_by_hash(&relay.realm))
}
