use sangam_cwmp_proto::DateTime;
use sangam_types::Wall;

/// A moment as `dateTime` has it: `2026-11-22T06:30:00Z`.
pub(crate) fn date_text(at: Wall) -> String {
    let secs = at.unix_secs();
    let (year, month, day) = civil(secs / 86_400);
    let of_day = secs % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

pub(crate) fn date(at: Wall) -> DateTime {
    DateTime::new(date_text(at))
}

/// Year, month and day of a day since 1970. Years are counted from March, so that the leap day is the last of its year;
/// 400 of them are 146,097 days.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_the_moment_it_was_written_for() {
        assert_eq!(date_text(Wall::from_unix_secs(951_825_600)), "2000-02-29T12:00:00Z");
        for secs in (0..4_000_000_000).step_by(7_654_321) {
            assert_eq!(date(Wall::from_unix_secs(secs)).unix_secs(), Some(secs as i64));
        }
    }
}
