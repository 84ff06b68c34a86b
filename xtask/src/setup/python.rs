use std::fs;

use anyhow::{Context, Result};

use super::is_current;
use crate::process;
use crate::repository::Repository;

/// A virtual environment with `tests/interop/requirements.txt`, at `target/interop-venv`.
pub(super) fn environment(repository: &Repository) -> Result<()> {
    let venv = repository.target().join("interop-venv");
    let requirements = repository.path("tests/interop/requirements.txt");
    let stamp = venv.join("installed-requirements.txt");
    if is_current(&stamp, &requirements) {
        return Ok(());
    }
    process::must_pass(repository.command("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let mut install = repository.command(venv.join("bin/python"));
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
    ]);
    process::must_pass(install.arg("--requirement").arg(&requirements))?;
    fs::copy(&requirements, &stamp).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(())
}
