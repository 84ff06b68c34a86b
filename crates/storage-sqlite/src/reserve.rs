use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Room set aside for opening the store on a full disk. SQLite makes its shared index anew at each first opening, and
/// refuses to open where that does not fit: it gets the room of this file then.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
}

/// More than the index of the longest log takes: 8 bytes for each page of it.
const BYTES: usize = 256 * 1024;
/// A file system may give blocks of a removed file back only with its next commit.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

impl Reserve {
    /// Beside `file`.
    pub(crate) fn of(file: &Path) -> Self {
        Self { path: file.with_extension("reserve") }
    }

    /// Sets the room aside if it is not. No room for it is no fault: it is tried again when the store is opened the next time.
    pub(crate) fn set_aside(&self) -> io::Result<()> {
        if self.path.exists() {
            return Ok(());
        }
        let made = File::options().create_new(true).write(true).mode(0o600).open(&self.path);
        match made.and_then(|mut file| file.write_all(&[0; BYTES]).and_then(|()| file.sync_all())) {
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
        let reserve = Reserve::of(&dir.path().join("a.sqlite3"));
        reserve.set_aside().unwrap();
        let kept = dir.path().join("a.reserve");
        assert_eq!(kept.metadata().unwrap().len(), BYTES as u64);
        let open = || if kept.exists() { Err("full") } else { Ok("opened") };
        assert_eq!(reserve.open_with(open, |error| *error == "full"), Ok("opened"));
        reserve.set_aside().unwrap();
        assert!(kept.exists());
    }

    #[test]
    fn another_error_leaves_the_room_where_it_is_and_is_not_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(&dir.path().join("a.sqlite3"));
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
