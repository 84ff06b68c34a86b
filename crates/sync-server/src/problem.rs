use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sangam_storage::StoreError;
use sangam_sync_proto::message::{ErrorCode, ErrorResponse, Message as _};
use serde::Serialize;

/// A refusal, before it is known whether it is told in CBOR or JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: ErrorCode,
    /// For the client: what, why, what to do.
    pub(crate) message: String,
    pub(crate) details: Option<String>,
    pub(crate) field: Option<&'static str>,
    pub(crate) retry_after_secs: Option<u64>,
    /// One stable word, for counters and logs.
    pub(crate) reason: &'static str,
}

impl Problem {
    /// With a status, a code and one word.
    pub(crate) fn new(status: StatusCode, code: ErrorCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: None, field: None, retry_after_secs: None, reason }
    }

    /// 400: what was sent cannot be taken.
    pub(crate) fn invalid(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, reason, message)
    }

    /// 401: who calls is not known.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::AuthenticationFailed, "unauthorized", message)
    }

    /// 403: who calls is known, and this is not theirs. Tells nothing of what is there.
    pub(crate) fn forbidden() -> Self {
        let message = "Not authorized to access this resource";
        Self::new(StatusCode::FORBIDDEN, ErrorCode::AuthorizationFailed, "forbidden", message)
    }

    /// 413: longer than is read.
    pub(crate) fn too_large(max: usize) -> Self {
        let message = format!("The request body is too large: at most {max} bytes are read, packed or unpacked");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::InvalidRequest, "body_too_large", message)
    }

    /// 503: not now.
    pub(crate) fn unavailable(reason: &'static str, message: impl Into<String>, retry_after_secs: u64) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::ServiceUnavailable, reason, message);
        Self { retry_after_secs: Some(retry_after_secs.max(1)), ..problem }
    }

    pub(crate) fn because(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    pub(crate) fn details(self, details: impl Into<String>) -> Self {
        Self { details: Some(details.into()), ..self }
    }

    pub(crate) fn field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }
}

impl From<&StoreError> for Problem {
    /// Where the store is and what it said is for the log, not for a client.
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Busy => Self::unavailable("store_busy", "The server is busy: try again", 1),
            StoreError::Full { .. } => {
                Self::unavailable("store_full", "The server has no room: nothing was changed, try again later", 30)
            }
            StoreError::Uncertain { .. } => {
                Self::unavailable("store_uncertain", "The server's store failed: send the same again", 5)
            }
            _ => Self::unavailable("store_failed", "The server's store cannot be used at the moment: try again", 5),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if !matches!(error, StoreError::Busy) {
            tracing::warn!(%error, "the store of sync could not be read");
        }
        Self::from(&error)
    }
}

/// In which form a request is answered if it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Cbor,
    Json,
}

impl Form {
    /// CBOR if the request is CBOR or asks for it, or is a POST that says nothing else; else JSON.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let names = |what: &str| {
            [header::ACCEPT, header::CONTENT_TYPE].iter().flat_map(|name| headers.get_all(name)).any(|value| {
                let value = value.as_bytes().to_ascii_lowercase();
                value.windows(what.len()).any(|part| part == what.as_bytes())
            })
        };
        if names("application/cbor") || (*method == Method::POST && !names("application/json")) {
            Self::Cbor
        } else {
            Self::Json
        }
    }
}

#[derive(Serialize)]
struct Json<'a> {
    error: &'a str,
    code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Problem {
    /// As it is answered. The header tells when to come back after too many requests; the message stays as short as ever.
    pub(crate) fn render(&self, form: Form) -> Response {
        let (kind, body) = match form {
            Form::Cbor => ("application/cbor", self.cbor()),
            Form::Json => ("application/json", self.json()),
        };
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sync\""));
            }
            // RFC 9110 §15.5.16: tells what would have been understood.
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd, identity"));
            }
            _ => {}
        }
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }

    fn cbor(&self) -> Vec<u8> {
        let limited = self.code == ErrorCode::RateLimitExceeded;
        let body = ErrorResponse {
            code: self.code,
            message: self.message.clone(),
            details: self.details.clone(),
            field: self.field.map(str::to_owned),
            retry_after_secs: self.retry_after_secs.filter(|_| !limited),
            request_id: None,
        };
        body.encode()
    }

    fn json(&self) -> Vec<u8> {
        let body = Json {
            error: &self.message,
            code: self.code.number(),
            details: self.details.as_deref(),
            field: self.field,
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

/// Without a body yet: the gate, which knows the request, writes it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_fails_is_a_reason_to_come_back_and_its_place_is_nobodys_business() {
        let at = || "/canary/sync.db".to_owned();
        for error in [
            StoreError::Busy,
            StoreError::Full { at: at() },
            StoreError::Uncertain { at: at(), source: "canary".into() },
            StoreError::Damaged { at: at(), what: "canary".to_owned() },
            StoreError::io(at(), std::io::Error::other("canary")),
        ] {
            let answer = Problem::from(&error).render(Form::Cbor);
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{error}");
            assert!(answer.headers().contains_key(header::RETRY_AFTER), "{error}");
            let problem = Problem::from(&error);
            assert_eq!(problem.code, ErrorCode::ServiceUnavailable);
            assert!(!String::from_utf8_lossy(&problem.json()).contains("canary"), "{error}");
        }
    }
}
