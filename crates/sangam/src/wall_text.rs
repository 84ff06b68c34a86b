//! Times as commands print them.

use std::time::{Duration, UNIX_EPOCH};

use sangam_types::Wall;

/// The last second that four digits of year can write.
const YEAR_9999_ENDS: u64 = 253_402_300_799;

/// RFC 3339 in UTC, in whole seconds.
pub(crate) fn rfc3339(wall: Wall) -> String {
    let secs = wall.unix_secs().min(YEAR_9999_ENDS);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(secs)).to_string()
}
