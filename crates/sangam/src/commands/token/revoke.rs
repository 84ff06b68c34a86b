use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use http::Method;
use sangam_auth::token::{Claims, Use};
use sangam_config::Config;
use sangam_control::{Revocation, RevokedToken};
use sangam_net::http::percent_encoded;
use sangam_probe::{ApiAnswer, ApiRequest, Bounds, Trust, api};
use sangam_types::Wall;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{keys, saved_revocations};
use crate::Verdict;
use crate::cli::token::{RestoreArgs, RevokeArgs, ServerArgs, TokenUse};
use crate::clock::wall_now;
use crate::commands::probe::given::Given;
use crate::data_dir::{DataDir, DataDirError};
use crate::minted_tokens::MintedTokens;
use crate::output::print;
use crate::wall_text::rfc3339;

/// Where it is done.
enum Place {
    /// By the server at this URL.
    Server(String),
    /// In the file of a data directory that no server uses, nor can while the value lives.
    File(#[expect(dead_code, reason = "held for its lock")] DataDir),
}

/// What came of it.
struct Outcome {
    verdict: Verdict,
    json: Value,
    text: String,
}

pub(super) fn revoke(args: &RevokeArgs) -> anyhow::Result<Verdict> {
    let config = args.sources.load()?.config;
    let now = wall_now();
    let place = place(&config, &args.server)?;
    let Some(name) = name_of(args.jti.as_ref(), args.sub.as_ref()) else {
        let outcome = match place {
            Place::Server(url) => ask(&config, &args.server, &url, Method::GET, "", None)?,
            Place::File(_) => fine(json!({ "data": saved_revocations(&config)?.list(now) })),
        };
        return show(&outcome, &args.server);
    };
    let until = args.until.map(wall_of).or_else(|| end_of(&config, &name));
    let outcome = match place {
        Place::Server(url) => {
            let mut body = json!(name);
            body["until"] = json!(until.map(rfc3339));
            ask(&config, &args.server, &url, Method::POST, "", Some(&body))?
        }
        Place::File(_) => {
            let revocation = Revocation { name, since: now, until };
            saved_revocations(&config)?.put(revocation.clone())?;
            fine(json!(revocation))
        }
    };
    show(&outcome, &args.server)
}

pub(super) fn restore(args: &RestoreArgs) -> anyhow::Result<Verdict> {
    let config = args.sources.load()?.config;
    let name = name_of(args.jti.as_ref(), args.sub.as_ref()).context("name a token or a subject")?;
    let outcome = match place(&config, &args.server)? {
        Place::Server(url) => {
            let query = match &name {
                RevokedToken::Jti(jti) => format!("?jti={}", percent_encoded(jti)),
                RevokedToken::Sub(sub) => format!("?sub={}", percent_encoded(sub)),
            };
            ask(&config, &args.server, &url, Method::DELETE, &query, None)?
        }
        Place::File(_) if saved_revocations(&config)?.take_back(&name, wall_now())? => fine(Value::Null),
        Place::File(_) => Outcome {
            verdict: Verdict::No,
            json: json!({ "code": "revocation_not_found" }),
            text: "That name is not revoked.\n".to_owned(),
        },
    };
    show(&outcome, &args.server)
}

fn show(outcome: &Outcome, args: &ServerArgs) -> anyhow::Result<Verdict> {
    print(&if args.json { format!("{}\n", outcome.json) } else { outcome.text.clone() })?;
    Ok(outcome.verdict)
}

fn name_of(jti: Option<&String>, sub: Option<&String>) -> Option<RevokedToken> {
    jti.cloned().map(RevokedToken::Jti).or_else(|| sub.cloned().map(RevokedToken::Sub))
}

fn wall_of(time: SystemTime) -> Wall {
    Wall::from_unix_secs(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

/// When a token that was minted here, and all that may have been renewed from it, are over. `None`: nobody knows.
fn end_of(config: &Config, name: &RevokedToken) -> Option<Wall> {
    let RevokedToken::Jti(jti) = name else { return None };
    let all = MintedTokens::open(&config.data.dir).ok()?.read(wall_now()).ok()?;
    let minted = all.into_iter().find(|minted| minted.claims.jti.as_ref() == Some(jti))?;
    let renewed = minted.claims.iat.filter(|_| minted.use_ == Use::Signal.as_str());
    let last = renewed.map_or(minted.claims.exp, |iat| minted.claims.exp.max(iat + config.auth.renew_max.get()));
    // To the next whole second, which is what a time without milliseconds can say.
    Some(last + config.auth.leeway.get() + Duration::from_secs(1))
}

/// A server that runs with this data directory keeps what is revoked in memory, so it has to be told.
fn place(config: &Config, args: &ServerArgs) -> anyhow::Result<Place> {
    if let Some(url) = &args.url {
        return Ok(Place::Server(url.clone()));
    }
    if !config.data.dir.is_dir() {
        bail!(
            "there is no data directory {}; name one with `--data-dir`, or a server with `--url`",
            config.data.dir.display()
        );
    }
    match DataDir::open(&config.data.dir) {
        Ok(data_dir) => Ok(Place::File(data_dir)),
        Err(DataDirError::InUse { .. }) => Ok(Place::Server(url_of(config)?)),
        Err(error) => Err(error.into()),
    }
}

/// The first address of the main listener, as seen from this machine.
fn url_of(config: &Config) -> anyhow::Result<String> {
    let listen = config.http.listen.first().map(|listen| listen.get()).filter(|listen| listen.port() != 0);
    let listen = listen.context("a server runs and its port is not in the configuration; name it with `--url`")?;
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Ok(format!("http://{}", SocketAddr::new(ip, listen.port())))
}

fn ask(
    config: &Config,
    args: &ServerArgs,
    url: &str,
    method: Method,
    query: &str,
    body: Option<&Value>,
) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let trust = Trust::load(args.ca_file.as_deref())?;
    let token = match Given::API_TOKEN.read(args.token_file.as_deref())? {
        Some(token) => token,
        None => own_token(config)?,
    };
    let bounds = Bounds { timeout: args.timeout, trust: &trust, progress: &|_| {} };
    let path = format!("/api/v1/tokens/revocations{query}");
    let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
    let request = ApiRequest { method, path: &path, body, idempotency_key: None };
    let answer = runtime.block_on(api(url, request, Some(&token), bounds));
    // A look-up of a name cannot be taken back and must not hold the end up.
    runtime.shutdown_background();
    let ApiAnswer { status, body } = match answer? {
        Ok(answer) => answer,
        Err(fault) => bail!("{url} gives no answer: {fault}; name the server with `--url`"),
    };
    if (200..300).contains(&status) {
        return Ok(fine(body));
    }
    let detail = body["detail"].as_str().unwrap_or("this is no administration API of a server");
    Ok(Outcome { verdict: Verdict::No, text: format!("{status}: {detail}\n"), json: body })
}

/// Who can read the keys may do all they allow.
fn own_token(config: &Config) -> anyhow::Result<SecretString> {
    let now = wall_now();
    let claims = Claims {
        iat: Some(now),
        scope: Some("admin:write".to_owned()),
        ..Claims::new("sangam token", now + Duration::from_secs(60))
    };
    Ok(keys(config, TokenUse::Admin)?.mint(Use::Admin, &claims)?.into())
}

fn fine(json: Value) -> Outcome {
    let text = match json["data"].as_array() {
        Some(all) if all.is_empty() => "Nothing is revoked.\n".to_owned(),
        Some(all) => all.iter().map(line).collect(),
        None if json.is_null() => "The revocation was taken back.\n".to_owned(),
        None => line(&json),
    };
    Outcome { verdict: Verdict::Fine, json, text }
}

fn line(revocation: &Value) -> String {
    let name = match (revocation["jti"].as_str(), revocation["sub"].as_str()) {
        (Some(jti), _) => format!("token {jti}"),
        (None, sub) => format!("tokens of {}", sub.unwrap_or("?")),
    };
    let until = revocation["until"].as_str().unwrap_or("for ever");
    format!("{name}: revoked since {}, until {until}\n", revocation["since"].as_str().unwrap_or("?"))
}
