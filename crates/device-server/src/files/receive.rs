use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sangam_storage::StoreError;
use sangam_storage::devices::{Change, DeviceId, FileId, FileRow, Grant, Row};
use sha2::{Digest as _, Sha256};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt as _;

use super::access::holds;
use crate::committer::NotStored;
use crate::service::Service;

/// Ends the name of a file that is not whole.
pub(super) const PARTIAL: &str = ".part";

/// What is known of a file before its bytes are there.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) kind: Box<str>,
    pub(crate) version: Box<str>,
    /// The device that brings it.
    pub(crate) from: Option<DeviceId>,
    /// By which grant: it has to hold also when the last byte has come.
    pub(crate) granted: Option<Grant>,
    pub(crate) bytes_max: u64,
}

/// Why a file is not taken. Nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    #[error("a file's name has 1 to 128 characters, none of them a control character, a quotation mark or a slash")]
    Name,
    #[error("this server keeps no files")]
    NoFiles,
    #[error("a file has at most {0} bytes")]
    TooLong(u64),
    #[error("there are as many files, or as many bytes of files, as may be")]
    Full,
    #[error("nothing came for too long")]
    Stalled,
    #[error("its bytes did not come: {0}")]
    Broken(io::Error),
    #[error("it cannot be written: {0}")]
    Disk(#[from] io::Error),
    #[error("who brings it may do so no more")]
    Ended,
    #[error("it cannot be made durable now")]
    Overloaded,
    #[error(transparent)]
    NotStored(#[from] NotStored),
    #[error(transparent)]
    NotRead(#[from] StoreError),
}

/// A file that is not whole; it goes if it does not become so.
struct Partial {
    path: Option<PathBuf>,
    service: Arc<Service>,
    bytes: u64,
}

impl Partial {
    /// Makes the file. Whoever goes meanwhile leaves nothing: what nobody takes is dropped where it was made.
    async fn create(service: &Arc<Service>, path: PathBuf) -> Result<(Self, File), NotTaken> {
        let service = Arc::clone(service);
        finished(async move {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await?;
            Ok((Self { path: Some(path), service, bytes: 0 }, file))
        })
        .await
    }

    /// From here on the row decides: bytes without one go at the next start.
    fn stays(&mut self) {
        self.path = None;
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.service.files.coming.fetch_sub(self.bytes, Ordering::AcqRel);
        if let Some(path) = &self.path {
            // What stays is deleted at the next start.
            let _: io::Result<()> = std::fs::remove_file(path);
        }
    }
}

/// Takes a file, in the place of the one with its name. When it returns, bytes and row are on the disk.
pub(crate) async fn receive(
    service: &Arc<Service>,
    about: About,
    bytes: impl Stream<Item = io::Result<Bytes>>,
) -> Result<FileRow, NotTaken> {
    let files = &service.files;
    if !FileRow::is_name(&about.name) {
        return Err(NotTaken::Name);
    }
    let id = service.numbers.file();
    let (Some(dir), Some(path)) = (&files.options.dir, files.path(id)) else { return Err(NotTaken::NoFiles) };
    let (count, total) = others(service, &about.name);
    if count >= files.options.files_max {
        return Err(NotTaken::Full);
    }
    let temporary = dir.join(format!("{id}{PARTIAL}"));
    let (mut partial, mut file) = Partial::create(service, temporary).await?;
    let (mut bytes, mut hash) = (pin!(bytes), Sha256::new());
    loop {
        let next = tokio::time::timeout(files.options.stall_timeout, bytes.next()).await;
        let Some(chunk) = next.map_err(|_| NotTaken::Stalled)? else { break };
        let chunk = chunk.map_err(NotTaken::Broken)?;
        let added = chunk.len() as u64;
        partial.bytes += added;
        let coming = files.coming.fetch_add(added, Ordering::AcqRel) + added;
        if partial.bytes > about.bytes_max {
            return Err(NotTaken::TooLong(about.bytes_max));
        }
        if total.saturating_add(coming) > files.options.total_bytes_max {
            return Err(NotTaken::Full);
        }
        hash.update(&chunk);
        file.write_all(&chunk).await?;
    }
    let row = FileRow {
        id,
        kind: about.kind,
        name: about.name.into(),
        version: about.version,
        manufacturer: Box::default(),
        model: Box::default(),
        bytes: partial.bytes,
        sha256: hash.finalize().into(),
        from: about.from,
        created_ms: service.now_ms(),
    };
    let (service, dir, granted) = (Arc::clone(service), dir.clone(), about.granted);
    finished(async move {
        whole(file, &mut partial, &dir, &path).await?;
        if let Some(grant) = granted
            && !holds(&service, grant).await?
        {
            return Err(NotTaken::Ended);
        }
        partial.stays();
        store(&service, row).await
    })
    .await
}

/// All of it is on the disk, under its own name.
async fn whole(mut file: File, partial: &mut Partial, dir: &Path, path: &Path) -> io::Result<()> {
    file.flush().await?;
    file.sync_all().await?;
    drop(file);
    if let Some(temporary) = partial.path.replace(path.to_owned()) {
        let renamed = fs::rename(&temporary, path).await;
        if renamed.is_err() {
            partial.path = Some(temporary);
        }
        renamed?;
    }
    File::open(dir).await?.sync_all().await
}

/// Ends what was begun, also if nobody waits for it any more: bytes, row and what is known of both fit together.
async fn finished<T: Send + 'static>(
    work: impl Future<Output = Result<T, NotTaken>> + Send + 'static,
) -> Result<T, NotTaken> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(NotTaken::Broken(io::Error::other("it was not ended"))))
}

