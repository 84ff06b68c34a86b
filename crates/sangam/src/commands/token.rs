//! `sangam token`.

mod list;
mod mint;
mod revoke;
mod verify;

use std::path::Path;

use sangam_auth::token::{Keyring, Use};
use sangam_config::Config;
use sangam_control::{RevokedToken, TokenRevocations};

use crate::Verdict;
use crate::cli::token::{TokenArgs, TokenCommand, TokenUse};
use crate::generated_secrets::GeneratedSecrets;
use crate::options::auth::keyring_of;
use crate::revocation_file::RevocationFile;

pub(crate) fn run(args: &TokenArgs) -> anyhow::Result<Verdict> {
    match &args.command {
        TokenCommand::Mint(args) => mint::run(args),
        TokenCommand::Verify(args) => verify::run(args),
        TokenCommand::List(args) => list::run(args),
        TokenCommand::Revoke(args) => revoke::revoke(args),
        TokenCommand::Restore(args) => revoke::restore(args),
    }
}

impl From<TokenUse> for Use {
    fn from(use_: TokenUse) -> Self {
        match use_ {
            TokenUse::Admin => Self::Admin,
            TokenUse::Signal => Self::Signal,
            TokenUse::Sync => Self::Sync,
        }
    }
}

/// The keys of a use: the configured ones, or the one that the server made in its data directory.
fn keys(config: &Config, use_: TokenUse) -> anyhow::Result<Keyring> {
    let (configured, generated): (_, fn(&Path) -> _) = match use_ {
        TokenUse::Admin => (&config.auth.admin_keys[..], GeneratedSecrets::admin_key_of),
        TokenUse::Signal => (&config.auth.signal_keys[..], GeneratedSecrets::signal_key_of),
        TokenUse::Sync => (&config.auth.sync_keys[..], GeneratedSecrets::sync_key_of),
    };
    if configured.is_empty() {
        keyring_of(config, &[generated(&config.data.dir)?], use_.into())
    } else {
        keyring_of(config, configured, use_.into())
    }
}

/// What is revoked with this data directory, as it is saved now.
fn saved_revocations(config: &Config) -> anyhow::Result<TokenRevocations> {
    let (file, saved) = RevocationFile::open::<RevokedToken>(&config.data.dir)?;
    Ok(TokenRevocations::new(saved, Some(std::sync::Arc::new(file)), config.auth.revocations_max))
}
