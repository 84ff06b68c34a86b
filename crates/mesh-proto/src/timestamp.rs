//! Times as text: how Python and JavaScript write them, and reading either.

use sangam_types::Wall;

/// As Python's `datetime.now(timezone.utc).isoformat()`: `2026-11-20T15:29:40.442000+00:00`. Python leaves the fraction out
/// when it is zero; here it is always there. Our clocks count milliseconds, so its last three digits are zero.
pub(crate) fn python(at: Wall) -> String {
    format!("{}.{:03}000+00:00", to_seconds(at), at.unix_millis() % 1000)
}

/// As JavaScript's `toISOString()`: `2026-11-20T15:38:25.468Z`.
pub(crate) fn javascript(at: Wall) -> String {
    format!("{}.{:03}Z", to_seconds(at), at.unix_millis() % 1000)
}

/// Seconds since 1970 with a fraction, as Python's `time.time()`.
#[expect(clippy::cast_precision_loss, reason = "milliseconds fit 53 bits for 285,000 years")]
pub(crate) fn unix_seconds(at: Wall) -> f64 {
    at.unix_millis() as f64 / 1000.0
}

/// Reads `2026-11-20T15:38:25[.fraction](Z|+hh:mm)` from 1970 on (RFC 3339 §5.6); finer than milliseconds is cut off.
pub(crate) fn parse(text: &str) -> Option<Wall> {
    if text.len() > 40 || !text.is_ascii() {
        return None;
    }
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let (time, offset) = split_offset(rest)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':');
    let (hour, minute, second) = (digits(time.next()?, 2)?, digits(time.next()?, 2)?, digits(time.next()?, 2)?);
    let inside = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !inside || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    u64::try_from(seconds * 1000 + millis).ok().map(Wall::from_unix_millis)
}

/// The time of day, and the zone's seconds east of Greenwich.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let place = text.rfind(['+', '-'])?;
    let (time, zone) = text.split_at_checked(place)?;
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let east = digits(hours, 2)? * 3600 + digits(minutes, 2)? * 60;
    Some((time, if zone.starts_with('-') { -east } else { east }))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let good = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}

fn to_seconds(at: Wall) -> String {
    let (days, of_day) = (at.unix_secs() / 86_400, at.unix_secs() % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// The date that many days after 1970-01-01. Years begin in March here, so that a leap day is a year's last, and 400 of
/// them have 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    let from_march_0 = days + 719_468;
    let (era, of_era) = (from_march_0 / 146_097, from_march_0 % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The days from 1970-01-01 to a date, as [`date`] counts.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_python_and_javascript_write_them() {
        // `datetime.fromtimestamp(1795188565.309, timezone.utc).isoformat()`, `new Date(1795188565309).toISOString()`
        let at = Wall::from_unix_millis(1_795_188_565_309);
        assert_eq!(python(at), "2026-11-20T15:29:25.309000+00:00");
        assert_eq!(javascript(at), "2026-11-20T15:29:25.309Z");
        assert_eq!(javascript(Wall::default()), "1970-01-01T00:00:00.000Z");
        assert_eq!(unix_seconds(at).to_string(), "1795188565.309");
    }

    #[test]
    fn every_day_of_four_centuries_is_read_as_it_was_written() {
        for day in 0..146_097 {
            let at = Wall::from_unix_secs(day * 86_400 + 86_399);
            assert_eq!(parse(&javascript(at)), Some(at));
        }
        assert_eq!(javascript(Wall::from_unix_secs(951_782_400)), "2000-02-29T00:00:00.000Z");
    }

    #[test]
    fn other_spellings_of_a_time_are_read_and_nonsense_is_not() {
        let at = parse("2026-11-20T15:29:25.309Z");
        for same in ["2026-11-20T16:29:25.309456+01:00", "2026-11-20T09:59:25.309-05:30", "2026-11-20 15:29:25.3090z"] {
            assert_eq!(parse(same), at, "{same}");
        }
        assert_eq!(parse("2026-11-20T15:29:25Z").map(Wall::unix_millis), Some(1_795_188_565_000));
        for text in [
            "",
            "now",
            "2026-11-20",
            "2026-13-20T15:29:25Z",
            "2026-11-20T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-20T15:29:25",
            "2026-11-20T15:29:25.Z",
            "2026-11-20T15:29:+5Z",
            "２026-11-20T15:29:25Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
