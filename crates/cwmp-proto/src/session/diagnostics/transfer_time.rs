use crate::DateTime;

/// Microseconds between two times of a CPE, each as its data model writes them: `2026-01-02T03:04:05.123456Z`. Both must have a
/// zone or neither, since without one only their difference means anything. `None`: one is unknown or no time, or the later
/// comes first.
#[must_use]
pub fn micros_between(began: &str, ended: &str) -> Option<u64> {
    let (began, began_has_zone) = micros(began)?;
    let (ended, ended_has_zone) = micros(ended)?;
    if began_has_zone != ended_has_zone {
        return None;
    }
    ended.checked_sub(began).and_then(|micros| u64::try_from(micros).ok())
}

/// Microseconds since 1970, in the zone that is said or in whatever zone the CPE has; and whether one is said.
fn micros(text: &str) -> Option<(i64, bool)> {
    let text = text.trim();
    let clock = text.split_once('T')?.1;
    let has_zone = clock.contains(['Z', '+', '-']);
    let whole = if has_zone { DateTime::new(text) } else { DateTime::new(format!("{text}Z")) };
    let secs = whole.unix_secs()?;
    let fraction = match clock.split_once('.') {
        Some((_, rest)) => {
            let digits = rest.split(['Z', '+', '-']).next()?;
            if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
                return None;
            }
            digits
                .bytes()
                .chain(std::iter::repeat(b'0'))
                .take(6)
                .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
        }
        None => 0,
    };
    Some((secs.checked_mul(1_000_000)?.checked_add(fraction)?, has_zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_differ_by_microseconds() {
        for (began, ended, expected) in [
            ("2026-01-02T03:04:05.000001Z", "2026-01-02T03:04:06.5Z", Some(1_499_999)),
            ("2026-01-02T03:04:05.123456", "2026-01-02T03:04:05.123456", Some(0)),
            ("2026-01-02T03:04:05", "2026-01-02T03:04:07.25", Some(2_250_000)),
            ("2026-01-02T05:04:05+02:00", "2026-01-02T03:04:06Z", Some(1_000_000)),
            ("2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05.123457Z", Some(1)),
            ("2026-01-02T03:04:06Z", "2026-01-02T03:04:05Z", None),
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:06", None),
            ("0001-01-01T00:00:00Z", "2026-01-02T03:04:05Z", None),
            ("2026-01-02T03:04:05.x", "2026-01-02T03:04:06", None),
            ("", "2026-01-02T03:04:05Z", None),
        ] {
            assert_eq!(micros_between(began, ended), expected, "{began} {ended}");
        }
    }
}
