//! Keys and secrets, configured or generated, for `auth`.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use sangam_auth::token::{JwkSet, Key, Keyring, TokenOptions, Use, Uses};
use sangam_auth::turn::{LongTermUser, LongTermUsers, RestOptions, RestSecret, RestSecrets};
use sangam_config::sections::relay::Relay;
use sangam_config::{Config, Secret};
use secrecy::SecretSlice;

use crate::generated_secrets::GeneratedSecrets;

/// The keys of every use. Those of a use that is not configured are the generated ones.
pub(crate) fn keyring(config: &Config, generated: &GeneratedSecrets) -> anyhow::Result<Keyring> {
    let auth = &config.auth;
    let mut keys = Vec::new();
    for (configured, generated, use_) in [
        (&auth.admin_keys, &generated.admin_key, Use::Admin),
        (&auth.signal_keys, &generated.signal_key, Use::Signal),
        (&auth.sync_keys, &generated.sync_key, Use::Sync),
    ] {
        keys.extend(keys_of(config, configured_or(configured, generated), use_)?);
    }
    ring(config, keys)
}

/// The keys of one use alone, for commands that mint and verify.
pub(crate) fn keyring_of(config: &Config, entries: &[Secret], use_: Use) -> anyhow::Result<Keyring> {
    ring(config, keys_of(config, entries, use_)?)
}

fn ring(config: &Config, keys: Vec<Key>) -> anyhow::Result<Keyring> {
    let exp_optional = if config.sync.require_exp { Uses::default() } else { Use::Sync.into() };
    let options = TokenOptions { leeway: config.auth.leeway.get(), exp_optional, ..TokenOptions::default() };
    Ok(Keyring::new(keys, options)?)
}

fn configured_or<'a>(configured: &'a [Secret], generated: &'a Secret) -> &'a [Secret] {
    if configured.is_empty() { std::slice::from_ref(generated) } else { configured }
}

/// Those of the entries, and for sync those of the issuer's set.
fn keys_of(config: &Config, entries: &[Secret], use_: Use) -> anyhow::Result<Vec<Key>> {
    let key = |entry: &Secret| {
        let (kid, secret) = entry.expose().split_once(':').context("a token key is not KID:SECRET; write it so")?;
        let secret = SecretSlice::from(secret.as_bytes().to_vec());
        Ok(Key::new(kid, use_, &secret)?)
    };
    let mut keys = entries.iter().map(key).collect::<anyhow::Result<Vec<Key>>>()?;
    if let Some(path) = config.auth.sync_jwks_file.as_ref().filter(|_| use_ == Use::Sync) {
        keys.extend(jwk_set(path).with_context(|| format!("`auth.sync_jwks_file`: {}", path.display()))?.into_keys());
    }
    Ok(keys)
}

fn jwk_set(path: &Path) -> anyhow::Result<JwkSet> {
    let mut json = Vec::new();
    // One byte more than it may have tells that it has more.
    let limit = JwkSet::BYTES_MAX as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut json));
    read.context("it cannot be read; check the path and that this user may read it")?;
    Ok(JwkSet::parse(&json, Use::Sync)?)
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
