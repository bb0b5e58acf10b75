//! Lengths of time: how runbooks write them and how people read them.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Nothing lasts longer, and no instant that much later is past what a clock can tell.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Reads `90s`, `15m`, `1h 30m`. `None` for anything else, for negative lengths, for a bare number, and for more than a
/// year.
pub fn parse(text: &str) -> Option<Duration> {
    let length: SignedDuration = text.parse().ok()?;
    if text.trim_start().starts_with(['P', 'p']) {
        return None;
    }
    Duration::try_from(length).ok().filter(|length| *length <= LONGEST)
}

/// The time between two instants; zero when `later` is not later.
pub fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

/// Writes a length with at most two units: `350 ms`, `9 s`, `1 min 4 s`, `1 h 8 min`, `2 d 3 h`.
pub fn show(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 if length.subsec_millis() > 0 => format!("{} ms", length.subsec_millis()),
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// Writes an instant as people at an incident write it: `02:16:02Z`.
pub fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_runbooks_write_them() {
        assert_eq!(parse("15m"), Some(Duration::from_mins(15)));
        assert_eq!(parse("1h 30m"), Some(Duration::from_mins(90)));
        assert_eq!(parse("90s"), Some(Duration::from_secs(90)));
        for refused in ["", "15", "-5m", "soon", "PT5M", "99999999h"] {
            assert_eq!(parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn lengths_are_shown_with_two_units() {
        let shown = [0, 9, 64, 120, 4080, 7200, 90_000].map(|s| show(Duration::from_secs(s)));
        assert_eq!(shown, ["0 s", "9 s", "1 min 4 s", "2 min", "1 h 8 min", "2 h", "1 d 1 h"]);
        assert_eq!(show(Duration::from_millis(350)), "350 ms");
    }
}
