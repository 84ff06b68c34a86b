use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use http::{StatusCode, Uri};
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

/// Members of a page whose size nobody says.
pub(crate) const LIMIT_DEFAULT: usize = 100;
/// Members of a page at most.
pub(crate) const LIMIT_MAX: usize = 1_000;

/// The address of the page that begins after that: this one's with another `after`, which stands there as it is.
pub(crate) fn following(uri: &Uri, after: &str) -> String {
    let query = uri.query().unwrap_or_default().split('&');
    let kept = query.filter(|pair| !pair.is_empty() && !pair.starts_with("after="));
    let after = format!("after={after}");
    let pairs: Vec<&str> = kept.chain([after.as_str()]).collect();
    format!("{}?{}", uri.path(), pairs.join("&"))
}

/// A number from 1 to `max`; the default if none is asked for.
pub(crate) fn within(asked: Option<usize>, default: usize, max: usize, name: &str) -> Result<usize, Problem> {
    let number = asked.unwrap_or(default);
    let refusal = || {
        let detail = format!("`{name}` is a number from 1 to {max}.");
        Problem::new(StatusCode::BAD_REQUEST, "query_invalid", detail)
    };
    (1..=max).contains(&number).then_some(number).ok_or_else(refusal)
}

/// `after` is none of ours.
pub(crate) fn no_cursor() -> Problem {
    let detail = "`after` is what a page's `links.next` has there; begin with the first page.";
    Problem::new(StatusCode::BAD_REQUEST, "query_invalid", detail)
}
