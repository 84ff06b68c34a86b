use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{Method, StatusCode, Uri};
use tower_http::catch_panic::CatchPanicLayer;

use crate::problem::Problem;
use crate::state::{AdminState, Shared};
use crate::{assets, guard, routes};

/// The routes of this crate, complete but for a listener. No fallback is set: the binary joins them with other
/// drivers' routes and sets one, [`not_found`] for instance.
pub fn router(state: AdminState) -> Router {
    let (body_bytes_max, import_bytes_max) = (state.options.body_bytes_max, state.options.import_bytes_max);
    let shared = Shared::new(state);
    let others = Router::new()
        .route("/health", get(routes::health::health))
        .route("/ready", get(routes::ready::ready))
        .route("/metrics", get(routes::metrics::metrics))
        .route("/api/v1/tokens/renew", post(routes::tokens::renew::renew).options(routes::tokens::renew::preflight))
        .merge(api(&shared))
        .merge(assets::router())
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(body_bytes_max, guard::limit_body));
    // Of what is merged, the last decides about paths that are no route's.
    imports(&shared, import_bytes_max)
        .merge(others)
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(from_fn_with_state(Arc::clone(&shared), guard::observe))
        .with_state(shared)
}

/// Everything below `/api/v1`, behind one guard: what does not exist is told only to those who may read the rest.
fn api(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/system/health", get(routes::system_health::system_health))
        .merge(routes::relay::router(shared))
        .merge(routes::rooms::router(shared))
        .merge(routes::sync::router())
        .merge(routes::devices::router())
        .merge(routes::stomp::router())
        .merge(routes::telemetry::router())
        .merge(routes::tokens::router())
        .route("/api/v1", any(not_found))
        .route("/api/v1/", any(not_found))
        .route("/api/v1/{*path}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(shared), guard::admin_read))
}

/// What takes bodies of many lines, behind the same guard with a bound of its own.
fn imports(shared: &Arc<Shared>, bytes_max: usize) -> Router<Arc<Shared>> {
    routes::devices::import::router(bytes_max)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(shared), guard::admin_read))
        .layer(from_fn_with_state(bytes_max, guard::limit_body))
}

/// Answers 404 with problem details.
pub async fn not_found(method: Method, uri: Uri) -> Response {
    let detail = format!("There is no {method} {} here.", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail).into_response()
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let detail = format!("{} does not answer {method}; the Allow header says what it does.", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response()
}
