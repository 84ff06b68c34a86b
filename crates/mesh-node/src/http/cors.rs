use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

/// The answer to a page that asks whether it may ask; [`dress`] says it.
pub(super) fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, Last-Event-ID, Cache-Control"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Says whether the page may read the answer; to one that may not, nothing is said.
pub(super) fn dress(origins: &[String], origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let listed = |origin: &&HeaderValue| origins.iter().any(|it| it.as_bytes().eq_ignore_ascii_case(origin.as_bytes()));
    if let Some(origin) = origin.filter(listed) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        return;
    }
    for name in
        [header::ACCESS_CONTROL_ALLOW_METHODS, header::ACCESS_CONTROL_ALLOW_HEADERS, header::ACCESS_CONTROL_MAX_AGE]
    {
        headers.remove(name);
    }
}
