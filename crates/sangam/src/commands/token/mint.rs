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

fn claims(args: &MintArgs, now: Wall) -> anyhow::Result<Claims> {
    let scope = args.scope.join(" ");
    ScopeSet::parse(&scope)?;
    if args.use_ == TokenUse::Admin {
        if args.room.is_some() || args.name.is_some() || !args.grant.is_empty() {
            bail!("rooms, grants and display names are of signaling; add `--use signal`");
        }
        if scope.is_empty() {
            bail!(
                "a token for the administration API needs a scope; add `--scope metrics:read`, `admin:read` or \
                 `admin:write`"
            );
        }
    }
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
        ..Claims::new(args.sub.clone(), now + args.ttl)
    })
}

/// The token is good without it, so its absence is told and no error. A data directory is not made for it.
fn keep(config: &Config, minted: &Minted, now: Wall) -> std::io::Result<()> {
    MintedTokens::open(&config.data.dir)?.add(minted, now)
}
