//! `sangam simulate sync`.

mod show;

use std::sync::Arc;
use std::time::Duration;

use sangam_auth::token::{Claims, Key, Keyring, TokenOptions, Use};
use sangam_fleet::{SyncOptions, SyncTokens, Trust, simulate_sync};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::{Outcome, run_fleet};
use crate::Verdict;
use crate::cli::simulate::sync::SyncArgs;
use crate::clock::wall_now;
use crate::commands::probe::given::Given;

pub(super) fn run(args: &SyncArgs) -> anyhow::Result<Verdict> {
    let options = options(args)?;
    options.check()?;
    let (devices, seed) = (options.devices, options.seed);
    let trust = Trust::load(args.common.ca_file.as_deref())?;
    // One for requests and one for a stream.
    run_fleet(&args.common, u64::from(devices) * 2, async |show| {
        let report = simulate_sync(options, &trust, &|progress| show(progress.into())).await?;
        let (json, table) = (show::json(&report, seed)?, show::table(&report, seed));
        Ok(Outcome { is_fine: report.is_fine(), json, table })
    })
}

fn options(args: &SyncArgs) -> anyhow::Result<SyncOptions> {
    Ok(SyncOptions {
        url: args.url.clone(),
        devices: args.devices,
        databases: args.databases,
        names: args.db.clone(),
        duration: Duration::from_secs(args.seconds),
        edits_per_sec: args.edits_per_second,
        disconnects_per_min: args.disconnects_per_minute,
        offline_share: args.offline_share,
        clock_skew: args.clock_skew,
        entities: args.entities,
        collections: args.collections,
        body_bytes: args.body,
        listeners: args.listeners,
        poll: args.poll,
        settle_timeout: args.settle,
        seed: args.seed.unwrap_or_else(rand::random),
        tokens: tokens(args)?,
    })
}

fn tokens(args: &SyncArgs) -> anyhow::Result<SyncTokens> {
    let secret = match (&args.secret_file, &args.token_file) {
        (None, Some(_)) => None,
        (file, _) => Given::SIMULATE_SECRET.read(file.as_deref())?,
    };
    if let Some(secret) = secret {
        // They outlast the edits and what is waited for in the end.
        let ttl = Duration::from_secs(args.seconds) + args.settle + Duration::from_secs(3_600);
        return minted(&args.key_id, &secret, ttl);
    }
    let token = Given::SIMULATE_TOKEN.read(args.token_file.as_deref())?;
    Ok(token.map_or(SyncTokens::Nothing, SyncTokens::Shared))
}

/// A token for each device, signed as the server would.
fn minted(key_id: &str, secret: &SecretString, ttl: Duration) -> anyhow::Result<SyncTokens> {
    let bytes = SecretSlice::from(secret.expose_secret().as_bytes().to_vec());
    let keyring = Keyring::new(vec![Key::new(key_id, Use::Sync, &bytes)?], TokenOptions::default())?;
    let exp = wall_now() + ttl;
    Ok(SyncTokens::Each(Arc::new(move |db, device| {
        let claims = Claims {
            iat: Some(wall_now()),
            db_id: Some(db.to_owned()),
            device_id: Some(device.to_owned()),
            ..Claims::new("simulation", exp)
        };
        keyring.mint(Use::Sync, &claims).map(Into::into).map_err(|error| error.to_string())
    })))
}
