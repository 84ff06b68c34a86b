use std::time::Duration;

use futures_util::future::BoxFuture;
use sangam_control::{Part, PartReport, PartState};
use sangam_types::Wall;

use crate::state::Clock;
use crate::timestamp::rfc3339;

/// Tells when the certificate in force ends; `None` if there is none.
type Expiry = Box<dyn Fn() -> Option<Wall> + Send + Sync>;

/// The certificate as a part of the server. It never fails, since plain listeners and open connections go on:
/// it degrades from `warn_ahead` before its end.
pub struct CertificatePart {
    clock: Clock,
    expiry: Expiry,
    warn_ahead: Duration,
}

impl CertificatePart {
    /// `expiry` is asked at each check, so that a renewed certificate is seen at once.
    pub fn new(clock: Clock, expiry: impl Fn() -> Option<Wall> + Send + Sync + 'static, warn_ahead: Duration) -> Self {
        Self { clock, expiry: Box::new(expiry), warn_ahead }
    }

    fn report(&self) -> PartReport {
        let now = (self.clock)().wall;
        let (state, detail) = match (self.expiry)() {
            None => (PartState::Ready, "no certificate is configured".to_owned()),
            Some(end) if end <= now => {
                (PartState::Degraded, format!("the certificate expired at {}: renew it", rfc3339(end)))
            }
            Some(end) if end <= now + self.warn_ahead => {
                (PartState::Degraded, format!("the certificate expires at {}: renew it", rfc3339(end)))
            }
            Some(end) => (PartState::Ready, format!("the certificate is good until {}", rfc3339(end))),
        };
        PartReport { state, detail }
    }
}

impl Part for CertificatePart {
    fn name(&self) -> &'static str {
        "certificate"
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        Box::pin(async { self.report() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sangam_types::Now;

    use super::*;

    #[test]
    fn a_certificate_degrades_before_it_ends_and_after_but_never_fails() {
        let now = Now { wall: Wall::from_unix_secs(1_000_000), ..Now::default() };
        let day = Duration::from_secs(86_400);
        for (end, state, word) in [
            (None, PartState::Ready, "no certificate"),
            (Some(now.wall + 15 * day), PartState::Ready, "good until 1970-01-27"),
            (Some(now.wall + 14 * day), PartState::Degraded, "expires at 1970-01-26"),
            (Some(now.wall), PartState::Degraded, "expired at 1970-01-12"),
        ] {
            let report = CertificatePart::new(Arc::new(move || now), move || end, 14 * day).report();
            assert_eq!(report.state, state, "{end:?}");
            assert!(report.detail.contains(word), "{}", report.detail);
        }
    }
}
