//! What routes of revocations share.

use std::time::UNIX_EPOCH;

use http::StatusCode;
use sangam_control::RevocationError;
use sangam_types::Wall;

use crate::problem::Problem;

/// `until` of an order.
pub(crate) fn time(text: &str) -> Result<Wall, Problem> {
    let time = humantime::parse_rfc3339_weak(text).ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let refusal = || {
        let detail = "`until` is a time of RFC 3339 in UTC, as 2030-01-31T12:00:00Z.";
        Problem::new(StatusCode::BAD_REQUEST, "time_invalid", detail)
    };
    time.map(|since| Wall::from_unix_secs(since.as_secs())).ok_or_else(refusal)
}

pub(crate) fn refused(error: RevocationError) -> Problem {
    let (status, code) = match &error {
        RevocationError::Full { .. } => (StatusCode::CONFLICT, "revocations_full"),
        RevocationError::Over => (StatusCode::BAD_REQUEST, "time_invalid"),
        RevocationError::NotSaved { .. } => (StatusCode::SERVICE_UNAVAILABLE, "revocation_not_saved"),
    };
    Problem::new(status, code, error.to_string())
}

pub(crate) fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "revocation_not_found", "That name is not revoked.")
}
