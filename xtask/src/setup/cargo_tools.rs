use anyhow::Result;

use crate::process;
use crate::repository::Repository;

/// A cargo subcommand installed from source, at a version that this toolchain builds.
pub(crate) struct Tool {
    /// `cargo <subcommand>`
    pub(crate) subcommand: &'static str,
    pub(crate) version: &'static str,
}

const NEXTEST: Tool = Tool { subcommand: "nextest", version: "0.9.143" };
const DENY: Tool = Tool { subcommand: "deny", version: "0.20.2" };

/// rustfmt, clippy, nextest and cargo-deny.
pub(crate) fn cargo_tools(repository: &Repository) -> Result<()> {
    for component in ["fmt", "clippy"] {
        if !process::answers(&mut repository.cargo(&[component, "--version"])) {
            let component = component.replace("fmt", "rustfmt");
            process::must_pass(repository.command("rustup").args(["component", "add", &component]))?;
        }
    }
    install(repository, &NEXTEST)?;
    install(repository, &DENY)
}

/// Installs a tool unless some version of it is there.
pub(crate) fn install(repository: &Repository, tool: &Tool) -> Result<()> {
    if process::answers(&mut repository.cargo(&[tool.subcommand, "--version"])) {
        return Ok(());
    }
    let package = format!("cargo-{}", tool.subcommand);
    process::must_pass(&mut repository.cargo(&["install", &package, "--version", tool.version, "--locked"]))
}
