//! What commands share that ask the administration API of a running server.

pub(super) mod text;

use anyhow::{Context as _, bail};
use http::Method;
use sangam_probe::{ApiAnswer, Bounds, Trust, api};
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let trust = Trust::load(args.ca_file.as_deref())?;
    let token = Given::API_TOKEN.read(args.token_file.as_deref())?;
    let bounds = Bounds { timeout: args.timeout, trust: &trust, progress: &|_| {} };
    let path = format!("{}{}", subject.base, asked.path);
    let answer = runtime.block_on(api(&args.url, asked.method, &path, token.as_ref(), asked.body.as_ref(), bounds));
    // A look-up of a name cannot be taken back and must not hold the end up.
    runtime.shutdown_background();
    let ApiAnswer { status, body } = match answer? {
        Ok(answer) => answer,
        Err(fault) => bail!("{} gives no answer: {fault}; name the server with `--url`", args.url),
    };
    let is_fine = (200..300).contains(&status);
    if args.json {
        print(&format!("{body}\n"))?;
    } else if is_fine {
        print(&(subject.show)(&body))?;
    } else {
        let detail = body["detail"].as_str().unwrap_or(subject.is_none);
        print(&format!("{status}: {detail}\n"))?;
    }
    Ok(if is_fine { Verdict::Fine } else { Verdict::No })
}
