use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::frame::{Salt, Scan};
use crate::table::Table;

/// Begins the file: what it is, its salt, and a checksum of both.
const MAGIC: [u8; 8] = *b"sangamJ1";
const HEADER: usize = 20;

/// The file that changes are appended to: `journal` in its directory.
#[derive(Debug)]
pub(crate) struct Segment {
    directory: PathBuf,
    file: File,
    salt: Salt,
    bytes: u64,
}

/// What a file held when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) table: Table,
    /// Bytes that could not be read.
    pub(crate) unreadable: u64,
    /// Whether it should be written anew.
    pub(crate) is_damaged: bool,
}

/// A file that is to take the place of the one there is.
#[derive(Debug)]
pub(crate) struct Successor {
    file: File,
    bytes: u64,
}

impl Segment {
    /// Opens the file of a directory and reads it; makes both if they are not there. What cannot be read is cut off or
    /// set aside, and never prevents the start.
    pub(crate) fn open(directory: &Path, bytes_max: u64) -> io::Result<(Self, Found)> {
        if !directory.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        remove_if_there(&directory.join("journal.new"))?;
        let path = directory.join("journal");
        let mut file = open(&path, false)?;
        let mut content = Vec::new();
        (&mut file).take(bytes_max).read_to_end(&mut content)?;
        let length = file.metadata()?.len();
        let Some(salt) = salt_of(&content) else {
            return Self::begin(directory, length);
        };
        let mut table = Table::default();
        let Scan { end, damaged } = salt.scan(&content[HEADER..], |change| change.apply(&mut table));
        let bytes = (HEADER + end) as u64;
        if length > bytes {
            tracing::warn!(path = %path.display(), bytes = length - bytes, "the journal's torn end was cut off");
            file.set_len(bytes)?;
        }
        if damaged > 0 {
            tracing::warn!(path = %path.display(), bytes = damaged, "the journal was damaged inside; the rest was kept");
        }
        let found = Found { table, unreadable: length - bytes + damaged as u64, is_damaged: damaged > 0 };
        Ok((Self { directory: directory.to_owned(), file, salt, bytes }, found))
    }

    /// A new file. One that is there and is no journal is set aside as `journal.damaged`.
    fn begin(directory: &Path, length: u64) -> io::Result<(Self, Found)> {
        let path = directory.join("journal");
        if length > HEADER as u64 {
            let aside = directory.join("journal.damaged");
            tracing::warn!(path = %path.display(), aside = %aside.display(), "the journal cannot be read and was set aside");
            fs::rename(&path, aside)?;
        }
        let salt = Salt(RandomState::new().hash_one(std::process::id()));
        let file = open(&path, true)?;
        file.write_all_at(&header(salt), 0)?;
        sync_directory(directory)?;
        let segment = Self { directory: directory.to_owned(), file, salt, bytes: HEADER as u64 };
        Ok((segment, Found { unreadable: length, ..Found::default() }))
    }

    pub(crate) fn salt(&self) -> Salt {
        self.salt
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends whole frames. After an error the file is as long as before, or the next call writes over the rest.
    pub(crate) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        let written = self.file.write_all_at(frames, self.bytes);
        match written {
            Ok(()) => self.bytes += frames.len() as u64,
            // What came of it would be read as damage.
            Err(_) => self.file.set_len(self.bytes)?,
        }
        written
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Begins a file that shall take this one's place.
    pub(crate) fn successor(&self) -> io::Result<Successor> {
        let mut file = open(&self.directory.join("journal.new"), true)?;
        file.write_all(&header(self.salt))?;
        Ok(Successor { file, bytes: HEADER as u64 })
    }

    /// Puts the successor in this file's place, with what was appended here from `since` on. When it returns, it is on
    /// the disk under its name; after an error this file goes on.
    pub(crate) fn give_way(&mut self, mut successor: Successor, since: u64) -> io::Result<()> {
        let mut at = since;
        let mut chunk = vec![0; 64 << 10];
        while at < self.bytes {
            let length = chunk.len().min(usize::try_from(self.bytes - at).unwrap_or(usize::MAX));
            self.file.read_exact_at(&mut chunk[..length], at)?;
            successor.append(&chunk[..length])?;
            at += length as u64;
        }
        successor.file.sync_all()?;
        fs::rename(self.directory.join("journal.new"), self.directory.join("journal"))?;
        self.file = successor.file;
        self.bytes = successor.bytes;
        sync_directory(&self.directory)
    }
}

impl Successor {
    pub(crate) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        self.file.write_all_at(frames, self.bytes)?;
        self.bytes += frames.len() as u64;
        Ok(())
    }
}

fn header(salt: Salt) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&salt.0.to_le_bytes());
    let sum = crc32fast::hash(&header[..16]);
    header[16..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// The salt in a file's header, if it is one of ours.
fn salt_of(content: &[u8]) -> Option<Salt> {
    let found: &[u8; HEADER] = content.first_chunk()?;
    let salt = Salt(u64::from_le_bytes(found[8..16].try_into().ok()?));
    (*found == header(salt)).then_some(salt)
}

fn open(path: &Path, truncate: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(truncate).mode(0o600).open(path)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
