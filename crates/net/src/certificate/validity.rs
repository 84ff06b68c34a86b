use std::time::{Duration, SystemTime};

use super::der::{Der, tag};

/// From when to when a certificate is valid (RFC 5280 §4.1.2.5), both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Not valid before this.
    pub not_before: SystemTime,
    /// Not valid after this.
    pub not_after: SystemTime,
}

impl Validity {
    /// Reads the dates of a DER certificate; `None` if it is not one. Looks at nothing behind the dates.
    ///
    /// ```text
    /// Certificate SEQUENCE { TBSCertificate SEQUENCE {
    ///     version [0] OPTIONAL, serialNumber INTEGER, signature SEQUENCE, issuer SEQUENCE,
    ///     validity SEQUENCE { notBefore Time, notAfter Time }, …
    /// ```
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let mut certificate = Der(Der(certificate).expect(tag::SEQUENCE)?);
        let mut tbs = Der(certificate.expect(tag::SEQUENCE)?);
        if tbs.next_tag() == Some(tag::VERSION) {
            tbs.expect(tag::VERSION)?;
        }
        tbs.expect(tag::INTEGER)?;
        tbs.expect(tag::SEQUENCE)?;
        tbs.expect(tag::SEQUENCE)?;
        let mut validity = Der(tbs.expect(tag::SEQUENCE)?);
        Some(Self { not_before: validity.time()?, not_after: validity.time()? })
    }
}

impl Der<'_> {
    fn time(&mut self) -> Option<SystemTime> {
        let (tag, text) = self.next()?;
        let (year, rest) = match tag {
            // RFC 5280 §4.1.2.5.1: two digits, 50 to 99 are the last century's.
            tag::UTC_TIME => {
                let (digits, rest) = text.split_first_chunk::<2>()?;
                let year = number(digits)?;
                (if year >= 50 { 1900 + year } else { 2000 + year }, rest)
            }
            tag::GENERALIZED_TIME => {
                let (digits, rest) = text.split_first_chunk::<4>()?;
                (number(digits)?, rest)
            }
            _ => return None,
        };
        let (&[m1, m2, d1, d2, h1, h2, min1, min2, s1, s2, b'Z'], []) = rest.split_first_chunk::<11>()? else {
            return None;
        };
        let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[min1, min2])?, number(&[s1, s2])?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        since_epoch(seconds)
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in eras of 400 years that begin on 1 March, so
/// that the leap day is the last of a year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn since_epoch(seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> SystemTime {
        since_epoch(seconds).unwrap()
    }

    fn time(tag: u8, text: &str) -> Option<SystemTime> {
        let bytes = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        Der(&bytes).time()
    }

    fn certificate(not_before: (i32, u8, u8), not_after: (i32, u8, u8)) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(not_before.0, not_before.1, not_before.2);
        params.not_after = rcgen::date_time_ymd(not_after.0, not_after.1, not_after.2);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_dates_of_real_certificates_are_read() {
        let validity = Validity::of(&certificate((2024, 2, 29), (2051, 1, 1))).unwrap();
        assert_eq!(validity, Validity { not_before: at(1_709_164_800), not_after: at(2_556_144_000) });
        let past = Validity::of(&certificate((1965, 3, 1), (1999, 12, 31))).unwrap();
        assert_eq!(past, Validity { not_before: at(-152_668_800), not_after: at(946_598_400) });
    }

    #[test]
    fn both_kinds_of_time_are_read_and_nonsense_is_not() {
        for (tag, text, expected) in [
            (tag::UTC_TIME, "700101000000Z", Some(0)),
            (tag::UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (tag::GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (tag::GENERALIZED_TIME, "20000229120000Z", Some(951_825_600)),
            (tag::GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (tag::UTC_TIME, "701301000000Z", None),
            (tag::UTC_TIME, "700100000000Z", None),
            (tag::UTC_TIME, "700101240000Z", None),
            (tag::UTC_TIME, "70010100000Z", None),
            (tag::UTC_TIME, "700101000000", None),
            (tag::UTC_TIME, "7001010000x0Z", None),
            (tag::UTC_TIME, "700101000000+0000", None),
            (tag::INTEGER, "700101000000Z", None),
        ] {
            assert_eq!(time(tag, text), expected.map(at), "{text}");
        }
    }

    #[test]
    fn a_certificate_cut_before_its_dates_end_is_refused() {
        let whole = certificate((2024, 1, 1), (2025, 1, 1));
        assert!((0..whole.len()).all(|cut| Validity::of(&whole[..cut]).is_none()));
    }

    proptest! {
        #[test]
        fn a_damaged_certificate_never_panics_and_dates_stay_ordinary(
            at_byte in any::<prop::sample::Index>(), value in any::<u8>(),
        ) {
            let mut bytes = certificate((2024, 1, 1), (2025, 1, 1));
            let index = at_byte.index(bytes.len());
            bytes[index] = value;
            if let Some(validity) = Validity::of(&bytes) {
                prop_assert!(validity.not_after <= at(253_402_300_799 + 86_400));
            }
        }
    }
}
