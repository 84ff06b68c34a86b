//! A disk of its own in a file, with ext4 on it, whose power can be cut and which can be full.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// Ends a file system at once: nothing that is only in memory is written any more, not even its journal
/// (`EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, `fs/ext4/ext4.h`). By a script, as an ioctl needs `unsafe`.
const CUT: &str = "import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

/// A file with ext4 in it, mounted through a loop device; gone when dropped. Making one needs root.
///
/// After [`Self::cut_power`] and [`Self::power_on`] it has what was synced, as far as the file system keeps its promise, and as
/// a rule nothing else. The machine's own disk below is not cut, so a real disk that lies about flushes is not shown.
#[derive(Debug)]
pub struct LoopDisk {
    dir: TempDir,
    is_mounted: bool,
}

impl LoopDisk {
    /// Makes a disk of `bytes`, at least 8 MiB, and mounts it.
    ///
    /// # Errors
    /// Not root, no loop device, or no `mkfs.ext4`.
    pub fn new(bytes: u64) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        std::fs::create_dir(dir.path().join("mnt"))?;
        let mut disk = Self { dir, is_mounted: false };
        File::create(disk.image())?.set_len(bytes)?;
        // No blocks that only root may fill.
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(disk.image()))?;
        disk.power_on()?;
        Ok(disk)
    }

    /// Where its files are.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("mnt")
    }

    /// Cuts the power: from now on every access fails. Who has files open there still has them; stop them before [`Self::power_on`].
    ///
    /// # Errors
    /// The system refuses.
    pub fn cut_power(&self) -> Result<()> {
        run(Command::new("python3").args(["-c", CUT]).arg(self.path()))
    }

    /// Mounts it again as it was when the power went, or as it is.
    ///
    /// # Errors
    /// Somebody still has files open there, or the journal cannot be replayed.
    pub fn power_on(&mut self) -> Result<()> {
        if self.is_mounted {
            run(Command::new("umount").arg(self.path()))?;
            self.is_mounted = false;
        }
        run(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.path()))?;
        self.is_mounted = true;
        Ok(())
    }

    /// Fills it to the last block, with a file that [`Self::make_room`] removes.
    ///
    /// # Errors
    /// The system refuses something else.
    pub fn fill(&self) -> Result<()> {
        let mut ballast = File::options().create(true).append(true).open(self.ballast())?;
        for chunk in [&[0x5A; 1 << 20][..], &[0x5A; 4096], &[0x5A; 512]] {
            loop {
                match ballast.write_all(chunk) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error).context("cannot fill the disk"),
                }
            }
        }
        // What is not written yet holds blocks in reserve.
        match ballast.sync_all() {
            Err(error) if error.kind() != ErrorKind::StorageFull => Err(error).context("cannot fill the disk"),
            _ => Ok(()),
        }
    }

    /// Removes what [`Self::fill`] wrote.
    ///
    /// # Errors
    /// The system refuses.
    pub fn make_room(&self) -> Result<()> {
        std::fs::remove_file(self.ballast()).context("cannot make room")
    }

    fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        if !self.is_mounted {
            return;
        }
        // Lazily, as a failed test may have files open; the loop device goes with the last of them.
        if let Err(error) = run(Command::new("umount").arg("--lazy").arg(self.path())) {
            eprintln!("{error:#}");
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{program}`: `cargo xtask setup` installs what the tests need"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{program}` failed (disks of tests need root): {}", said.trim());
    }
    Ok(())
}
