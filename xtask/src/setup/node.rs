use std::fs;

use anyhow::{Context, Result};

use super::is_current;
use crate::process;
use crate::repository::Repository;

/// Debian's certificates: Node has a list of its own and does not look here unless told.
const SYSTEM_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The clients in `tests/interop/package-lock.json`, exactly as locked and without running their install scripts.
pub(super) fn packages(repository: &Repository) -> Result<()> {
    let dir = repository.path("tests/interop");
    let lock = dir.join("package-lock.json");
    let stamp = dir.join("node_modules/.installed-lock.json");
    if is_current(&stamp, &lock) {
        return Ok(());
    }
    let mut command = repository.command("npm");
    command.current_dir(&dir).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    if std::env::var_os("NODE_EXTRA_CA_CERTS").is_none() && fs::exists(SYSTEM_CERTIFICATES)? {
        command.env("NODE_EXTRA_CA_CERTS", SYSTEM_CERTIFICATES);
    }
    process::must_pass(&mut command)?;
    fs::copy(&lock, &stamp).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(())
}
