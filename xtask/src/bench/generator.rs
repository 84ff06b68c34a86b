use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use super::place::{Core, Priority};
use crate::process;
use crate::repository::Repository;

/// Runs a load generator on its core, it and the server of that process id at the priority, and reads its one line.
pub(super) fn outcome<T: DeserializeOwned>(
    repository: &Repository,
    generator: &Path,
    server_pid: u32,
    priority: Priority,
    arguments: &[String],
) -> Result<T> {
    let _raised = priority.raise(repository, server_pid);
    let mut command = priority.command(repository, Core::Generator, generator);
    outcome_of(command.args(arguments))
}

/// Runs a load generator as it is set up, and reads its one line.
pub(super) fn outcome_of<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
    let said = process::output_of(command)?;
    serde_json::from_str(&said).with_context(|| format!("the generator said {said}"))
}
