use std::time::{Duration, UNIX_EPOCH};

use sangam_types::Wall;

/// The last second that four digits of year can write.
const YEAR_9999_ENDS: u64 = 253_402_300_799;

/// RFC 3339 in UTC with milliseconds, as JavaScript's `toISOString` writes it: `2026-01-31T12:00:00.000Z`.
pub(crate) fn rfc3339(wall: Wall) -> String {
    let wall = wall.min(Wall::from_unix_secs(YEAR_9999_ENDS));
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(wall.unix_millis())).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_as_javascript_writes_it() {
        assert_eq!(rfc3339(Wall::from_unix_millis(1_700_000_000_007)), "2023-11-14T22:13:20.007Z");
        assert_eq!(rfc3339(Wall::default()), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Wall::from_unix_millis(u64::MAX)), "9999-12-31T23:59:59.000Z");
    }
}
