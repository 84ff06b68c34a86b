//! `sangam token mint / verify`.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use sangam_auth::scope::ScopeSet;
use sangam_auth::token::{Claims, Keyring, Use};
use serde_json::json;

use crate::Verdict;
use crate::cli::{ConfigArgs, MintArgs, TokenArgs, TokenCommand, TokenUse, VerifyArgs};
use crate::clock::wall_now;
use crate::generated_secrets::GeneratedSecrets;
use crate::options::auth::keyring_of;
use crate::output::print;

pub(crate) fn run(args: &TokenArgs) -> anyhow::Result<Verdict> {
    match &args.command {
        TokenCommand::Mint(args) => mint(args),
        TokenCommand::Verify(args) => verify(args),
    }
}

fn mint(args: &MintArgs) -> anyhow::Result<Verdict> {
    let (use_, keyring) = keys(&args.sources, args.use_)?;
    let scope = args.scope.join(" ");
    ScopeSet::parse(&scope)?;
    if use_ == Use::Admin && scope.is_empty() {
        bail!(
            "a token for the administration API needs a scope; add `--scope metrics:read`, `admin:read` or `admin:write`"
        );
    }
    let now = wall_now();
    let claims = Claims {
        iat: Some(now),
        scope: Some(scope).filter(|scope| !scope.is_empty()),
        ..Claims::new(args.sub.clone(), now + args.ttl)
    };
    let token = keyring.mint(use_, &claims).context("the token could not be minted")?;
    let text =
        if args.json { json!({ "token": token, "use": use_.as_str(), "claims": claims }).to_string() } else { token };
    print(&format!("{text}\n"))?;
    Ok(Verdict::Fine)
}

fn verify(args: &VerifyArgs) -> anyhow::Result<Verdict> {
    let (use_, keyring) = keys(&args.sources, args.use_)?;
    let mut token = String::new();
    std::io::stdin().take(TOKEN_BYTES_MAX).read_to_string(&mut token).context("no token came on standard input")?;
    let verified = keyring.verify(token.trim(), use_, wall_now());
    let verdict = if verified.is_ok() { Verdict::Fine } else { Verdict::No };
    let text = match (verified, args.json) {
        (Ok(claims), true) => json!({ "ok": true, "claims": claims }).to_string(),
        (Ok(claims), false) => format!("The token is good: {}", json!(claims)),
        (Err(refusal), true) => {
            json!({ "ok": false, "code": refusal.as_str(), "detail": refusal.to_string() }).to_string()
        }
        (Err(refusal), false) => format!("The token is refused: {refusal}."),
    };
    print(&format!("{text}\n"))?;
    Ok(verdict)
}

/// More than any token that is accepted has.
const TOKEN_BYTES_MAX: u64 = 64 * 1_024;

/// The keys of a use: the configured ones, or the one that the server made in its data directory.
fn keys(sources: &ConfigArgs, use_: TokenUse) -> anyhow::Result<(Use, Keyring)> {
    let config = sources.load()?.config;
    let (use_, configured, generated): (_, _, fn(&Path) -> _) = match use_ {
        TokenUse::Admin => (Use::Admin, &config.auth.admin_keys[..], GeneratedSecrets::admin_key_of),
        TokenUse::Signal => (Use::Signal, &config.auth.signal_keys[..], GeneratedSecrets::signal_key_of),
    };
    let keyring = if configured.is_empty() {
        keyring_of(&config.auth, &[generated(&config.data.dir)?], use_)?
    } else {
        keyring_of(&config.auth, configured, use_)?
    };
    Ok((use_, keyring))
}
