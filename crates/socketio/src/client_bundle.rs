use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

include!(concat!(env!("OUT_DIR"), "/client_files.rs"));

/// The browser's client, `socket.io.js` and its variants, served as Node's socket.io serves it.
///
/// It is in the library if `SANGAM_SOCKETIO_CLIENT_DIST` named the directory `client-dist` of npm's `socket.io` when it
/// was built. Else its addresses answer 404 and say that.
#[derive(Clone, Debug, Default)]
pub struct ClientBundle(Arc<Bundle>);

#[derive(Debug, Default)]
struct Bundle {
    files: BTreeMap<String, Bytes>,
    etag: String,
}

/// What is said in place of a client.
const ABSENT: &str = "This build has no Socket.IO client. Build with SANGAM_SOCKETIO_CLIENT_DIST set to the directory \
                      client-dist of the npm package socket.io, or take the client from your own page's packages.\n";

impl ClientBundle {
    /// The client that the build had, or none.
    #[must_use]
    pub fn embedded() -> Self {
        let files = FILES.iter().map(|(name, content)| ((*name).to_owned(), Bytes::from_static(content)));
        Self::of(files)
    }

    /// These files, by name.
    pub fn of(files: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        let files: BTreeMap<_, _> = files.into_iter().collect();
        let version = files.values().find_map(|content| version(content)).unwrap_or_default();
        Self(Arc::new(Bundle { files, etag: format!("\"{version}\"") }))
    }

    /// Whether there is a client.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.files.is_empty()
    }

    /// The routes `path/NAME`, to stand beside the engine's at the same path.
    pub fn router(&self, path: &str) -> Router {
        let path = path.trim_end_matches('/');
        Router::new().route(&format!("{path}/{{file}}"), get(serve)).with_state(self.clone())
    }
}

async fn serve(
    State(ClientBundle(bundle)): State<ClientBundle>,
    Path(name): Path<String>,
    asked: HeaderMap,
) -> Response {
    let Some(content) = bundle.files.get(&name) else {
        return if bundle.files.is_empty() && name.starts_with("socket.io.") {
            (StatusCode::NOT_FOUND, ABSENT).into_response()
        } else {
            StatusCode::NOT_FOUND.into_response()
        };
    };
    let known = asked.get(header::IF_NONE_MATCH).map(|etag| etag.as_bytes());
    if known.is_some_and(|known| known.strip_prefix(b"W/").unwrap_or(known) == bundle.etag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let kind = if name.ends_with(".map") { "application/json" } else { "application/javascript" };
    let headers = [
        (header::CACHE_CONTROL, "public, max-age=0".to_owned()),
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (header::ETAG, bundle.etag.clone()),
    ];
    (headers, content.clone()).into_response()
}

/// The version that a client names at its beginning: `Socket.IO v4.8.1`.
fn version(content: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&content[..content.len().min(200)]);
    let (_, rest) = head.split_once("Socket.IO v")?;
    Some(rest.chars().take_while(|it| it.is_ascii_alphanumeric() || matches!(it, '.' | '-')).collect())
}
