use http::{Method, StatusCode};

/// Characters of a path that are logged.
const PATH_MAX: usize = 256;

/// Writes the line of one request: the fields that the guide of EntiDB's server names. No query, no header and no body is in it.
pub(crate) fn line(method: &Method, path: &str, status: StatusCode, duration_ms: u64) {
    let path = path.get(..PATH_MAX).unwrap_or(path);
    let (method, status) = (method.as_str(), status.as_u16());
    if status < 400 {
        tracing::info!(%method, %path, status, duration_ms);
    } else {
        tracing::warn!(%method, %path, status, duration_ms);
    }
}