/// How many files there are but the one of that name, and their bytes.
fn others(service: &Service, name: &str) -> (usize, u64) {
    let known = service.files.by_name();
    let others = known.values().filter(|row| *row.name != *name);
    others.fold((0, 0), |(count, sum), row| (count + 1, sum.saturating_add(row.bytes)))
}

async fn store(service: &Service, row: FileRow) -> Result<FileRow, NotTaken> {
    let files = &service.files;
    let _changing = files.changing.lock().await;
    let before = files.of_name(&row.name);
    let (count, total) = others(service, &row.name);
    // Others may have come meanwhile.
    if count >= files.options.files_max || total.saturating_add(row.bytes) > files.options.total_bytes_max {
        delete(service, row.id).await;
        return Err(NotTaken::Full);
    }
    let mut rows = vec![Row::File(Box::new(row.clone()))];
    rows.extend(before.as_ref().map(|before| Row::RemoveFile(before.id)));
    let stored = commit(service, rows).await;
    if matches!(stored, Err(NotTaken::Overloaded)) {
        delete(service, row.id).await;
    }
    stored?;
    files.by_name().insert(row.name.clone(), row.clone());
    if let Some(before) = before {
        delete(service, before.id).await;
    }
    Ok(row)
}

/// Deletes a file; whether there was one.
pub(crate) async fn remove(service: &Arc<Service>, name: String) -> Result<bool, NotTaken> {
    let service = Arc::clone(service);
    finished(async move { removed(&service, &name).await }).await
}

async fn removed(service: &Service, name: &str) -> Result<bool, NotTaken> {
    let files = &service.files;
    let _changing = files.changing.lock().await;
    let Some(row) = files.of_name(name) else { return Ok(false) };
    commit(service, vec![Row::RemoveFile(row.id)]).await?;
    files.by_name().remove(name);
    delete(service, row.id).await;
    Ok(true)
}

async fn commit(service: &Service, rows: Vec<Row>) -> Result<(), NotTaken> {
    let room = service.committer.admit(0).map_err(|_| NotTaken::Overloaded)?;
    // No row of files is ever refused.
    service.committer.commit(room, Change::from(rows)).await?;
    Ok(())
}

/// Nobody knows of these bytes any more; who reads them goes on.
async fn delete(service: &Service, id: FileId) {
    let Some(path) = service.files.path(id) else { return };
    if let Err(error) = fs::remove_file(&path).await {
        tracing::warn!(%error, path = %Path::new(&path).display(), "the bytes of a file stay until the next start");
    }
}
