use std::process::Command;

use anyhow::{Context as _, Result};
use sangam_testkit::{Program, Signal, WAIT_MAX, sangam_binary};
use serde_json::Value;

/// A fleet that runs until it is told to end.
pub(crate) struct Fleet(Program);

/// Agents of many kinds: quirks, sessions in segments, values that change by themselves. None of this seed asks to be taken on at
/// each boot, so that who asks was reset.
const KINDS: [&str; 19] = [
    "--devices",
    "6",
    "--first",
    "3",
    "--quirks",
    "0.6",
    "--sessions",
    "0.4",
    "--change-every",
    "3s",
    "--interval",
    "2s",
    "--boot-within",
    "0s",
    "--seconds",
    "3600",
    "--seed",
    "14",
    "--json",
];

impl Fleet {
    pub(crate) const DEVICES: usize = 6;

    pub(crate) fn start(url: &str, words: &[&str]) -> Result<Self> {
        let mut command = Command::new(sangam_binary()?);
        command.env_clear().args(["simulate", "usp", url]).args(KINDS).args(words);
        Ok(Self(Program::start(&mut command)?))
    }

    /// Ends it as Ctrl-C does; what came of it.
    pub(crate) fn end(mut self) -> Result<Value> {
        self.0.signal(Signal::INT)?;
        let ended = self.0.wait(WAIT_MAX)?;
        let line = ended.output.lines().rfind(|line| line.starts_with('{')).context("it printed no report")?;
        Ok(serde_json::from_str(line)?)
    }
}
