use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{DeviceAdminError, DeviceFile, DeviceFileFacts, DeviceFiles, DeviceList, FileBytes};
use sangam_storage::devices::{FileId, FileRow};
use sangam_types::Wall;

use super::{Admin, Told, invalid, listed};
use crate::files::{About, NotTaken, receive, remove};

/// Characters of a file's type, and of its version.
const TEXT_CHARS_MAX: usize = 64;

impl DeviceFiles for Admin {
    fn files(&self, after: Option<u64>, limit: usize) -> BoxFuture<'_, Told<DeviceList<DeviceFile>>> {
        let rows = self.service.files.after(FileId(after.unwrap_or(0)), limit + 1);
        async move { Ok(listed(rows, limit, |row| row.id.0, file_view)) }.boxed()
    }

    fn put(&self, name: String, facts: DeviceFileFacts, bytes: FileBytes) -> BoxFuture<'_, Told<DeviceFile>> {
        async move {
            let is_text = |text: &str| text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control);
            if !is_text(&facts.kind) || !is_text(&facts.version) {
                return Err(invalid("type and version of a file have at most 64 characters, no control characters"));
            }
            let (kind, version) = (facts.kind.into(), facts.version.into());
            let bytes_max = self.service.options.files.file_bytes_max;
            let about = About { name, kind, version, from: None, granted: None, bytes_max };
            receive(&self.service, about, bytes).await.map(|row| file_view(&row)).map_err(not_taken)
        }
        .boxed()
    }

    fn remove(&self, name: String) -> BoxFuture<'_, Told<()>> {
        async move {
            let was_there = remove(&self.service, name.clone()).await.map_err(not_taken)?;
            if was_there { Ok(()) } else { Err(DeviceAdminError::NoFile) }
        }
        .boxed()
    }
}

fn not_taken(why: NotTaken) -> DeviceAdminError {
    let text = sangam_storage::with_sources(&why).to_string();
    match why {
        NotTaken::Name | NotTaken::NoFiles | NotTaken::Stalled | NotTaken::Ended | NotTaken::Broken(_) => {
            DeviceAdminError::Invalid(text)
        }
        NotTaken::TooLong(_) | NotTaken::Full => DeviceAdminError::TooLarge(text),
        NotTaken::Disk(_) | NotTaken::Overloaded | NotTaken::NotStored(_) | NotTaken::NotRead(_) => {
            DeviceAdminError::Unavailable(text)
        }
    }
}

fn file_view(row: &FileRow) -> DeviceFile {
    DeviceFile {
        id: row.id.0,
        name: row.name.to_string(),
        kind: row.kind.to_string(),
        version: row.version.to_string(),
        bytes: row.bytes,
        sha256: crate::files::hex(&row.sha256),
        from_device: row.from.is_some(),
        created_at: Wall::from_unix_millis(row.created_ms),
    }
}
