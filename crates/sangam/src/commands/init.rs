//! `sangam init`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use sangam_config::{GeneratedSecrets, Secret, template};

use crate::Verdict;
use crate::cli::InitArgs;
use crate::generated_secrets::{random_key, random_text};
use crate::output::print;

/// Why the file was not written.
#[derive(Debug, thiserror::Error)]
enum InitError {
    /// Somebody may need what is there.
    #[error("{} is there already and is left as it is; move it away, or name another file with `--config`", path.display())]
    Exists { path: PathBuf },
    /// The system refused.
    #[error("{} cannot be written; check that its directory exists and that this user may write there", path.display())]
    NotWritten { path: PathBuf, source: io::Error },
}

pub(crate) fn run(args: &InitArgs) -> anyhow::Result<Verdict> {
    let secrets = GeneratedSecrets {
        relay: Secret::new(random_text()),
        admin_key: Secret::new(random_key()),
        signal_key: Secret::new(random_key()),
        sync_key: Secret::new(random_key()),
    };
    let path = &args.config;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(template(&secrets).as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => InitError::Exists { path: path.clone() },
        _ => InitError::NotWritten { path: path.clone(), source },
    })?;
    print(&format!(
        "{} is written, with secrets of its own: only this user can read it.\nNext: `sangam config check`, then `sangam serve`.\n",
        path.display()
    ))?;
    Ok(Verdict::Fine)
}
