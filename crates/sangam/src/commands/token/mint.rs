use anyhow::{Context as _, bail};
use sangam_auth::scope::ScopeSet;
use sangam_auth::token::{Claims, Grant, Use};
use sangam_config::Config;
use sangam_types::Wall;
use serde_json::json;

use super::keys;
use crate::Verdict;
use crate::cli::token::{MintArgs, TokenUse};
use crate::clock::wall_now;
use crate::minted_tokens::{Minted, MintedTokens};
use crate::output::print;

pub(super) fn run(args: &MintArgs) -> anyhow::Result<Verdict> {
    let config = args.sources.load()?.config;
    let keyring = keys(&config, args.use_)?;
    let now = wall_now();
    check_use(args, &config)?;
    let claims = claims(args, now)?;
    let use_ = Use::from(args.use_);
    let token = keyring.mint(use_, &claims).context("the token could not be minted")?;
    let minted = Minted { use_: use_.to_string(), note: args.note.clone(), claims };
    let listed = keep(&config, &minted, now);
    let text = if args.json {
        json!({ "token": token, "use": use_.as_str(), "claims": minted.claims }).to_string()
    } else {
        token
    };
    print(&format!("{text}\n"))?;
    if let Err(error) = listed {
        eprintln!("sangam: the token is not in the list of minted tokens: {error}");
    }
    Ok(Verdict::Fine)
}

/// Whether what was asked for belongs to the use.
fn check_use(args: &MintArgs, config: &Config) -> anyhow::Result<()> {
    let of_rooms = args.room.is_some() || args.name.is_some() || !args.grant.is_empty();
    let of_sync = args.db.is_some() || args.device.is_some();
    if of_rooms && args.use_ != TokenUse::Signal {
        bail!("rooms, grants and display names are of signaling; add `--use signal`");
    }
    if of_sync && args.use_ != TokenUse::Sync {
        bail!("databases and devices are of sync; add `--use sync`");
    }
    if args.use_ == TokenUse::Admin && args.scope.iter().all(String::is_empty) {
        bail!(
            "a token for the administration API needs a scope; add `--scope metrics:read`, `admin:read` or \
             `admin:write`"
        );
    }
    if args.use_ == TokenUse::Sync {
        check_sync(args, config)?;
    }
    Ok(())
}

/// A token that the server would refuse is not minted.
fn check_sync(args: &MintArgs, config: &Config) -> anyhow::Result<()> {
    if !args.scope.is_empty() {
        bail!("a scope is of the administration API, and a token for sync is good for sync alone; leave `--scope` out");
    }
    if args.db.is_none() && config.sync.default_db.is_none() {
        bail!("a token for sync names its database; add `--db NAME`, or set `sync.default_db`");
    }
    let longest = config.sync.name_bytes_max.as_usize();
    for (flag, name) in [("--db", &args.db), ("--device", &args.device)] {
        if name.as_ref().is_some_and(|name| !(1..=longest).contains(&name.len())) {
            bail!("the name of `{flag}` has 1 to {longest} bytes (`sync.name_bytes_max`); write such a one");
        }
    }
    Ok(())
}

fn claims(args: &MintArgs, now: Wall) -> anyhow::Result<Claims> {
    let scope = args.scope.join(" ");
    ScopeSet::parse(&scope)?;
    if let Some(unknown) = args.grant.iter().find(|name| Grant::named(name).is_none()) {
        bail!("{unknown:?} is no grant; there are {}", Grant::ALL.map(Grant::as_str).join(", "));
    }
    let jti = match args.jti.as_str() {
        "" => bail!("the token's jti is empty; leave `--jti` out to have one drawn"),
        "auto" => format!("{:032x}", rand::random::<u128>()),
        jti => jti.to_owned(),
    };
    Ok(Claims {
        iat: Some(now),
        jti: Some(jti),
        scope: Some(scope).filter(|scope| !scope.is_empty()),
        room: args.room.clone(),
        grants: (!args.grant.is_empty()).then(|| args.grant.clone()),
        name: args.name.clone(),
        db_id: args.db.clone(),
        device_id: args.device.clone(),
        ..Claims::new(args.sub.clone(), now + args.ttl)
    })
}

/// The token is good without it, so its absence is told and no error. A data directory is not made for it.
fn keep(config: &Config, minted: &Minted, now: Wall) -> std::io::Result<()> {
    MintedTokens::open(&config.data.dir)?.add(minted, now)
}
