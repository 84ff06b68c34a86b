/// A time as it stands in a message: `xs:dateTime`, kept as it came.
///
/// TR-069 Amendment 6 Annex A.2.1: without a zone it is local to the CPE, and [`UNKNOWN`](Self::UNKNOWN) stands for a
/// time that the CPE does not know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateTime(String);

impl DateTime {
    /// `0001-01-01T00:00:00Z`
    pub const UNKNOWN: &'static str = "0001-01-01T00:00:00Z";

    /// Takes a text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A time that is not known.
    #[must_use]
    pub fn unknown() -> Self {
        Self(Self::UNKNOWN.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the CPE says that it does not know: year 1 in any spelling, or nothing at all.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let text = self.0.trim();
        text.is_empty() || text.starts_with("0001-") || text.starts_with("0000-")
    }

    /// Seconds since 1970-01-01T00:00:00Z. `None` if it is unknown, is no `xs:dateTime`, or says no zone: then only the
    /// CPE knows what it means.
    #[must_use]
    pub fn unix_secs(&self) -> Option<i64> {
        if self.is_unknown() {
            return None;
        }
        let (date, rest) = self.0.trim().split_once('T')?;
        let [year, month, day] = numbers(date, '-')?;
        let zone_at = rest.find(['Z', '+', '-'])?;
        let (clock, zone) = rest.split_at(zone_at);
        let [hour, minute, second] = numbers(clock.split('.').next()?, ':')?;
        let is_real = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
        if !is_real || !(1..=9_999).contains(&year) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let secs = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        Some(secs - zone_secs(zone)?)
    }
}

impl Default for DateTime {
    fn default() -> Self {
        Self::unknown()
    }
}

/// Three groups of digits.
fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between).map(|part| {
        let is_plain = (1..=4).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_digit());
        is_plain.then(|| part.parse::<i64>().ok()).flatten()
    });
    let all = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(all)
}

/// `Z`, `+02:00` or `-0530`: seconds east of Greenwich.
fn zone_secs(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.get(1..)?.chars().filter(|it| *it != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar; years count from March, so that the leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_a_zone_is_a_moment() {
        let table = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600)),
            ("2026-11-22T06:30:00.250+01:00", Some(1_795_325_400)),
            ("2026-11-22T06:30:00-0530", Some(1_795_348_800)),
            ("2026-11-22T06:30:00", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-11-22", None),
            ("0001-01-01T00:00:00Z", None),
            ("now", None),
            ("", None),
            ("99999999999999999999-01-01T00:00:00Z", None),
            ("2026-11-22T06:30:00+é00", None),
        ];
        for (text, secs) in table {
            assert_eq!(DateTime::new(text).unix_secs(), secs, "{text}");
        }
    }

    #[test]
    fn year_one_means_that_the_time_is_not_known() {
        for text in [DateTime::UNKNOWN, "0001-01-01T00:00:00", "0000-00-00T00:00:00", ""] {
            assert!(DateTime::new(text).is_unknown(), "{text}");
        }
        assert!(!DateTime::new("1970-01-01T00:00:00Z").is_unknown());
    }
}
