use std::time::Duration;

use rand::RngExt as _;

use crate::{ClientError, ClientOptions};

/// How long to wait after an attempt, counted from 1, that ended so; `None`: this was the last.
///
/// The server's own wish counts where it is longer. If it is longer than may be waited, asking earlier would be in vain.
pub(crate) fn wait_after(attempt: u32, error: &ClientError, options: &ClientOptions) -> Option<Duration> {
    if attempt >= options.attempts_max || !error.is_retryable() {
        return None;
    }
    let wished = error.retry_after().unwrap_or_default();
    if wished > options.wait_max {
        return None;
    }
    let doubled = options.wait_first.saturating_mul(1 << (attempt - 1).min(16));
    // Devices that lost their server together must not come back together.
    let spread = doubled.mul_f64(rand::rng().random_range(0.75..1.25));
    Some(spread.min(options.wait_max).max(wished))
}

#[cfg(test)]
mod tests {
    use sangam_sync_proto::message::ErrorCode;

    use super::*;
    use crate::Refusal;

    fn refused(status: u16, code: ErrorCode, after: Option<u64>) -> ClientError {
        let retry_after = after.map(Duration::from_secs);
        ClientError::Refused(Refusal { status, code, message: String::new(), retry_after })
    }

    #[test]
    fn waits_double_up_to_a_bound_and_end_with_the_attempts() {
        let options = ClientOptions { attempts_max: 9, wait_max: Duration::from_secs(5), ..ClientOptions::default() };
        let error = ClientError::Timeout(options.timeout);
        for (attempt, ms) in [(1, 500), (2, 1_000), (3, 2_000), (4, 4_000)] {
            let waited = wait_after(attempt, &error, &options).unwrap().as_millis();
            assert!((ms * 3 / 4..=ms * 5 / 4).contains(&waited), "{attempt}: {waited}");
        }
        assert_eq!(wait_after(8, &error, &options), Some(options.wait_max));
        assert_eq!(wait_after(9, &error, &options), None);
    }

    #[test]
    fn the_server_is_given_the_time_it_asks_for_and_not_tried_if_that_is_too_long() {
        let options = ClientOptions::default();
        let busy = |after| refused(503, ErrorCode::ServiceUnavailable, after);
        assert_eq!(wait_after(1, &busy(Some(20)), &options), Some(Duration::from_secs(20)));
        assert_eq!(wait_after(1, &busy(Some(3_600)), &options), None);
        assert!(wait_after(1, &busy(None), &options).is_some());
    }

    #[test]
    fn what_will_be_refused_again_is_not_sent_again() {
        for code in [ErrorCode::InvalidRequest, ErrorCode::AuthenticationFailed, ErrorCode::InvalidCursor] {
            assert_eq!(wait_after(1, &refused(400, code, Some(1)), &ClientOptions::default()), None);
        }
    }
}
