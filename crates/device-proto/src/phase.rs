//! When a device comes by itself: spread over the interval, the same for a device each time, also after all of them booted at once.

use std::time::Duration;

use sangam_types::Wall;

use crate::fingerprint::Fingerprinter;
use crate::identity::DeviceKey;

/// The phase of a device: seconds into each interval, below `interval_secs`; 0 of an interval of 0.
#[must_use]
pub fn of(key: &DeviceKey, interval_secs: u32) -> u32 {
    let mut hash = Fingerprinter::default();
    hash.bytes(key.to_string().as_bytes());
    // What FNV makes of similar texts differs mostly in its low bits: mixed, all of them count (splitmix64's end).
    let mut mixed = hash.finish().0;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    let spread = (u128::from(mixed) * u128::from(interval_secs)) >> 64;
    u32::try_from(spread).unwrap_or_default()
}

/// `PeriodicInformTime` for a phase: an absolute time to which and from which whole intervals are counted (TR-181
/// `Device.ManagementServer.PeriodicInformTime`), which may lie in the past.
#[must_use]
pub fn periodic_inform_time(phase_secs: u32) -> String {
    date_time(PHASE_ZERO_SECS.saturating_add(u64::from(phase_secs)))
}

/// When a device with that phase comes next, after `now`; `None`: its interval is 0.
#[must_use]
pub fn next(phase_secs: u32, interval_secs: u32, now: Wall) -> Option<Wall> {
    let interval = u64::from(interval_secs);
    if interval == 0 {
        return None;
    }
    let first = PHASE_ZERO_SECS.saturating_add(u64::from(phase_secs));
    let since = now.unix_secs() + interval - first % interval;
    Some(Wall::from_unix_secs(now.unix_secs()) + Duration::from_secs(interval - since % interval))
}

/// 2020-01-01T00:00:00Z: devices whose clock begins in 1970 count from it as well.
const PHASE_ZERO_SECS: u64 = 1_577_836_800;

/// Seconds since 1970 as `xsd:dateTime` in UTC.
fn date_time(secs: u64) -> String {
    let (days, rest) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// The date that is so many days after 1970-01-01, by whole eras of 400 years that begin on the first of March.
fn civil(days: u64) -> (u64, u64, u64) {
    /// Days in 400 years, and those from 0000-03-01 to 1970-01-01.
    const ERA: u64 = 146_097;
    const TO_1970: u64 = 719_468;
    let (era, day) = ((days + TO_1970) / ERA, (days + TO_1970) % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_spread_evenly_over_the_interval() {
        let mut counts = [0_u32; 10];
        for serial in 0..10_000 {
            let key = DeviceKey::new("00D09E", "Box", &format!("SN{serial:08}")).unwrap();
            let phase = of(&key, 300);
            assert_eq!(of(&key, 300), phase);
            counts[phase as usize / 30] += 1;
        }
        assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
        let key = DeviceKey::new("00D09E", "Box", "1").unwrap();
        assert_eq!((of(&key, 0), of(&key, 1)), (0, 0));
    }

    #[test]
    fn the_time_that_is_set_is_a_date_and_lies_in_the_past() {
        assert_eq!(periodic_inform_time(0), "2020-01-01T00:00:00Z");
        assert_eq!(periodic_inform_time(299), "2020-01-01T00:04:59Z");
        assert_eq!(periodic_inform_time(86_400 * 59), "2020-02-29T00:00:00Z");
        assert_eq!(date_time(0), "1970-01-01T00:00:00Z");
        assert_eq!(date_time(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date_time(4_102_444_799), "2099-12-31T23:59:59Z");
    }

    #[test]
    fn a_device_comes_once_in_each_interval_at_its_phase() {
        let at = |secs| Wall::from_unix_secs(PHASE_ZERO_SECS + secs);
        assert_eq!(next(100, 300, at(0)), Some(at(100)));
        assert_eq!(next(100, 300, at(99)), Some(at(100)));
        assert_eq!(next(100, 300, at(100)), Some(at(400)));
        assert_eq!(next(0, 300, at(299)), Some(at(300)));
        assert_eq!(next(7, 0, at(0)), None);
        assert!(next(u32::MAX, u32::MAX, Wall::default()).is_some());
        assert_eq!(next(100, 7, Wall::from_unix_secs(3)).map(Wall::unix_secs), Some(10), "before the year 2020");
    }
}
