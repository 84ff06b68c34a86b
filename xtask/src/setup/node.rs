use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::is_current;
use crate::process;
use crate::repository::Repository;

/// Debian's certificates: Node has a list of its own and does not look here unless told.
const SYSTEM_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The clients in `tests/interop/package-lock.json`.
pub(super) fn packages(repository: &Repository) -> Result<()> {
    install(repository, &repository.path("tests/interop"))
}

/// What a directory's `package-lock.json` names, exactly as locked and without running install scripts.
///
/// # Errors
/// There is no npm, or it cannot get them.
pub(crate) fn install(repository: &Repository, dir: &Path) -> Result<()> {
    if is_installed(dir) {
        return Ok(());
    }
    let mut command = repository.command("npm");
    command.current_dir(dir).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    if std::env::var_os("NODE_EXTRA_CA_CERTS").is_none() && fs::exists(SYSTEM_CERTIFICATES)? {
        command.env("NODE_EXTRA_CA_CERTS", SYSTEM_CERTIFICATES);
    }
    process::must_pass(&mut command)?;
    let (lock, stamp) = (dir.join("package-lock.json"), stamp(dir));
    fs::copy(&lock, &stamp).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(())
}

/// Whether a directory has what its lock file names.
pub(crate) fn is_installed(dir: &Path) -> bool {
    is_current(&stamp(dir), &dir.join("package-lock.json"))
}

fn stamp(dir: &Path) -> PathBuf {
    dir.join("node_modules/.installed-lock.json")
}
