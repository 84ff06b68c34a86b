use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The `sangam` under test: `SANGAM_BIN`, else the one built beside the running test (`target/<profile>/sangam`).
///
/// # Errors
/// There is none; the message says how to build it.
pub fn sangam_binary() -> Result<PathBuf> {
    let binary = match std::env::var_os("SANGAM_BIN") {
        Some(path) => std::path::absolute(path)?,
        None => profile_dir()?.join("sangam"),
    };
    if !binary.is_file() {
        bail!("no binary to test at {}: run `cargo build --package sangam`, or set SANGAM_BIN", binary.display());
    }
    Ok(binary)
}

/// `target/<profile>` of the running test or program.
///
/// # Errors
/// The running program was moved out of the build directory.
pub fn profile_dir() -> Result<PathBuf> {
    let running = std::env::current_exe().context("cannot tell where this test runs from")?;
    profile_dir_of(&running)
        .map(Path::to_owned)
        .with_context(|| format!("{} is not in a build directory", running.display()))
}

fn profile_dir_of(executable: &Path) -> Option<&Path> {
    let dir = executable.parent()?;
    if dir.ends_with("deps") { dir.parent() } else { Some(dir) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_programs_find_their_profile() {
        let profile = Some(Path::new("/t/debug"));
        assert_eq!(profile_dir_of(Path::new("/t/debug/deps/first_light-0123")), profile);
        assert_eq!(profile_dir_of(Path::new("/t/debug/xtask")), profile);
    }
}
