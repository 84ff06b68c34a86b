//! Installs what the tests need; quick when everything is there.

mod apt;
mod cargo_tools;
pub(crate) mod node;
mod python;

use anyhow::Result;

pub(crate) use self::cargo_tools::{Tool, cargo_tools, install as install_cargo_tool};
use crate::bench;
use crate::repository::Repository;

/// Everything `cargo xtask test` needs.
///
/// # Errors
/// What is missing and cannot be installed from here, with the line to run.
pub(crate) fn everything(repository: &Repository) -> Result<()> {
    apt::packages(repository)?;
    cargo_tools(repository)?;
    node::packages(repository)?;
    bench::install_peers(repository)?;
    python::environment(repository)
}

/// Whether `stamp` says that `source` was installed as it is now.
fn is_current(stamp: &std::path::Path, source: &std::path::Path) -> bool {
    matches!((std::fs::read(stamp), std::fs::read(source)), (Ok(installed), Ok(wanted)) if installed == wanted)
}
