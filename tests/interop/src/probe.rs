use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use sangam_testkit::{Program, sangam_binary};
use serde_json::Value;

/// A `sangam probe` that is about to run.
#[derive(Debug)]
pub struct Probe {
    command: Command,
}

/// What it said.
#[derive(Debug)]
pub struct Probed {
    /// Its exit code.
    pub code: Option<i32>,
    /// The object it printed with `--json`; null if it could not run.
    pub report: Value,
    /// Everything it printed.
    pub output: String,
}

/// Above what a probe may wait with the timeouts that the tests give it.
const LIMIT: Duration = Duration::from_secs(60);

impl Probe {
    /// `sangam probe WORDS --json`, with an empty environment.
    ///
    /// # Errors
    /// There is no binary to test.
    pub fn new(words: &[&str]) -> Result<Self> {
        let mut command = Command::new(sangam_binary()?);
        command.env_clear().arg("probe").args(words).arg("--json");
        Ok(Self { command })
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It does not start or does not end.
    pub fn run(mut self) -> Result<Probed> {
        let ended = Program::start(&mut self.command)?.wait(LIMIT)?;
        let report = ended.output.lines().rfind(|line| line.starts_with('{'));
        let report =
            report.map(serde_json::from_str).transpose().context("it printed broken JSON")?.unwrap_or_default();
        Ok(Probed { code: ended.status.code(), report, output: ended.output })
    }
}

impl Probed {
    /// The text of the first finding that is `mark`ed so: what was said, the cause and the mend.
    #[must_use]
    pub fn finding(&self, mark: &str) -> String {
        let findings = self.report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = findings.iter().find(|finding| finding["mark"] == mark);
        found.map(Value::to_string).unwrap_or_default()
    }
}
