//! `sangam simulate sync`.

mod show;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use sangam_auth::token::{Claims, Key, Keyring, TokenOptions, Use};
use sangam_fleet::{SyncOptions, SyncTokens, Trust, simulate_sync};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::progress::Bar;
use crate::Verdict;
use crate::cli::simulate::SyncArgs;
use crate::clock::wall_now;
use crate::commands::probe::given::Given;
use crate::descriptor_limit;
use crate::output::print;

pub(super) fn run(args: &SyncArgs) -> anyhow::Result<Verdict> {
    let options = options(args)?;
    options.check()?;
    // One for requests and one for a stream.
    if let Some(complaint) = descriptor_limit::too_low_for(u64::from(options.devices) * 2) {
        bail!(complaint);
    }
    let seed = options.seed;
    let trust = Trust::load(args.ca_file.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let bar = Bar::new(args.json);
    let report = runtime.block_on(simulate_sync(options, &trust, &|progress| bar.show(&progress.into())));
    bar.clear();
    // A look-up of a name cannot be taken back and must not hold the end up.
    runtime.shutdown_background();
    let report = report?;
    let shown = if args.json { show::json(&report, seed)?.to_string() } else { show::table(&report, seed) };
    print(&format!("{shown}\n"))?;
    Ok(if report.is_fine() { Verdict::Fine } else { Verdict::No })
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
