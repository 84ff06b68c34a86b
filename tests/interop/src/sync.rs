use std::process::Command;

use anyhow::{Context, Result, ensure};
use sangam_testkit::{Program, Server, ServerBuilder, WAIT_MAX, sangam_binary};
use serde_json::Value;

use crate::Script;

/// What tokens of sync are signed with in tests.
pub const SYNC_SECRET: &str = "hv7Qm2xTz9LrWc4NbK8sYd1PfJ6uGe3A0oXi5Rta";

/// Ours, with what its clients' environment gives it: the secret, and a rate that no test but one comes near.
#[must_use]
pub fn our_sync_server() -> ServerBuilder {
    let unlimited = |builder: ServerBuilder, key| builder.set(key, "1000000");
    // A failed test shows the log: without a line for each request it can be read.
    let builder = Server::builder().environment("JWT_SECRET", SYNC_SECRET).set("sync.log_requests", "false");
    ["sync.rate.requests_per_sec", "sync.rate.burst"].into_iter().fold(builder, unlimited)
}

/// Runs one scenario (`clients/entidb_sync`) against the server at `url`: what its devices saw.
///
/// # Errors
/// The scenario fails or takes too long: the message holds its output.
pub fn sync_scenario(url: &str, scenario: &str) -> Result<Value> {
    sync_script(url, scenario)?.run()
}

/// As [`sync_scenario`], to add options or to start it without waiting.
///
/// # Errors
/// As [`Script::python`].
pub fn sync_script(url: &str, scenario: &str) -> Result<Script> {
    let script = Script::python("clients/sync_scenario.py")?.environment("PYTHONDONTWRITEBYTECODE", "1");
    Ok(script.option("url", url).option("secret", SYNC_SECRET).option("scenario", scenario))
}

/// A token as `sangam token mint` makes it for sync.
///
/// # Errors
/// There is no binary to test, or it refuses.
pub fn sync_token(db: Option<&str>, device: Option<&str>) -> Result<String> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new(sangam_binary()?);
    command.env_clear().current_dir(home.path()).env("JWT_SECRET", SYNC_SECRET);
    command.args(["token", "mint", "--use", "sync", "--data-dir", "data"]);
    for (name, value) in [("--db", db), ("--device", device)] {
        command.args(value.into_iter().flat_map(|value| [name, value]));
    }
    let printed = command.output().context("the binary does not start")?;
    ensure!(printed.status.success(), "no token: {}", String::from_utf8_lossy(&printed.stderr));
    Ok(String::from_utf8(printed.stdout)?.trim().to_owned())
}

/// A model of the original sync server, its defects left in (`peers/entidb_original.py`).
#[derive(Debug)]
pub struct OriginalSyncServer {
    _program: Program,
    url: String,
}

impl OriginalSyncServer {
    /// Starts it with options of the script, on a free port.
    ///
    /// # Errors
    /// Python or its packages are not installed.
    pub fn start(options: &[(&str, &str)]) -> Result<Self> {
        let script = Script::python("peers/entidb_original.py")?.option("secret", SYNC_SECRET);
        let mut program = options.iter().fold(script, |script, (name, value)| script.option(name, value)).start()?;
        let port = |line: &str| serde_json::from_str::<Value>(line).ok()?.get("port")?.as_u64();
        let port = program.wait_for_line("its port", WAIT_MAX, port)?;
        Ok(Self { _program: program, url: format!("http://127.0.0.1:{port}") })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
