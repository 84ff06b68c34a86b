use bytes::Bytes;

use super::must;
use super::{Bounds, Malformed, Message, Reader, Writer};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// `code`.
    pub code: ErrorCode,
    /// `message`.
    pub message: String,
    /// `details`.
    pub details: Option<String>,
    /// `field`.
    pub field: Option<String>,
    /// `retryAfterSeconds`.
    pub retry_after_secs: Option<u64>,
    /// `requestId`.
    pub request_id: Option<String>,
}

impl Message for ErrorResponse {
    fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let (mut code, mut message, mut details) = (None, None, None);
        let (mut field, mut retry_after_secs, mut request_id) = (None, None, None);
        let mut reader = Reader::new(bytes, bounds);
        let map = reader.fields("the message", |reader, key| {
            match key {
                "code" => code = reader.number(key)?,
                "message" => message = reader.string(key)?,
                "details" => details = reader.string(key)?,
                "field" => field = reader.string(key)?,
                "retryAfterSeconds" => retry_after_secs = reader.number(key)?,
                "requestId" => request_id = reader.string(key)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        must(map, "the message", 0)?;
        reader.end()?;
        let code = ErrorCode::from_number(must(code, "code", 0)?);
        Ok(Self { code, message: must(message, "message", 0)?, details, field, retry_after_secs, request_id })
    }

    fn encode(&self) -> Vec<u8> {
        let texts = [("details", &self.details), ("field", &self.field)];
        let optional = [self.details.is_some(), self.field.is_some(), self.retry_after_secs.is_some()];
        let mut writer = Writer::default();
        writer.map(2 + optional.into_iter().filter(|there| *there).count() + usize::from(self.request_id.is_some()));
        writer.key_number("code", u64::from(self.code.number()));
        writer.key_text("message", &self.message);
        for (key, text) in texts {
            if let Some(text) = text {
                writer.key_text(key, text);
            }
        }
        if let Some(secs) = self.retry_after_secs {
            writer.key_number("retryAfterSeconds", secs);
        }
        if let Some(id) = &self.request_id {
            writer.key_text("requestId", id);
        }
        writer.0
    }
}

/// Why something is refused, as numbered on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// 0, and every number that is none of these.
    Unknown,
    /// 1.
    InvalidRequest,
    /// 2: log in anew.
    AuthenticationFailed,
    /// 3: log in anew.
    AuthorizationFailed,
    /// 4.
    DatabaseNotFound,
    /// 5.
    VersionMismatch,
    /// 6.
    Conflict,
    /// 7: may be tried again.
    RateLimitExceeded,
    /// 8: may be tried again.
    InternalError,
    /// 9: may be tried again.
    ServiceUnavailable,
    /// 10: may be tried again.
    Timeout,
    /// 11.
    InvalidCursor,
    /// 12.
    NotSupported,
}

impl ErrorCode {
    /// As numbered on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::InvalidRequest => 1,
            Self::AuthenticationFailed => 2,
            Self::AuthorizationFailed => 3,
            Self::DatabaseNotFound => 4,
            Self::VersionMismatch => 5,
            Self::Conflict => 6,
            Self::RateLimitExceeded => 7,
            Self::InternalError => 8,
            Self::ServiceUnavailable => 9,
            Self::Timeout => 10,
            Self::InvalidCursor => 11,
            Self::NotSupported => 12,
        }
    }

    /// The one with this number; [`Self::Unknown`] if there is none.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        match number {
            1 => Self::InvalidRequest,
            2 => Self::AuthenticationFailed,
            3 => Self::AuthorizationFailed,
            4 => Self::DatabaseNotFound,
            5 => Self::VersionMismatch,
            6 => Self::Conflict,
            7 => Self::RateLimitExceeded,
            8 => Self::InternalError,
            9 => Self::ServiceUnavailable,
            10 => Self::Timeout,
            11 => Self::InvalidCursor,
            12 => Self::NotSupported,
            _ => Self::Unknown,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimitExceeded | Self::InternalError | Self::ServiceUnavailable | Self::Timeout)
    }

    /// Whether the client needs another token.
    #[must_use]
    pub const fn needs_login(self) -> bool {
        matches!(self, Self::AuthenticationFailed | Self::AuthorizationFailed)
    }
}
