use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Room set aside for opening the store on a full disk. SQLite makes its shared index anew at each first opening, and
/// refuses to open where that does not fit: it gets the room of this file then.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

/// What the index takes of each page of the log.
const BYTES_OF_PAGE: u64 = 8;
/// The index has whole pieces of 32 KiB, and a short log may be far longer than it should while somebody reads.
const BYTES_MIN: u64 = 256 * 1024;
/// A file system may give blocks of a removed file back only with its next commit.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

impl Reserve {
    /// Beside `file`, for a log twice as long as it is let grow.
    pub(crate) fn of(file: &Path, log_pages: u64) -> Self {
        let bytes = log_pages.saturating_mul(2 * BYTES_OF_PAGE).max(BYTES_MIN);
        Self { path: file.with_extension("reserve"), bytes }
    }

    /// Sets the room aside if it is not. No room for it is no fault: it is tried again when the store is opened the next time.
    pub(crate) fn set_aside(&self) -> io::Result<()> {
        if self.path.metadata().is_ok_and(|kept| kept.len() >= self.bytes) {
            return Ok(());
        }
        let made = File::options().create(true).truncate(true).write(true).mode(0o600).open(&self.path);
        let fill = |mut file: File| {
            io::copy(&mut io::repeat(0).take(self.bytes), &mut file)?;
            file.sync_all()
        };
        match made.and_then(fill) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => self.give_up(),
            Err(error) => Err(error),
        }
    }

    /// Opens, on a full disk with the room that was set aside.
    pub(crate) fn open_with<T, E>(
        &self,
        open: impl Fn() -> Result<T, E>,
        is_lack_of_room: impl Fn(&E) -> bool,
    ) -> Result<T, E> {
        let mut opened = open();
        for _ in 0..ATTEMPTS {
            match &opened {
                Err(error) if is_lack_of_room(error) => {}
                _ => break,
            }
            // What cannot be removed gives no room; the error of the opening says more than this one would.
            let _: io::Result<()> = self.give_up();
            thread::sleep(PAUSE);
            opened = open();
        }
        opened
    }

    fn give_up(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The commit that frees its blocks.
        self.path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_lacks_room_is_opened_with_what_was_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(&dir.path().join("a.sqlite3"), 1_024);
        reserve.set_aside().unwrap();
        let kept = dir.path().join("a.reserve");
        assert_eq!(kept.metadata().unwrap().len(), BYTES_MIN);
        let open = || if kept.exists() { Err("full") } else { Ok("opened") };
        assert_eq!(reserve.open_with(open, |error| *error == "full"), Ok("opened"));
        reserve.set_aside().unwrap();
        assert!(kept.exists());
    }

    #[test]
    fn the_room_is_for_the_index_of_a_log_as_long_as_it_is_let_grow() {
        let dir = tempfile::tempdir().unwrap();
        let set_aside = |log_pages| {
            Reserve::of(&dir.path().join("a.sqlite3"), log_pages).set_aside().unwrap();
            dir.path().join("a.reserve").metadata().unwrap().len()
        };
        assert_eq!(set_aside(16_384), 256 * 1024);
        // It grows with the option, and is not made smaller for nothing.
        assert_eq!(set_aside(40_000), 640_000);
        assert_eq!(set_aside(16_384), 640_000);
    }

    #[test]
    fn another_error_leaves_the_room_where_it_is_and_is_not_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(&dir.path().join("a.sqlite3"), 1_024);
        reserve.set_aside().unwrap();
        let tries = Cell::new(0);
        let open = || {
            tries.set(tries.get() + 1);
            Err::<(), _>("damaged")
        };
        assert_eq!(reserve.open_with(open, |error| *error == "full"), Err("damaged"));
        assert_eq!(tries.get(), 1);
        assert!(dir.path().join("a.reserve").exists());
    }
}
