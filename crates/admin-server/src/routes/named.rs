use axum::extract::{FromRequestParts, Path};
use http::StatusCode;
use http::request::Parts;

use crate::problem::Problem;

/// The one name that stands in the path, percent-decoded.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name: Result<Path<String>, _> = Path::from_request_parts(parts, state).await;
        name.map(|Path(name)| Self(name))
            .map_err(|refusal| Problem::new(StatusCode::BAD_REQUEST, "path_invalid", refusal.body_text()))
    }
}
