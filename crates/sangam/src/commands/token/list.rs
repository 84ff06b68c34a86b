use anyhow::Context as _;
use sangam_auth::token::Claims;
use sangam_control::TokenRevocations;
use sangam_types::Wall;
use serde_json::{Value, json};

use super::saved_revocations;
use crate::Verdict;
use crate::cli::token::ListArgs;
use crate::clock::wall_now;
use crate::commands::api::text::table as columns;
use crate::minted_tokens::{Minted, MintedTokens};
use crate::output::print;
use crate::wall_text::rfc3339;

pub(super) fn run(args: &ListArgs) -> anyhow::Result<Verdict> {
    let config = args.sources.load()?.config;
    let now = wall_now();
    let minted = if config.data.dir.is_dir() {
        MintedTokens::open(&config.data.dir)
            .and_then(|list| list.prune(now))
            .with_context(|| format!("the list of minted tokens in {} cannot be read", config.data.dir.display()))?
    } else {
        Vec::new()
    };
    let revoked = saved_revocations(&config)?;
    let text = if args.json {
        let all: Vec<Value> = minted.iter().map(|one| object(one, &revoked, now)).collect();
        format!("{}\n", json!(all))
    } else {
        table(&minted, &revoked, now)
    };
    print(&text)?;
    Ok(Verdict::Fine)
}

fn is_revoked(minted: &Minted, revoked: &TokenRevocations, now: Wall) -> bool {
    revoked.revoked().load().cover(&minted.claims.identity(), now)
}

fn object(minted: &Minted, revoked: &TokenRevocations, now: Wall) -> Value {
    let mut object = json!(minted);
    object["revoked"] = json!(is_revoked(minted, revoked, now));
    object["expires"] = json!(rfc3339(minted.claims.exp));
    object
}

fn table(all: &[Minted], revoked: &TokenRevocations, now: Wall) -> String {
    if all.is_empty() {
        return "No token that was minted here is still good.\n".to_owned();
    }
    let row = |minted: &Minted| {
        let Minted { use_, note, claims } = minted;
        let allows = claims.grants.as_ref().map(|grants| grants.join(" ")).or_else(|| claims.scope.clone());
        [
            claims.jti.clone().unwrap_or_default(),
            claims.sub.clone(),
            use_.clone(),
            claims.room.clone().or_else(|| database(claims)).unwrap_or_else(|| "-".to_owned()),
            allows.unwrap_or_else(|| "-".to_owned()),
            rfc3339(claims.exp),
            if is_revoked(minted, revoked, now) { "revoked" } else { "good" }.to_owned(),
            note.clone().unwrap_or_default(),
        ]
        .to_vec()
    };
    let head = ["JTI", "SUB", "USE", "ROOM/DB", "ALLOWS", "EXPIRES", "STATE", "NOTE"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(all.iter().map(row)).collect();
    columns(&rows)
}

/// The database that it is good for, and the device if it names one.
fn database(claims: &Claims) -> Option<String> {
    let db = claims.db_id.as_ref()?;
    Some(claims.device_id.as_ref().map_or_else(|| db.clone(), |device| format!("{db}/{device}")))
}
