use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use secrecy::SecretString;
use serde_json::Value;

use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::fault::Fault;
use crate::http::{Url, ask_with, bearer};

/// What an API answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null if it is no JSON.
    pub body: Value,
}

/// What is asked of an API.
#[derive(Clone, Debug)]
pub struct ApiRequest<'a> {
    /// The method.
    pub method: Method,
    /// With its query.
    pub path: &'a str,
    /// Empty: none.
    pub body: Vec<u8>,
    /// `Idempotency-Key`: said again, the same request does nothing more.
    pub idempotency_key: Option<&'a str>,
}

/// Asks an HTTP API whose answers are JSON, of the server at `url`.
///
/// # Errors
/// Outer: nothing could be asked, as there is no such URL, its name does not resolve, or the token or key has characters that no header has.
/// Inner: there was no answer.
pub async fn api(
    url: &str,
    request: ApiRequest<'_>,
    token: Option<&SecretString>,
    bounds: Bounds<'_>,
) -> Result<Result<ApiAnswer, Fault>, ProbeError> {
    let url = Url::parse(url, ["http", "https"], "HTTP", "https://rtc.example.org")?.with_path(request.path)?;
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, bearer(token)?);
    }
    if let Some(key) = request.idempotency_key {
        headers.insert("idempotency-key", HeaderValue::from_str(key).map_err(|_| ProbeError::IdempotencyKey)?);
    }
    let answer = ask_with(request.method, &url, headers, Bytes::from(request.body), bounds).await?;
    Ok(answer.map(|answer| ApiAnswer {
        status: answer.status,
        body: serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
    }))
}
