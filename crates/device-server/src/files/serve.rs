use std::io::{self, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sangam_device_proto::file::Transfer;
use sangam_net::http::percent_encoded;
use sangam_storage::devices::{FileRow, Grant};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::access::{NoAccess, challenges, grant};
use super::range::Part;
use super::receive::{About, NotTaken, receive};
use crate::cwmp::stored_file;
use crate::reading::read;
use crate::service::Service;

const FILES: &str = "/files/";
const UPLOADS: &str = "upload/";
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Whether a request is about a file. A POST never is: at any path it is a session's.
pub(crate) fn is_asked(request: &Request) -> bool {
    request.uri().path().starts_with(FILES) && request.method() != Method::POST
}

/// Answers a device that fetches or brings a file.
pub(crate) async fn answer(service: &Arc<Service>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(permit) = Arc::clone(&service.files.transfers).try_acquire_owned() else {
        return refuse(service, StatusCode::SERVICE_UNAVAILABLE, "transfers_max");
    };
    let grant = match grant(service, &parts).await {
        Ok(grant) => grant,
        Err(NoAccess::Refused(refusal)) => {
            service.metrics.refused(refusal.label());
            return (StatusCode::UNAUTHORIZED, challenges(service, refusal)).into_response();
        }
        Err(NoAccess::Store(error)) => {
            tracing::warn!(error = sangam_storage::with_sources(&error), "who fetches a file could not be looked up");
            return refuse(service, StatusCode::SERVICE_UNAVAILABLE, "store");
        }
    };
    let name = parts.uri.path().strip_prefix(FILES).unwrap_or_default().to_owned();
    match (&parts.method, grant.may) {
        (&Method::GET | &Method::HEAD, Transfer::Fetch(id)) => {
            let row = service.files.of_id(id);
            match row.filter(|row| *name == *row.name || name == percent_encoded(&row.name)) {
                Some(row) => fetched(service, &parts, row, permit).await,
                None => refuse(service, StatusCode::NOT_FOUND, "no_file"),
            }
        }
        (&Method::PUT, Transfer::Bring { bytes_max }) if name.strip_prefix(UPLOADS) == Some(&grant.user) => {
            brought(service, grant, bytes_max, body).await
        }
        _ => refuse(service, StatusCode::FORBIDDEN, "not_granted"),
    }
}

async fn fetched(service: &Arc<Service>, parts: &Parts, row: FileRow, permit: OwnedSemaphorePermit) -> Response {
    let etag = format!("\"{}\"", hex(&row.sha256));
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let (status, first, length, about) = match Part::of(&parts.headers, &etag, row.bytes) {
        Part::Whole => (StatusCode::OK, 0, row.bytes, None),
        Part::Some(first, last) => {
            let about = format!("bytes {first}-{last}/{}", row.bytes);
            (StatusCode::PARTIAL_CONTENT, first, last - first + 1, Some(about))
        }
        Part::Unsatisfiable => {
            let about = format!("bytes */{}", row.bytes);
            return (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, about)]).into_response();
        }
    };
    let texts = [(header::ETAG, Some(etag)), (header::CONTENT_RANGE, about)];
    headers.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text?.parse().ok()?))));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if parts.method == Method::HEAD {
        return (status, headers).into_response();
    }
    match open(service, &row, first).await {
        Ok(file) => {
            let options = &service.options.files;
            let limits = Limits { stall: options.stall_timeout, total: options.grant_lifetime };
            (status, headers, stream(file, length, limits, permit)).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, file = row.id.0, "a file cannot be read");
            refuse(service, StatusCode::NOT_FOUND, "no_file")
        }
    }
}

async fn open(service: &Arc<Service>, row: &FileRow, first: u64) -> io::Result<File> {
    let path = service.files.path(row.id).ok_or(io::ErrorKind::NotFound)?;
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(first)).await?;
    Ok(file)
}

/// How long a transfer may stand still, and how long it may take.
#[derive(Clone, Copy)]
struct Limits {
    stall: Duration,
    total: Duration,
}

/// Bytes of a file, read no faster than they are taken; cut off if they are not taken.
fn stream(file: File, length: u64, limits: Limits, permit: OwnedSemaphorePermit) -> Body {
    let (sender, chunks) = mpsc::channel::<io::Result<Bytes>>(1);
    tokio::spawn(async move {
        let _permit = permit;
        // Who takes too long is told nothing: the end of its connection says it.
        let _: Result<Option<()>, _> = tokio::time::timeout(limits.total, send(file, length, limits, &sender)).await;
    });
    let chunks = futures_util::stream::unfold(chunks, async |mut chunks| Some((chunks.recv().await?, chunks)));
    Body::from_stream(chunks)
}

/// `None`: it was cut off.
async fn send(file: File, length: u64, limits: Limits, sender: &mpsc::Sender<io::Result<Bytes>>) -> Option<()> {
    let mut file = file.take(length);
    loop {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let read = file.read_buf(&mut chunk).await.map(|count| (count, chunk.freeze()));
        let chunk = match read {
            Ok((0, _)) => return Some(()),
            Ok((_, chunk)) => Ok(chunk),
            Err(error) => Err(error),
        };
        tokio::time::timeout(limits.stall, sender.send(chunk)).await.ok()?.ok()?;
    }
}

async fn brought(service: &Arc<Service>, grant: Grant, bytes_max: u64, body: Body) -> Response {
    let id = grant.task;
    let task = match read(&service.readers, move |snapshot| snapshot.task(id)).await {
        Ok(task) => task,
        Err(_) => return refuse(service, StatusCode::SERVICE_UNAVAILABLE, "store"),
    };
    let Some(name) = task.as_ref().and_then(stored_file) else {
        return refuse(service, StatusCode::NOT_FOUND, "no_file");
    };
    let about = About {
        name,
        kind: Box::default(),
        version: Box::default(),
        from: Some(grant.device),
        granted: Some(grant),
        bytes_max,
    };
    let bytes = body.into_data_stream().map(|chunk| chunk.map_err(io::Error::other));
    let taken = tokio::time::timeout(service.options.files.grant_lifetime, receive(service, about, bytes)).await;
    match taken.unwrap_or(Err(NotTaken::Stalled)) {
        Ok(_) => StatusCode::CREATED.into_response(),
        Err(NotTaken::TooLong(_)) => refuse(service, StatusCode::PAYLOAD_TOO_LARGE, "file_bytes"),
        Err(NotTaken::Ended) => refuse(service, StatusCode::FORBIDDEN, "grant_ended"),
        Err(NotTaken::Full) => refuse(service, StatusCode::INSUFFICIENT_STORAGE, "files_full"),
        Err(NotTaken::Stalled | NotTaken::Broken(_)) => refuse(service, StatusCode::REQUEST_TIMEOUT, "file_stalled"),
        Err(error) => {
            tracing::warn!(%error, "a file of a device is not kept");
            refuse(service, StatusCode::SERVICE_UNAVAILABLE, "file_not_kept")
        }
    }
}

fn refuse(service: &Arc<Service>, status: StatusCode, reason: &'static str) -> Response {
    service.metrics.refused(reason);
    tracing::debug!(reason, "a transfer of a file is refused");
    status.into_response()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
