//! The time of day as text, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// `2026-01-31T14:25:30Z`, as RFC 3339 has it: as text, times sort as they passed.
pub fn timestamp(time: SystemTime) -> String {
    let ([year, month, day], [hour, minute, second]) = civil(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `20260131-142530`: fit for the name of a folder on every system.
pub(crate) fn compact(time: SystemTime) -> String {
    let ([year, month, day], [hour, minute, second]) = civil(time);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

/// Year, month and day, then hour, minute and second. A clock before 1970 reads 1970.
fn civil(time: SystemTime) -> ([u64; 3], [u64; 3]) {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-compatible low-level date algorithms": years that start in March put the leap day last.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    ([year, month, day], [second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    // From `date -u -d @SECONDS`.
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_769_869_530, "2026-01-31T14:25:30Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
        assert_eq!(compact(UNIX_EPOCH + Duration::from_secs(1_769_869_530)), "20260131-142530");
    }
}
