use axum::response::{IntoResponse, Response};
use http::header;

/// GET `/v1/version`, public. Byte for byte as ever.
pub(crate) async fn version() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], r#"{"version":1,"minSupported":1}"#).into_response()
}
