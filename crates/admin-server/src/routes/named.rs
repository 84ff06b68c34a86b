use axum::extract::{FromRequestParts, Path};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The one name that stands in the path, percent-decoded; or several as a tuple.
pub(crate) struct Named<T = String>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name: Result<Path<T>, _> = Path::from_request_parts(parts, state).await;
        name.map(|Path(name)| Self(name))
            .map_err(|refusal| Problem::new(StatusCode::BAD_REQUEST, "path_invalid", refusal.body_text()))
    }
}
