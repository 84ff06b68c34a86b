//! A disk that loses what was not synced: directories that are what a power cut would have left.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use tempfile::TempDir;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// A disk for a store that does not sync: this one knows itself what would be lost.
#[derive(Debug)]
pub struct FaultyDisk {
    root: TempDir,
    lives: usize,
}

/// The files of a directory as they were at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    files: BTreeMap<OsString, Vec<u8>>,
}

/// Which of the bytes that were written since an image survive the power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    /// All: they had been synced.
    Everything,
    /// The sectors in front of one.
    Beginning,
    /// Some sectors, in no order.
    Sectors,
}

impl FaultyDisk {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// There is no place for temporary files.
    pub fn new() -> io::Result<Self> {
        let disk = Self { root: TempDir::new()?, lives: 0 };
        fs::create_dir(disk.dir())?;
        Ok(disk)
    }

    /// Where files are now; another place after each power cut.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.root.path().join(self.lives.to_string())
    }

    /// What is there now. Files that are only memory shared by processes (`-shm`) are not part of it.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn image(&self) -> io::Result<Image> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.dir())? {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_file() && !name.to_string_lossy().ends_with("-shm") {
                files.insert(name, fs::read(entry.path())?);
            }
        }
        Ok(Image { files })
    }

    /// The power is cut: of what was written since `synced`, only a part is there afterwards, as `dice` has it. What still has
    /// the files of before open must be dropped after this.
    ///
    /// # Errors
    ///
    /// Files cannot be read or written.
    pub fn cut(&mut self, synced: &Image, survives: Survives, dice: &mut dyn FnMut(usize) -> usize) -> io::Result<()> {
        let written = self.image()?;
        self.lives += 1;
        let dir = self.dir();
        fs::create_dir(&dir)?;
        for (name, now) in &written.files {
            let empty = Vec::new();
            let before = synced.files.get(name).unwrap_or(&empty);
            fs::write(dir.join(name), torn(before, now, survives, dice))?;
        }
        self.forget(self.lives - 1)
    }

    /// The directory of an earlier life is no longer needed; its files may still be open.
    fn forget(&self, life: usize) -> io::Result<()> {
        remove(&self.root.path().join(life.to_string()))
    }
}

fn remove(dir: &Path) -> io::Result<()> {
    fs::remove_dir_all(dir)
}

fn torn(before: &[u8], now: &[u8], survives: Survives, dice: &mut dyn FnMut(usize) -> usize) -> Vec<u8> {
    if survives == Survives::Everything {
        return now.to_vec();
    }
    let changed = (0..now.len().div_ceil(SECTOR))
        .filter(|sector| sector_of(before, *sector) != sector_of(now, *sector))
        .collect::<Vec<_>>();
    let kept = match survives {
        Survives::Beginning => changed[..dice(changed.len() + 1)].to_vec(),
        _ => changed.into_iter().filter(|_| dice(2) == 0).collect(),
    };
    let mut torn = before.to_vec();
    for sector in kept {
        let (at, bytes) = (sector * SECTOR, sector_of(now, sector));
        torn.resize(torn.len().max(at + bytes.len()), 0);
        torn[at..at + bytes.len()].copy_from_slice(bytes);
    }
    torn
}

fn sector_of(file: &[u8], sector: usize) -> &[u8] {
    let (from, to) = (sector * SECTOR, (sector + 1) * SECTOR);
    &file[from.min(file.len())..to.min(file.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_survives_and_of_the_rest_any_part_may() {
        let mut disk = FaultyDisk::new().unwrap();
        fs::write(disk.dir().join("log"), vec![1; 2_000]).unwrap();
        let synced = disk.image().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..40 {
            fs::write(disk.dir().join("log"), [vec![1; 2_000], vec![2; 3_000]].concat()).unwrap();
            let survives = [Survives::Beginning, Survives::Sectors][seed % 2];
            let mut state = seed * 7;
            disk.cut(&synced, survives, &mut |sides| {
                state = state * 31 + 17;
                (state / 8) % sides
            })
            .unwrap();
            let after = fs::read(disk.dir().join("log")).unwrap();
            assert_eq!(after[..2_000], vec![1; 2_000]);
            seen.insert(after.iter().filter(|&&byte| byte == 2).count());
        }
        assert!(seen.len() > 3, "{seen:?}");
        fs::write(disk.dir().join("log"), vec![3; 10]).unwrap();
        disk.cut(&synced, Survives::Everything, &mut |_| 0).unwrap();
        assert_eq!(fs::read(disk.dir().join("log")).unwrap(), vec![3; 10]);
    }
}
