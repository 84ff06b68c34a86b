use std::io;
use std::path::Path;

use rusqlite::{ErrorCode, ffi};
use sangam_storage::StoreError;

/// Why something inside the adapter was not done; the caller knows whether it was reading or writing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite says no.
    Sqlite(rusqlite::Error),
    /// Already in the words of the port.
    Store(StoreError),
    /// Rows that contradict each other, or a change that contradicts itself.
    Contradiction(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What SQLite's codes mean for a store (<https://sqlite.org/rescode.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// `SQLITE_FULL`. In WAL mode it comes from a write before the frame that ends a transaction, so that the transaction is not
    /// in the file: certain.
    Full,
    /// `SQLITE_IOERR_*` other than the two below: a write, a sync or the shared index failed. The frames may have reached the disk
    /// or may not, and after a failed sync the kernel may hold pages as clean that it never wrote. A quota of the file
    /// system shows the same way, as SQLite tells only `ENOSPC` apart.
    Io,
    /// `SQLITE_CORRUPT`, `SQLITE_NOTADB`, `SQLITE_IOERR_SHORT_READ`, `SQLITE_IOERR_CORRUPTFS`, `SQLITE_IOERR_DATA`, and
    /// columns that hold what cannot be in them.
    Damaged,
    /// Everything else: locks, permissions, memory, mistakes of ours.
    Other,
}

fn meaning(error: &rusqlite::Error) -> Meaning {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => Meaning::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Meaning::Damaged,
            ErrorCode::SystemIoFailure => match failure.extended_code {
                ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_CORRUPTFS | ffi::SQLITE_IOERR_DATA => Meaning::Damaged,
                _ => Meaning::Io,
            },
            _ => Meaning::Other,
        },
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => Meaning::Damaged,
        _ => Meaning::Other,
    }
}

impl Failure {
    /// A mistake of whoever made a change; the store is well.
    pub(crate) fn refused(what: String) -> Self {
        StoreError::io("a change", io::Error::new(io::ErrorKind::InvalidInput, what)).into()
    }

    /// Whether the shared index, or whatever else an opening writes, found no room.
    pub(crate) fn is_lack_of_room_for_the_index(&self) -> bool {
        let Self::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) = self else { return false };
        failure.code == ErrorCode::DiskFull
            || matches!(failure.extended_code, ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_SHMMAP)
    }

    /// What it means if nothing was being changed in `file`.
    pub(crate) fn while_reading(self, file: &Path) -> StoreError {
        self.told(file, |at, source| StoreError::Unusable { at, source })
    }

    /// What it means if `file` was being changed.
    pub(crate) fn while_writing(self, file: &Path) -> StoreError {
        self.told(file, |at, source| StoreError::Uncertain { at, source })
    }

    fn told(
        self,
        file: &Path,
        io_failure: impl FnOnce(String, Box<dyn std::error::Error + Send + Sync>) -> StoreError,
    ) -> StoreError {
        let at = file.display().to_string();
        match self {
            Self::Store(error) => error,
            Self::Contradiction(what) => StoreError::Damaged { at, what },
            Self::Sqlite(error) => match meaning(&error) {
                Meaning::Full => StoreError::Full { at },
                Meaning::Io => io_failure(at, Box::new(error)),
                Meaning::Damaged => StoreError::Damaged { at, what: error.to_string() },
                Meaning::Other => StoreError::Unusable { at, source: Box::new(error) },
            },
        }
    }
}

/// The answer of a writer that has not been opened anew since it failed.
pub(crate) fn not_reopened(file: &Path) -> StoreError {
    let source = io::Error::other("an earlier write failed, and the store has not been opened anew since");
    StoreError::Uncertain { at: file.display().to_string(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: i32) -> Failure {
        Failure::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn a_failed_write_or_sync_is_uncertain_and_a_failed_read_is_not() {
        let file = Path::new("f");
        for code in [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_SHMMAP, ffi::SQLITE_IOERR] {
            assert!(matches!(sqlite(code).while_writing(file), StoreError::Uncertain { .. }), "{code}");
            assert!(matches!(sqlite(code).while_reading(file), StoreError::Unusable { .. }), "{code}");
        }
    }

    #[test]
    fn what_is_full_and_what_is_damaged_is_told_either_way() {
        let file = Path::new("f");
        assert!(matches!(sqlite(ffi::SQLITE_FULL).while_writing(file), StoreError::Full { .. }));
        let codes = [
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CORRUPT_INDEX,
            ffi::SQLITE_NOTADB,
            ffi::SQLITE_IOERR_SHORT_READ,
            ffi::SQLITE_IOERR_CORRUPTFS,
        ];
        for code in codes {
            assert!(matches!(sqlite(code).while_writing(file), StoreError::Damaged { .. }), "{code}");
            assert!(matches!(sqlite(code).while_reading(file), StoreError::Damaged { .. }), "{code}");
        }
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_CANTOPEN, ffi::SQLITE_READONLY, ffi::SQLITE_NOMEM] {
            assert!(matches!(sqlite(code).while_writing(file), StoreError::Unusable { .. }), "{code}");
        }
    }
}
