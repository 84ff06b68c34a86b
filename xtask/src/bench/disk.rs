//! The disk that everything is measured on.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::repository::Repository;

/// Where all data lies: beside the build, so that it is a disk and no memory.
///
/// # Errors
/// It cannot be made.
pub(super) fn directory(repository: &Repository) -> Result<PathBuf> {
    let dir = repository.target().join("tmp");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

/// An empty directory on it, removed when dropped.
///
/// # Errors
/// It cannot be made.
pub(super) fn place(dir: &Path) -> Result<TempDir> {
    tempfile::Builder::new().prefix("bench-").tempdir_in(dir).with_context(|| format!("no place in {}", dir.display()))
}

/// How often in a second a growing file can be made durable, 4 KiB more each time.
///
/// # Errors
/// It cannot be written.
pub(super) fn syncs_per_second(dir: &Path, lasting: Duration) -> Result<f64> {
    let place = place(dir)?;
    let mut file = File::create(place.path().join("growing"))?;
    let (began, mut syncs) = (Instant::now(), 0_u32);
    while began.elapsed() < lasting {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / began.elapsed().as_secs_f64())
}

/// Bytes of all files below a directory that `counts`, by their names.
///
/// # Errors
/// It cannot be read.
pub(super) fn bytes(dir: &Path, counts: fn(&str) -> bool) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let entry = entry?;
        let data = entry.metadata()?;
        if data.is_dir() {
            sum += bytes(&entry.path(), counts)?;
        } else if entry.file_name().to_str().is_some_and(counts) {
            sum += data.len();
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_counts_is_counted_however_deep_it_lies() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sync")).unwrap();
        fs::write(dir.path().join("sync/a.sqlite3"), [0; 30]).unwrap();
        fs::write(dir.path().join("sync/a.sqlite3-wal"), [0; 500]).unwrap();
        fs::write(dir.path().join("b.sqlite3"), [0; 4]).unwrap();
        assert_eq!(bytes(dir.path(), |name| name.ends_with(".sqlite3")).unwrap(), 34);
    }
}
