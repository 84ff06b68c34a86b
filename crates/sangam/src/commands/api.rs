//! What commands share that ask the administration API of a running server.

pub(super) mod text;

use anyhow::{Context as _, bail};
use http::Method;
use sangam_probe::{ApiAnswer, ApiRequest, Bounds, Trust, api};
use secrecy::SecretString;
use serde_json::Value;

use crate::Verdict;
use crate::cli::api::ApiArgs;
use crate::commands::probe::given::Given;
use crate::output::print;

/// What is asked of the API.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) method: Method,
    /// Below the part of the API that the command is about.
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

/// A part of the API, and how people read its answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// What stands before [`Asked::path`].
    pub(super) base: &'static str,
    /// A good answer as text.
    pub(super) show: fn(&Value) -> String,
    /// What is said of a server that refuses without a reason.
    pub(super) is_none: &'static str,
}

/// Asks and prints what is answered: as it is for `--json`, else for people.
pub(super) fn run(args: &ApiArgs, subject: Subject, asked: Asked) -> anyhow::Result<Verdict> {
    run_once(args, subject, asked, None)
}

/// As [`run`]; the same request with the same key is done once, however often it is sent.
pub(super) fn run_once(
    args: &ApiArgs,
    subject: Subject,
    asked: Asked,
    idempotency_key: Option<&str>,
) -> anyhow::Result<Verdict> {
    let path = format!("{}{}", subject.base, asked.path);
    let body = asked.body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
    let token = token(args)?;
    let answer = ask(args, token.as_ref(), ApiRequest { method: asked.method, path: &path, body, idempotency_key })?;
    told(args, subject, &answer)
}

/// What changes something comes with it.
pub(super) fn token(args: &ApiArgs) -> anyhow::Result<Option<SecretString>> {
    Given::API_TOKEN.read(args.token_file.as_deref())
}

/// Asks.
pub(super) fn ask(args: &ApiArgs, token: Option<&SecretString>, request: ApiRequest<'_>) -> anyhow::Result<ApiAnswer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let trust = Trust::load(args.ca_file.as_deref())?;
    let bounds = Bounds { timeout: args.timeout, trust: &trust, progress: &|_| {} };
    let answer = runtime.block_on(api(&args.url, request, token, bounds));
    // A look-up of a name cannot be taken back and must not hold the end up.
    runtime.shutdown_background();
    match answer? {
        Ok(answer) => Ok(answer),
        Err(fault) => bail!("{} gives no answer: {fault}; name the server with `--url`", args.url),
    }
}

/// Prints what was answered.
pub(super) fn told(args: &ApiArgs, subject: Subject, answer: &ApiAnswer) -> anyhow::Result<Verdict> {
    let ApiAnswer { status, body } = answer;
    let is_fine = (200..300).contains(status);
    if args.json {
        print(&format!("{body}\n"))?;
    } else if is_fine {
        print(&(subject.show)(body))?;
    } else {
        let detail = body["detail"].as_str().unwrap_or(subject.is_none);
        print(&format!("{status}: {detail}\n"))?;
    }
    Ok(if is_fine { Verdict::Fine } else { Verdict::No })
}
