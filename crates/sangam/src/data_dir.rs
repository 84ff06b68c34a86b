//! The data directory: made with mode 0700, used by one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A data directory that this process alone uses, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// It cannot be made.
    #[error("the data directory {} cannot be made; choose another with `--data-dir` or make it yourself", path.display())]
    NotMade { path: PathBuf, source: io::Error },
    /// It cannot be looked at or written to.
    #[error("the data directory {} cannot be used; check its owner and permissions, or choose another with `--data-dir`", path.display())]
    NotUsable { path: PathBuf, source: io::Error },
    /// Something else is there.
    #[error("the data directory {} is not a directory; move it away, or choose another with `--data-dir`", path.display())]
    NotADirectory { path: PathBuf },
    /// Another user's.
    #[error("the data directory {} belongs to user {owner} and this process runs as user {user}; run it as that user, or `chown {user}` the directory", path.display())]
    OtherOwner { path: PathBuf, owner: u32, user: u32 },
    /// Other users could read the secrets in it.
    #[error("the data directory {} is open to other users (mode {mode:04o}); run `chmod 700 {}`", path.display(), path.display())]
    OpenToOthers { path: PathBuf, mode: u32 },
    /// A server uses it.
    #[error("the data directory {} is in use by another process{}; stop that one, or choose another with `--data-dir`", path.display(), pid(holder))]
    InUse { path: PathBuf, holder: String },
}

fn pid(holder: &str) -> String {
    if holder.is_empty() { String::new() } else { format!(" (pid {holder})") }
}

impl DataDir {
    /// Makes the directory if it is not there, checks that nobody else may read it, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        let path =
            &std::path::absolute(path).map_err(|source| DataDirError::NotUsable { path: path.to_owned(), source })?;
        if !path.exists() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(|source| DataDirError::NotMade { path: path.clone(), source })?;
        }
        check_private(path)?;
        let lock = lock(path)?;
        Ok(Self { path: path.clone(), _lock: lock })
    }

    /// Its absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn check_private(path: &Path) -> Result<(), DataDirError> {
    let metadata = path.metadata().map_err(|source| DataDirError::NotUsable { path: path.to_owned(), source })?;
    let user = rustix::process::geteuid().as_raw();
    let mode = metadata.mode() & 0o7777;
    if !metadata.is_dir() {
        return Err(DataDirError::NotADirectory { path: path.to_owned() });
    }
    if metadata.uid() != user {
        return Err(DataDirError::OtherOwner { path: path.to_owned(), owner: metadata.uid(), user });
    }
    if mode & 0o077 != 0 {
        return Err(DataDirError::OpenToOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

/// The lock ends with the process, however it ends; the number in the file is for people.
fn lock(path: &Path) -> Result<File, DataDirError> {
    let not_usable = |source| DataDirError::NotUsable { path: path.to_owned(), source };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path.join("lock"))
        .map_err(not_usable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).map_err(not_usable)?;
            return Err(DataDirError::InUse { path: path.to_owned(), holder: holder.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(not_usable(source)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(not_usable)?;
    writeln!(file, "{}", std::process::id()).map_err(not_usable)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_missing_directory_is_made_for_its_user_alone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&parent.path().join("a/b")).unwrap();
        assert_eq!(dir.path().metadata().unwrap().mode() & 0o777, 0o700);
        assert!(dir.path().is_absolute());
    }

    #[test]
    fn a_directory_has_one_user_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = DataDir::open(&path).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by another process (pid {})", std::process::id())), "{error}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_directory_that_others_may_read_is_refused_with_the_mend() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("(mode 0750); run `chmod 700"), "{error}");
    }

    #[test]
    fn a_file_in_its_place_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(DataDir::open(file.path()), Err(DataDirError::NotADirectory { .. })));
        assert!(matches!(DataDir::open(&file.path().join("below")), Err(DataDirError::NotMade { .. })));
    }
}
