use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// What stands after the `?`; a key that is not known is refused, lest a misspelt one choose everything.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let asked: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        asked
            .map(|Query(asked)| Self(asked))
            .map_err(|refusal| Problem::new(StatusCode::BAD_REQUEST, "query_invalid", refusal.body_text()))
    }
}

/// A list as the API has lists.
#[derive(Serialize)]
pub(crate) struct Listed<T, M> {
    pub(crate) data: Vec<T>,
    pub(crate) meta: M,
    pub(crate) links: Links,
}

/// Where the list is, and where it goes on.
#[derive(Serialize)]
pub(crate) struct Links {
    #[serde(rename = "self")]
    pub(crate) here: String,
    pub(crate) next: Option<String>,
}
