use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use crate::options::CorsOrigins;

/// What a page may send.
const ALLOWED_HEADERS: &str =
    "Authorization, Content-Type, Content-Encoding, X-Requested-With, Last-Event-ID, Cache-Control";

/// What a page may read besides what it may always.
const EXPOSED_HEADERS: &str =
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, WWW-Authenticate";

impl CorsOrigins {
    /// The answer to OPTIONS, before anything is asked about who calls.
    pub(crate) fn preflight(&self, origin: Option<&HeaderValue>) -> Response {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        if self.allow(origin, headers) {
            for (name, value) in [
                (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, OPTIONS"),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
                (header::ACCESS_CONTROL_MAX_AGE, "86400"),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        response
    }

    /// What any other answer says to the page that asked.
    pub(crate) fn dress(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.allow(origin, headers) {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }

    /// Says whether the page may read the answer. Where that depends on the page, caches must know, also of an answer to none.
    fn allow(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> bool {
        let allowed = match self {
            Self::Any => HeaderValue::from_static("*"),
            Self::Listed(listed) => {
                headers.append(header::VARY, HeaderValue::from_static("Origin"));
                let is_listed = |origin: &&HeaderValue| {
                    listed.iter().any(|one| one.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
                };
                let Some(origin) = origin.filter(is_listed) else { return false };
                origin.clone()
            }
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        true
    }
}
