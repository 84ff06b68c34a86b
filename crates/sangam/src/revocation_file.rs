use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sangam_control::{Revocation, RevocationStore, RevokedName, RevokedToken};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::durable_file;

/// Where what is revoked lasts: a file in the data directory.
#[derive(Debug)]
pub(crate) struct RevocationFile {
    path: PathBuf,
}

/// Why the file cannot be used. Without it the server would let in whom somebody has shut out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RevocationFileError {
    /// It is there and cannot be read.
    #[error("the revocations in {} cannot be read; check the file's owner and permissions", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// It does not hold what it should.
    #[error("the revocations in {} are damaged; restore the file, or delete it to let the revoked names in again", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
}

/// What can be revoked in a file of its own.
pub(crate) trait Revocable: Serialize + DeserializeOwned {
    /// The file's name.
    const FILE: &'static str;
}

impl Revocable for RevokedName {
    const FILE: &'static str = "relay-revocations.json";
}

impl Revocable for RevokedToken {
    const FILE: &'static str = "token-revocations.json";
}

impl RevocationFile {
    /// The file of this data directory, and what it holds. It is made with the first revocation.
    pub(crate) fn open<N: Revocable>(data_dir: &Path) -> Result<(Self, Vec<Revocation<N>>), RevocationFileError> {
        let path = data_dir.join(N::FILE);
        let saved = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| RevocationFileError::Damaged { path: path.clone(), source })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(RevocationFileError::Unreadable { path, source }),
        };
        Ok((Self { path }, saved))
    }
}

impl<N: Revocable> RevocationStore<N> for RevocationFile {
    fn save(&self, revocations: &[Revocation<N>]) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(revocations)?;
        text.push(b'\n');
        durable_file::replace(&self.path, &text)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use sangam_control::RevokedName;
    use sangam_types::Wall;

    use super::*;

    #[test]
    fn what_is_saved_is_there_at_the_next_start_for_its_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (file, saved) = RevocationFile::open::<RevokedName>(dir.path()).unwrap();
        assert_eq!(saved, []);
        let revocation = |name: &str, until| Revocation {
            name: RevokedName::User(name.to_owned()),
            since: Wall::from_unix_secs(1_700_000_000),
            until,
        };
        let all = [revocation("alice", None), revocation("bob/1", Some(Wall::from_unix_secs(1_800_000_000)))];
        file.save(&all).unwrap();
        assert_eq!(RevocationFile::open(dir.path()).unwrap().1, all);
        assert_eq!(fs::metadata(&file.path).unwrap().mode() & 0o777, 0o600);
        RevocationStore::<RevokedName>::save(&file, &[]).unwrap();
        assert_eq!(RevocationFile::open::<RevokedName>(dir.path()).unwrap().1, []);
        assert_eq!(RevocationFile::open::<RevokedToken>(dir.path()).unwrap().1, []);
    }

    #[test]
    fn a_damaged_file_is_refused_with_the_mend() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("relay-revocations.json"), "[{").unwrap();
        let error = RevocationFile::open::<RevokedName>(dir.path()).unwrap_err().to_string();
        assert!(error.contains("are damaged; restore the file, or delete it"), "{error}");
    }
}
