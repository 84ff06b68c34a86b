use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::state::Shared;

/// Scripts, styles and images from here only. Signaling may answer on another port of this host, which `'self'`
/// does not cover: WebSockets may go anywhere.
const PAGE_POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file built into the binary.
#[derive(Clone, Copy)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// `path, content type <- file below web/`.
macro_rules! assets {
    ($($path:literal, $content_type:expr, $file:literal;)*) => {
        &[$(Asset {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../../web/", $file)),
        }),*]
    };
}

/// Every file that is served, the page at `/check/` file by file.
const ASSETS: &[Asset] = assets! {
    "/", HTML, "home/index.html";
    "/home.css", CSS, "home/home.css";
    "/check/", HTML, "check/index.html";
    "/check/candidate-view.js", JS, "check/candidate-view.js";
    "/check/candidate.js", JS, "check/candidate.js";
    "/check/card.js", JS, "check/card.js";
    "/check/channel-session.js", JS, "check/channel-session.js";
    "/check/check.css", CSS, "check/check.css";
    "/check/checksum.js", JS, "check/checksum.js";
    "/check/deadline.js", JS, "check/deadline.js";
    "/check/duration.js", JS, "check/duration.js";
    "/check/element.js", JS, "check/element.js";
    "/check/gathering-verdict.js", JS, "check/gathering-verdict.js";
    "/check/gathering.js", JS, "check/gathering.js";
    "/check/ice-error.js", JS, "check/ice-error.js";
    "/check/ice-servers.js", JS, "check/ice-servers.js";
    "/check/ice-uri.js", JS, "check/ice-uri.js";
    "/check/link-peer.js", JS, "check/link-peer.js";
    "/check/link-test.js", JS, "check/link-test.js";
    "/check/link-verdict.js", JS, "check/link-verdict.js";
    "/check/main.js", JS, "check/main.js";
    "/check/mark.svg", SVG, "check/mark.svg";
    "/check/selected-pair.js", JS, "check/selected-pair.js";
    "/check/setup-form.js", JS, "check/setup-form.js";
    "/check/signaling.js", JS, "check/signaling.js";
    "/check/step-view.js", JS, "check/step-view.js";
    "/check/steps.js", JS, "check/steps.js";
    "/check/verdict.js", JS, "check/verdict.js";
};

/// The pages.
pub(crate) fn router() -> Router<Arc<Shared>> {
    // Relative, so that it also holds behind a proxy that adds a prefix.
    let router = Router::new().route("/check", get(async || Redirect::permanent("check/")));
    ASSETS.iter().fold(router, |router, asset| {
        let etag = etag(asset.bytes);
        router.route(asset.path, get(async move |headers: HeaderMap| asset.answer(&etag, &headers)))
    })
}

impl Asset {
    fn answer(&self, etag: &HeaderValue, headers: &HeaderMap) -> Response {
        let caching = [(ETAG, etag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        if holds(headers, etag) {
            return (StatusCode::NOT_MODIFIED, caching).into_response();
        }
        let kind = [(CONTENT_TYPE, self.content_type), (CONTENT_SECURITY_POLICY, PAGE_POLICY)];
        (caching, kind, self.bytes).into_response()
    }
}

/// A strong entity tag (RFC 9110 §8.8.3): half of the bytes' SHA-256 in hex.
fn etag(bytes: &[u8]) -> HeaderValue {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("\"{hex}\"")).expect("hex in quotes is a header value")
}

/// Whether the client holds this version already (RFC 9110 §13.1.2, weak comparison).
fn holds(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes())
}

#[cfg(test)]
mod tests;
