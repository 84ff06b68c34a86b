use bytes::Bytes;
use http::Method;
use secrecy::SecretString;
use serde_json::Value;

use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::fault::Fault;
use crate::http::{Url, ask};

/// What an API answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null if it is no JSON.
    pub body: Value,
}

/// Asks an HTTP API whose bodies are JSON: `path`, with its query, of the server at `url`.
///
/// # Errors
/// Outer: nothing could be asked, as there is no such URL or its name does not resolve. Inner: there was no answer.
pub async fn api(
    url: &str,
    method: Method,
    path: &str,
    token: Option<&SecretString>,
    body: Option<&Value>,
    bounds: Bounds<'_>,
) -> Result<Result<ApiAnswer, Fault>, ProbeError> {
    let url = Url::parse(url, ["http", "https"], "HTTP", "https://rtc.example.org")?.with_path(path)?;
    let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    let answer = ask(method, &url, token, body, bounds).await?;
    Ok(answer.map(|answer| ApiAnswer {
        status: answer.status,
        body: serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
    }))
}
