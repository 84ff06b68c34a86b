//! Files that devices fetch or bring, and who may for how long. The bytes lie elsewhere.

use crate::secret::Secret;
use crate::{DeviceId, FileId, TaskId};

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Its number.
    pub id: FileId,
    /// CWMP's FileType (`1 Firmware Upgrade Image`, `3 Vendor Configuration File`), at most 64 characters.
    pub kind: Box<str>,
    /// Its name, at most [`FileRow::NAME_CHARS_MAX`] characters, no path.
    pub name: Box<str>,
    /// The version of what is in it, as a device reports it when it has it; may be empty.
    pub version: Box<str>,
    /// Manufacturer that it is for; empty: any.
    pub manufacturer: Box<str>,
    /// Model that it is for; empty: any.
    pub model: Box<str>,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// The device that brought it; `None`: an operator did.
    pub from: Option<DeviceId>,
    /// When it came, milliseconds since 1970.
    pub created_ms: u64,
}

impl FileRow {
    /// Of a name.
    pub const NAME_CHARS_MAX: usize = 128;

    /// Whether a text can be a file's name: it says nothing of a directory, and a header can carry it.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let is_fine = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | '"');
        !matches!(text, "" | "." | "..") && text.chars().count() <= Self::NAME_CHARS_MAX && text.chars().all(is_fine)
    }
}

/// That one device may fetch or bring one file, for a time: the credentials of one transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The user name, unique; at most 64 characters.
    pub user: Box<str>,
    /// Its password.
    pub secret: Secret,
    /// Which device.
    pub device: DeviceId,
    /// For which task.
    pub task: TaskId,
    /// What it may do.
    pub may: Transfer,
    /// Until when, milliseconds since 1970.
    pub expires_ms: u64,
}

/// What a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Fetch this file.
    Fetch(FileId),
    /// Bring a file of at most so many bytes.
    Bring {
        /// Of the file.
        bytes_max: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_out_of_no_directory() {
        for name in ["fw.bin", "a b", "…", "..fw", &"x".repeat(128)] {
            assert!(FileRow::is_name(name), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a\\b", "a\"b", "a\r\nb", &"x".repeat(129)] {
            assert!(!FileRow::is_name(name), "{name}");
        }
    }
}
