use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use sangam_sync_proto::message::{Bounds, ErrorCode, ErrorResponse, Malformed, Message as _};

/// Why a request got no answer that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is none.
    #[error("`{0}` is no address of a sync server; one is https://sync.example.org")]
    Url(String),
    /// The token cannot stand in a header.
    #[error("the token holds characters that no token has")]
    Token,
    /// No connection, or it was lost.
    #[error("no connection to {0}")]
    Connection(String, #[source] std::io::Error),
    /// TLS failed: a certificate that is not believed, or no TLS there at all.
    #[error("no TLS: {0}")]
    Tls(String),
    /// The connection ended amid a request, or what came is no HTTP.
    #[error("the exchange broke off")]
    Exchange(#[source] hyper::Error),
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The answer is longer than is taken.
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
    /// The server refuses.
    #[error("{0}")]
    Refused(Refusal),
    /// The answer is not what it should be.
    #[error("the answer to {what} cannot be read: {source}")]
    Malformed {
        /// Of which request.
        what: &'static str,
        /// What is wrong with it.
        source: Malformed,
    },
    /// The answer is not the JSON it should be.
    #[error("the answer to {what} cannot be read: {source}")]
    Json {
        /// Of which request.
        what: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// What a server says when it refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}, code {}: {message}", code.number())]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Why, in the protocol's own numbers.
    pub code: ErrorCode,
    /// Why, in words.
    pub message: String,
    /// How long to wait before the next attempt, if the server says so.
    pub retry_after: Option<Duration>,
}

impl ClientError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connection(..) | Self::Exchange(_) | Self::Timeout(_) => true,
            Self::Refused(refusal) => refusal.code.is_retryable() || refusal.status >= 500,
            Self::Url(_)
            | Self::Token
            | Self::Tls(_)
            | Self::TooLong(_)
            | Self::Malformed { .. }
            | Self::Json { .. } => false,
        }
    }

    /// Whether another token is needed.
    #[must_use]
    pub fn needs_login(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code.needs_login())
    }

    /// Why the server refuses, if it does.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

/// The shape of a refusal in JSON.
#[derive(serde::Deserialize)]
struct JsonError {
    error: String,
    #[serde(default)]
    code: u64,
}

impl Refusal {
    /// Reads it from CBOR, from JSON, or from the status alone: a proxy in between has a form of its own.
    pub(crate) fn read(status: u16, headers: &HeaderMap, body: &Bytes) -> Self {
        let waits = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (code, message, secs) = match read_body(kind, body) {
            Some(read) => read,
            None => (of_status(status), "no reason is given".to_owned(), None),
        };
        Self { status, code, message, retry_after: waits.or(secs).map(Duration::from_secs) }
    }
}

fn read_body(kind: &str, body: &Bytes) -> Option<(ErrorCode, String, Option<u64>)> {
    if kind.starts_with("application/cbor") {
        let read = ErrorResponse::decode(body, &Bounds::default()).ok()?;
        return Some((read.code, read.message, read.retry_after_secs));
    }
    let read: JsonError = serde_json::from_slice(body).ok()?;
    Some((ErrorCode::from_number(read.code), read.error, None))
}

fn of_status(status: u16) -> ErrorCode {
    match status {
        401 => ErrorCode::AuthenticationFailed,
        403 => ErrorCode::AuthorizationFailed,
        429 => ErrorCode::RateLimitExceeded,
        502 | 503 => ErrorCode::ServiceUnavailable,
        504 => ErrorCode::Timeout,
        _ => ErrorCode::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, kind: &'static str, retry_after: Option<&'static str>, body: &'static [u8]) -> Refusal {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, value.parse().unwrap());
        }
        Refusal::read(status, &headers, &Bytes::from_static(body))
    }

    #[test]
    fn a_refusal_is_read_from_cbor_from_json_and_from_the_status_alone() {
        let cbor = refusal(429, "application/cbor", Some("7"), b"\xa2\x64code\x07\x67message\x64slow");
        assert_eq!((cbor.code, cbor.message.as_str()), (ErrorCode::RateLimitExceeded, "slow"));
        assert_eq!(cbor.retry_after, Some(Duration::from_secs(7)));
        let json = refusal(403, "application/json", None, br#"{"error":"not yours","code":3}"#);
        assert_eq!((json.code, json.message.as_str()), (ErrorCode::AuthorizationFailed, "not yours"));
        let proxy = refusal(502, "text/html", None, b"<h1>Bad Gateway</h1>");
        assert_eq!(proxy.code, ErrorCode::ServiceUnavailable);
        assert!(ClientError::Refused(proxy).is_retryable() && !ClientError::Refused(json.clone()).is_retryable());
        assert!(ClientError::Refused(json).needs_login());
    }
}
