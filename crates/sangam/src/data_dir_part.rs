//! The data directory as a part of the server that can be asked how it is.

use std::io;
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_config::ByteSize;
use sangam_control::{Part, PartReport, PartState};

/// Writes a file, removes it and looks at the free space at each check.
#[derive(Debug)]
pub(crate) struct DataDirPart {
    path: PathBuf,
    free_space_min: ByteSize,
}

impl DataDirPart {
    pub(crate) fn new(path: PathBuf, free_space_min: ByteSize) -> Self {
        Self { path, free_space_min }
    }
}

impl Part for DataDirPart {
    fn name(&self) -> &'static str {
        "data_dir"
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        let (path, free_space_min) = (self.path.clone(), self.free_space_min);
        async move {
            let checked = tokio::task::spawn_blocking(move || check(&path, free_space_min)).await;
            checked.unwrap_or_else(|error| PartReport { state: PartState::Failed, detail: error.to_string() })
        }
        .boxed()
    }
}

fn check(path: &Path, free_space_min: ByteSize) -> PartReport {
    let free = match write_and_measure(path) {
        Ok(free) => free,
        Err(error) => {
            let detail = format!("{} cannot be written: {error}", path.display());
            return PartReport { state: PartState::Failed, detail };
        }
    };
    let mib = free / (1 << 20);
    if free < free_space_min.get() {
        let detail = format!("{mib} MiB are free, less than `data.free_space_min` ({free_space_min}): make room");
        return PartReport { state: PartState::Degraded, detail };
    }
    PartReport { state: PartState::Ready, detail: format!("a file was written and removed; {mib} MiB are free") }
}

/// Bytes free for this user.
fn write_and_measure(path: &Path) -> io::Result<u64> {
    let probe = path.join("probe");
    std::fs::write(&probe, b"written by a readiness check\n")?;
    std::fs::remove_file(&probe)?;
    let space = rustix::fs::statvfs(path)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writable_directory_with_room_is_ready() {
        let dir = tempfile::tempdir().unwrap();
        let report = check(dir.path(), ByteSize::from_bytes(1));
        assert_eq!(report.state, PartState::Ready, "{}", report.detail);
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn too_little_room_degrades_and_a_missing_directory_fails() {
        let dir = tempfile::tempdir().unwrap();
        let report = check(dir.path(), ByteSize::from_bytes(u64::MAX));
        assert_eq!(report.state, PartState::Degraded, "{}", report.detail);
        let report = check(&dir.path().join("gone"), ByteSize::from_bytes(1));
        assert_eq!(report.state, PartState::Failed, "{}", report.detail);
    }
}
