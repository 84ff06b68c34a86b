use axum::response::Response;
use http::StatusCode;

use crate::http::answer::refused;

/// A node of ours takes no part in the validators' votes, and says so as an original that is no validator does.
pub(in crate::http) async fn no_validator() -> Response {
    refused(StatusCode::FORBIDDEN, "this node is no validator")
}
