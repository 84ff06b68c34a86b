use std::fs::File;
use std::io::{Read, stdin};

use anyhow::Context as _;
use sangam_auth::token::{Keyring, Signed, TokenRefusal, Use};
use sangam_config::Config;
use serde_json::{Map, Value, json};

use super::{keys, saved_revocations};
use crate::Verdict;
use crate::cli::token::{TokenUse, VerifyArgs};
use crate::clock::wall_now;
use crate::output::print;
use crate::wall_text::rfc3339;

/// More than any token that is accepted has.
const TOKEN_BYTES_MAX: u64 = 64 * 1_024;

/// What is known of a token.
struct Finding {
    /// Who signed it and what it says, if its signature fits.
    read: Option<(Use, Signed)>,
    refusal: Option<TokenRefusal>,
}

pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<Verdict> {
    let config = args.sources.load()?.config;
    let token = token(args)?;
    let rings = rings(&config, args.use_)?;
    let finding = finding(&rings, token.trim(), &config)?;
    let text = if args.json { finding.json().to_string() } else { finding.text() };
    print(&format!("{}\n", text.trim_end()))?;
    Ok(if finding.refusal.is_none() { Verdict::Fine } else { Verdict::No })
}

fn token(args: &VerifyArgs) -> anyhow::Result<String> {
    let read = |source: &mut dyn Read, what: String| {
        let mut token = String::new();
        source.take(TOKEN_BYTES_MAX).read_to_string(&mut token).map(|_| token).context(what)
    };
    match (&args.file, args.token.as_deref()) {
        (Some(path), _) => {
            let what = format!("the token file {} cannot be read", path.display());
            read(&mut File::open(path).with_context(|| what.clone())?, what)
        }
        (None, None | Some("-")) => read(&mut stdin(), "no token came on standard input".to_owned()),
        (None, Some(token)) => Ok(token.to_owned()),
    }
}

/// The keys of the use that was named, or of each use that has some.
fn rings(config: &Config, use_: Option<TokenUse>) -> anyhow::Result<Vec<(Use, Keyring)>> {
    let revoked = saved_revocations(config)?.revoked();
    let ring = |use_| Ok((Use::from(use_), keys(config, use_)?.with_revoked(std::sync::Arc::clone(&revoked))));
    if let Some(use_) = use_ {
        return Ok(vec![ring(use_)?]);
    }
    let (found, missing): (Vec<_>, Vec<_>) = TokenUse::ALL.map(ring).into_iter().partition(anyhow::Result::is_ok);
    if found.is_empty() { missing.into_iter().collect() } else { found.into_iter().collect() }
}

fn finding(rings: &[(Use, Keyring)], token: &str, config: &Config) -> anyhow::Result<Finding> {
    let mut refusal = None;
    for (use_, ring) in rings {
        match ring.read(token, *use_) {
            Ok(signed) => {
                let refusal = ring.judge(&signed.claims, wall_now()).err();
                return Ok(Finding { read: Some((*use_, signed)), refusal });
            }
            // That another key does not know it says less than that its own does not fit.
            Err(newer @ TokenRefusal::UnknownKey { .. }) => refusal = refusal.or(Some(newer)),
            Err(newer) => refusal = Some(newer),
        }
    }
    let refusal = refusal.with_context(|| format!("there is no key in {}", config.data.dir.display()))?;
    Ok(Finding { read: None, refusal: Some(refusal) })
}

impl Finding {
    fn json(&self) -> Value {
        let mut found = Map::new();
        found.insert("ok".to_owned(), json!(self.refusal.is_none()));
        if let Some(refusal) = &self.refusal {
            found.insert("code".to_owned(), json!(refusal.as_str()));
            found.insert("detail".to_owned(), json!(refusal.to_string()));
        }
        if let Some((use_, Signed { kid, claims })) = &self.read {
            found.insert("use".to_owned(), json!(use_.as_str()));
            found.insert("kid".to_owned(), json!(kid));
            found.insert("expires".to_owned(), json!(rfc3339(claims.exp)));
            found.insert("unknown_grants".to_owned(), json!(claims.unknown_grants().collect::<Vec<_>>()));
            found.insert("claims".to_owned(), json!(claims));
        }
        Value::Object(found)
    }

    fn text(&self) -> String {
        let mut text = match &self.refusal {
            None => "The token is good.\n".to_owned(),
            Some(refusal) => format!("The token is refused: {refusal} ({}).\n", refusal.as_str()),
        };
        let Some((use_, Signed { kid, claims })) = &self.read else { return text };
        text.push_str(&format!("use      {use_}, signed by the key {kid:?}\n"));
        text.push_str(&format!("expires  {}\n", rfc3339(claims.exp)));
        text.push_str(&format!("claims   {}\n", json!(claims)));
        let unknown: Vec<&str> = claims.unknown_grants().collect();
        if !unknown.is_empty() {
            text.push_str(&format!("ignored  grants that this server does not know: {}\n", unknown.join(", ")));
        }
        text
    }
}
