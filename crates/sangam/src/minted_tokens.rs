//! What was minted with a data directory, for those who look for a token to revoke.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sangam_auth::token::Claims;
use sangam_types::Wall;
use serde::{Deserialize, Serialize};

use crate::durable_file;

/// One token, without the token: it cannot be made from this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Minted {
    /// `admin`, `signal`, `sync`.
    #[serde(rename = "use")]
    pub(crate) use_: String,
    /// As [`crate::cli::token::MintArgs::note`] had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub(crate) claims: Claims,
}

/// The list: `minted-tokens` in the data directory, one token a line in JSON.
#[derive(Debug)]
pub(crate) struct MintedTokens {
    path: PathBuf,
    /// Held while the list is read or written, by one process at a time.
    _lock: File,
}

/// Longer than this, what has expired is taken out before a token is added.
const BYTES_MAX: u64 = 1 << 20;

impl MintedTokens {
    /// The list of a data directory, which this process alone uses while the value lives. Waits for others.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let lock = private().write(true).open(data_dir.join("minted-tokens.lock"))?;
        lock.lock()?;
        Ok(Self { path: data_dir.join("minted-tokens"), _lock: lock })
    }

    /// Adds one.
    pub(crate) fn add(&self, minted: &Minted, now: Wall) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() > BYTES_MAX) {
            self.prune(now)?;
        }
        let line = format!("{}\n", serde_json::to_string(minted)?);
        let mut file = private().append(true).open(&self.path)?;
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }

    /// Those that have not expired, the oldest first. Lines that cannot be read are left out.
    pub(crate) fn read(&self, now: Wall) -> io::Result<Vec<Minted>> {
        let text = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let all = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Minted>(line).ok());
        Ok(all.filter(|minted| now < minted.claims.exp).collect())
    }

    /// Takes out what has expired, and returns the rest.
    pub(crate) fn prune(&self, now: Wall) -> io::Result<Vec<Minted>> {
        let left = self.read(now)?;
        let mut text = Vec::new();
        for minted in &left {
            serde_json::to_writer(&mut text, minted)?;
            text.push(b'\n');
        }
        if fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() != text.len() as u64) {
            durable_file::replace(&self.path, &text)?;
        }
        Ok(left)
    }
}

fn private() -> OpenOptions {
    let mut options = File::options();
    options.create(true).truncate(false).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn minted(jti: &str, exp: u64) -> Minted {
        let claims = Claims { jti: Some(jti.to_owned()), ..Claims::new("alice", Wall::from_unix_secs(exp)) };
        Minted { use_: "signal".to_owned(), note: Some("for the hall".to_owned()), claims }
    }

    #[test]
    fn what_was_minted_is_listed_until_it_expires_and_then_taken_out() {
        let dir = tempfile::tempdir().unwrap();
        let list = MintedTokens::open(dir.path()).unwrap();
        let now = Wall::from_unix_secs(100);
        assert_eq!(list.prune(now).unwrap(), []);
        for one in [minted("a", 200), minted("b", 300)] {
            list.add(&one, now).unwrap();
        }
        OpenOptions::new().append(true).open(&list.path).unwrap().write_all(b"{torn\n").unwrap();
        assert_eq!(list.prune(now).unwrap(), [minted("a", 200), minted("b", 300)]);
        assert_eq!(list.prune(Wall::from_unix_secs(200)).unwrap(), [minted("b", 300)]);
        assert_eq!(fs::read_to_string(&list.path).unwrap().lines().count(), 1);
        assert_eq!(fs::metadata(&list.path).unwrap().mode() & 0o777, 0o600);
    }
}
