use std::fs::File;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use sangam_storage::StoreError;

use crate::SqliteOptions;
use crate::errors::Failure;
use crate::reserve::Reserve;
use crate::schema::{self, Steps};

/// How long a lock of somebody else is waited for: a shell that looks into the file, a reader that ends.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// Of prepared statements, per connection: more than there are in the code.
const STATEMENTS_MAX: usize = 128;
const PAGE_BYTES: u32 = 4096;

/// Opens the writer's connection: the schema is there, nothing waits in the write-ahead log, which has its size.
///
/// What an earlier process left in the log is copied into the file and synced before anything is added. After a failed sync the
/// kernel may show pages that are not on the disk; nothing may be built upon them.
///
/// On a full disk it is opened as well, so that readers can be; then the second value is `false`, and [`restart_wal`] comes first
/// before anything is written or decided.
pub(crate) fn open_writer(
    file: &Path,
    options: &SqliteOptions,
    steps: &Steps,
) -> Result<(Connection, bool), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> Result<Connection, Failure> {
        let connection = Connection::open_with_flags(file, flags)?;
        set_up(&connection, options)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", if options.synced { "FULL" } else { "OFF" })?;
        // Whoever writes calls for checkpoints when there is time; SQLite does it by itself only where there never is any.
        let pages = i64::try_from(options.wal_bytes_max / u64::from(PAGE_BYTES)).unwrap_or(i64::MAX);
        connection.pragma_update(None, "wal_autocheckpoint", pages.clamp(64, i64::from(i32::MAX)))?;
        Ok(connection)
    };
    let reserve = Reserve::of(file, options.wal_bytes_max / u64::from(PAGE_BYTES));
    let opened = reserve.open_with(open, Failure::is_lack_of_room_for_the_index);
    let connection = opened.map_err(|failure| failure.while_reading(file))?;
    schema::bring_up(&connection, file, steps)?;
    match restart_wal(&connection).map_err(|failure| failure.while_writing(file)) {
        Ok(()) => {}
        Err(StoreError::Full { .. }) => return Ok((connection, false)),
        Err(error) => return Err(error),
    }
    reserve.set_aside().map_err(|error| StoreError::io(file.display().to_string(), error))?;
    if options.synced {
        let wal = wal_path(file);
        lay_down(&wal, options.wal_bytes_laid_down)
            .map_err(|error| StoreError::io(wal.display().to_string(), error))?;
    }
    Ok((connection, true))
}

/// Opens a connection that can only read.
pub(crate) fn open_reader(file: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let open = || -> Result<Connection, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        set_up(&connection, options)?;
        Ok(connection)
    };
    open().map_err(|failure| failure.while_reading(file))
}

fn set_up(connection: &Connection, options: &SqliteOptions) -> Result<(), Failure> {
    connection.busy_timeout(BUSY_MAX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    let kibibytes = i64::try_from(options.cache_bytes / 1024).unwrap_or(i64::MAX);
    // Negative: in KiB instead of pages.
    connection.pragma_update(None, "cache_size", -kibibytes.max(64))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    Ok(())
}

/// Copies the whole log into the file, and has it begin again where it is.
pub(crate) fn restart_wal(connection: &Connection) -> Result<(), Failure> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(RESTART)", (), |row| row.get(0))?;
    if busy {
        let locked = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        let why = "somebody reads in the file for too long".to_owned();
        return Err(Failure::Sqlite(rusqlite::Error::SqliteFailure(locked, Some(why))));
    }
    Ok(())
}

/// Where SQLite keeps the write-ahead log of `file`.
fn wal_path(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// Makes the log at least this long, with zeros, which SQLite takes for its end. Real zeros: blocks that are only reserved cost a
/// change of the file system's own tables when they are written.
fn lay_down(wal: &Path, bytes: u64) -> io::Result<()> {
    static CHUNK: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut file = File::options().create(true).truncate(false).write(true).open(wal)?;
    let mut len = file.seek(SeekFrom::End(0))?;
    if len >= bytes {
        return Ok(());
    }
    let before = len;
    while len < bytes {
        let part = (bytes - len).min(CHUNK.len() as u64);
        match file.write_all(&CHUNK[..part as usize]) {
            Ok(()) => len += part,
            // Room is better left to what has to be written; the log grows then.
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                return file.set_len(before);
            }
            Err(error) => return Err(error),
        }
    }
    file.sync_all()
}

/// Copies as much of the log into the file as readers allow; the bytes that are left to copy. Once nothing is left and no reader is
/// in the log, the next transaction begins it again where it is.
pub(crate) fn checkpoint(connection: &Connection) -> Result<u64, Failure> {
    /// Of a frame, in front of its page.
    const FRAME_HEADER: u64 = 24;
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    // -1 of both: there is no log.
    let (frames, copied): (i64, i64) = statement.query_row((), |row| Ok((row.get(1)?, row.get(2)?)))?;
    Ok(frames.saturating_sub(copied).unsigned_abs() * (u64::from(PAGE_BYTES) + FRAME_HEADER))
}
