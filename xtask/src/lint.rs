use anyhow::Result;

use crate::repository::Repository;
use crate::steps::Steps;
use crate::{Verdict, check_layers, process, setup};

pub(crate) fn run(repository: &Repository) -> Result<Verdict> {
    let mut steps = Steps::new();
    steps.run("cargo tools", || setup::cargo_tools(repository).map(|()| true))?;
    check(repository, &mut steps, Licences::Checked)?;
    Ok(steps.finish())
}

/// Whether licences and sources of dependencies are checked: that needs cargo-deny.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Licences {
    Checked,
    CheckedIfInstalled,
}

/// Formatting, layers, licences, lints: in the order of their price.
pub(crate) fn check(repository: &Repository, steps: &mut Steps, licences: Licences) -> Result<()> {
    let passes = |arguments: &[&str]| process::passes(&mut repository.cargo(arguments));
    steps.run("format", || passes(&["fmt", "--all", "--check"]))?;
    steps.run("layers", || Ok(check_layers::run(repository)? == Verdict::Pass))?;
    if licences == Licences::Checked || process::answers(&mut repository.cargo(&["deny", "--version"])) {
        steps.run("licences and sources", || {
            passes(&["deny", "--all-features", "check", "licenses", "bans", "sources"])
        })?;
    } else {
        steps.leave_out("licences and sources", "cargo-deny is not installed");
    }
    steps.run("clippy", || passes(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    Ok(())
}
