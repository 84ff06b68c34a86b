use std::process::Command;

use anyhow::{Result, ensure};
use sangam_testkit::{Program, WAIT_MAX, profile_dir};

use crate::script::Script;

/// A server with the reference application (`peers/socketio_application.mjs`); stopped when dropped.
#[derive(Debug)]
pub struct ReferenceServer {
    program: Program,
    url: String,
}

impl ReferenceServer {
    fn listening(mut program: Program) -> Result<Self> {
        let url = program.wait_for_line("where it listens", WAIT_MAX, |line| {
            line.strip_prefix("listening ").map(|url| url.trim().to_owned())
        })?;
        Ok(Self { program, url })
    }

    /// `http://address:port`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it by SIGTERM; answers what it said.
    ///
    /// # Errors
    /// It had died before, or had to be killed.
    pub fn stop(self) -> Result<String> {
        let ended = self.program.stop()?;
        ensure!(ended.status.success(), "it ended with {}:\n{}", ended.status, ended.output);
        Ok(ended.output)
    }
}

/// Node's socket.io with these flags; `fault` spoils it on purpose (`peers/socketio_faults.mjs`).
///
/// # Errors
/// It does not start.
pub fn node_reference(flags: &[String], fault: Option<&str>) -> Result<ReferenceServer> {
    let mut script = Script::node("peers/socketio_reference.mjs");
    for flag in flags {
        script = script.argument(flag);
    }
    if let Some(fault) = fault {
        script = script.option("fault", fault);
    }
    ReferenceServer::listening(script.start()?)
}

/// Our server with these flags: the example `reference` of `sangam-socketio`, built beside the running test.
///
/// # Errors
/// It is not built, or does not start.
pub fn our_reference_server(flags: &[String]) -> Result<ReferenceServer> {
    let example = profile_dir()?.join("examples/reference");
    ensure!(
        example.is_file(),
        "nothing to test at {}: run `cargo build --package sangam-socketio --example reference`",
        example.display()
    );
    ReferenceServer::listening(Program::start(Command::new(example).args(flags))?)
}
