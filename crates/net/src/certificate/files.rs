use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{CertificateError, CertificatePaths};

/// A chain of ten RSA-4096 certificates is about 25 KiB of PEM.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What `stat` says of both files: enough to see that one was written, replaced, or that its link leads elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    chain: Option<FileStamp>,
    key: Option<FileStamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(paths: &CertificatePaths) -> Self {
        Self { chain: FileStamp::of(&paths.chain), key: FileStamp::of(&paths.key) }
    }
}

impl FileStamp {
    /// `None` if there is no such file or we may not know.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

pub(super) fn read_bounded(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|source| refused(path, source))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(CertificateError::TooLarge { path: path.to_owned(), bytes_max: FILE_BYTES_MAX });
    }
    Ok(bytes)
}

fn refused(path: &Path, source: io::Error) -> CertificateError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => CertificateError::Missing { path },
        io::ErrorKind::PermissionDenied => CertificateError::PermissionDenied { path },
        _ => CertificateError::Read { path, source },
    }
}
