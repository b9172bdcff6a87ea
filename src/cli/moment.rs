//! Moments on the command line.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use crate::clock;

/// Parses `--as-of`: a time like `2026-01-31T04:00:00Z`, a time without a zone (UTC), or a day, which stands for its end.
///
/// # Errors
/// What is expected, for clap to show.
pub fn as_of(text: &str) -> Result<DateTime<Utc>, String> {
    let time = parse(text.trim())?;
    // A later one means no other pulls than the last time does, and an earlier one none.
    if clock::is_usable(time) { Ok(time) } else { Err(format!("not in the years {} to {}", clock::YEARS.start(), clock::YEARS.end())) }
}

fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(time.and_utc());
        }
    }
    let end_of_day = |day: NaiveDate| Some(day.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN).and_utc() - TimeDelta::microseconds(1));
    text.parse()
        .ok()
        .and_then(end_of_day)
        .ok_or_else(|| "neither a day like 2026-01-31 (its end) nor a UTC time like 2026-01-31T04:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times() {
        for (text, expected) in [
            ("2026-01-31T04:00:00Z", "2026-01-31T04:00:00Z"),
            ("2026-01-31T04:00:00+02:00", "2026-01-31T02:00:00Z"),
            ("2026-01-31 04:00:00.5", "2026-01-31T04:00:00.5Z"),
            ("2026-01-31T04:00", "2026-01-31T04:00:00Z"),
            ("2026-01-31", "2026-01-31T23:59:59.999999Z"),
        ] {
            assert_eq!(as_of(text), Ok(expected.parse().unwrap()), "{text}");
        }
        for bad in [
            "",
            "yesterday",
            "2026-02-30",
            "31.01.2026",
            "2026-01-31T25:00:00Z",
            "9999-12-31",
            "-0005-01-01",
            "+262142-12-31",
            "+262142-12-31T23:59",
            "1969-12-31",
        ] {
            assert!(as_of(bad).is_err(), "{bad}");
        }
    }
}
