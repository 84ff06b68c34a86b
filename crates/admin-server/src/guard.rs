//! What happens around every route: counting, bounds, headers, and no panic gets out.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, REFERRER_POLICY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use sangam_auth::scope::Scope;
use sangam_net::http::Client;

use crate::access::Denied;
use crate::problem::Problem;
use crate::routes::devices::PUT_FILE;
use crate::state::Shared;

/// Counts the answer under the route that matched, and sets the headers that every answer has.
pub(crate) async fn observe(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    shared.metrics.answered(route, response.status().as_u16());
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Refuses a body that announces more than is allowed, or does not announce its length, before it is read.
pub(crate) async fn limit_body(State(bytes_max): State<usize>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // A file is bounded where it is taken.
    if route == Some(PUT_FILE) || body_fits(request.headers(), bytes_max) {
        return next.run(request).await;
    }
    let detail = format!("The body must have a Content-Length of at most {bytes_max} bytes.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).into_response()
}

fn body_fits(headers: &HeaderMap, bytes_max: usize) -> bool {
    match headers.get(CONTENT_LENGTH) {
        Some(length) => {
            length.to_str().ok().and_then(|text| text.parse::<usize>().ok()).is_some_and(|n| n <= bytes_max)
        }
        None => !headers.contains_key(TRANSFER_ENCODING),
    }
}

/// Lets only requests through that may read the API.
pub(crate) async fn admin_read(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    match shared.may_read(request.extensions().get(), request.headers(), Scope::AdminRead) {
        Ok(()) => next.run(request).await,
        Err(denied) => denied.into_response(),
    }
}

/// Whoever may change things; a handler that asks for it runs for nobody else.
pub(crate) struct Writer {
    /// The token's subject, for the log.
    pub(crate) subject: String,
}

impl FromRequestParts<Arc<Shared>> for Writer {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Denied> {
        let verdict = shared.access.load().may_write(&parts.headers, shared.now().wall);
        let verdict = verdict.inspect_err(|denied| {
            shared.metrics.refused(denied.code());
            tracing::debug!(path = parts.uri.path(), reason = denied.code(), "write refused");
        });
        Ok(Self { subject: verdict? })
    }
}

impl Shared {
    /// Decides whether a request may read what needs `scope`; a refusal is counted and logged.
    pub(crate) fn may_read(&self, client: Option<&Client>, headers: &HeaderMap, scope: Scope) -> Result<(), Denied> {
        let verdict = self.access.load().may_read(client, headers, scope, self.now().wall);
        verdict.inspect_err(|denied| {
            self.metrics.refused(denied.code());
            tracing::debug!(client = client.map(|c| tracing::field::display(c.addr)), reason = denied.code(), %scope, "read refused");
        })
    }
}

/// The answer for a handler that panicked. The panic hook has logged it.
pub(crate) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    let detail = "The server made a mistake; its log has the place. Please report it.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
}
