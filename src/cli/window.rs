//! The window of time that lists are asked for, from `--num-days`, `--start-date` and `--end-date`.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};

use super::SelectionArgs;
use crate::error::{Error, Kind, Result};

/// The half-open window [from, to), or none where no option asks for one.
///
/// `--num-days N` reaches from 00:00 UTC of the day N days before `run_at`'s to `run_at`. Dates are inclusive days in UTC;
/// without an end the window ends at `run_at`, and a window never reaches past `run_at`. Dates win over `--num-days`.
///
/// # Errors
/// [`Kind::Usage`] for an end without a start, a start after the end, a start after `run_at` and a negative number of days.
pub fn window(args: &SelectionArgs, run_at: DateTime<Utc>) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
    let wrong = |message: String| Err(Error::new(Kind::Usage, message).hint("see `etl extract --help`, Selection"));
    if let Some(days) = args.num_days
        && days < 0
    {
        return wrong(format!("`--num-days {days}` is negative"));
    }
    match (args.start_date, args.end_date, args.num_days) {
        (None, None, None) => Ok(None),
        (None, Some(end), None) => wrong(format!("`--end-date {end}` needs `--start-date`")),
        (None, Some(end), Some(_)) => wrong(format!("`--end-date {end}` needs `--start-date`; `--num-days` always ends now")),
        (None, None, Some(days)) => {
            let start = u64::try_from(days).ok().and_then(|days| run_at.date_naive().checked_sub_days(Days::new(days)));
            match start.filter(|start| start.year() > 0) {
                Some(start) => Ok(Some((midnight(start), run_at))),
                None => wrong(format!("`--num-days {days}` reaches before the year 1")),
            }
        }
        (Some(day), _, _) | (_, Some(day), _) if !(1..=9999).contains(&day.year()) => wrong(format!("`{day}` is not in the years 1 to 9999")),
        (Some(start), Some(end), _) if start > end => wrong(format!("`--start-date {start}` is after `--end-date {end}`")),
        (Some(start), _, _) if midnight(start) >= run_at => {
            wrong(format!("`--start-date {start}` is not before now ({})", run_at.format("%F %T UTC")))
        }
        (Some(start), end, _) => {
            let after_end = end.and_then(|end| end.checked_add_days(Days::new(1))).map_or(run_at, midnight);
            Ok(Some((midnight(start), after_end.min(run_at))))
        }
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `days|start|end` as on the command line; empty = not given.
    fn resolve(options: &str) -> String {
        let parts: Vec<&str> = options.split('|').collect();
        let date = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        let args =
            SelectionArgs { num_days: parts[0].parse().ok(), start_date: date(parts[1]), end_date: date(parts[2]), ..SelectionArgs::default() };
        match window(&args, "2026-03-10T04:05:06Z".parse().unwrap()) {
            Ok(None) => "none".to_owned(),
            Ok(Some((from, to))) => format!("{} .. {}", from.format("%F %T"), to.format("%F %T")),
            Err(error) => {
                assert_eq!(error.kind(), Kind::Usage);
                error.to_string()
            }
        }
    }

    #[test]
    fn table_of_windows() {
        for (options, expected) in [
            ("||", "none"),
            ("7||", "2026-03-03 00:00:00 .. 2026-03-10 04:05:06"),
            ("0||", "2026-03-10 00:00:00 .. 2026-03-10 04:05:06"),
            ("|2026-03-01|", "2026-03-01 00:00:00 .. 2026-03-10 04:05:06"),
            ("|2026-03-01|2026-03-02", "2026-03-01 00:00:00 .. 2026-03-03 00:00:00"),
            ("|2026-03-02|2026-03-02", "2026-03-02 00:00:00 .. 2026-03-03 00:00:00"),
            ("30|2026-03-01|2026-03-02", "2026-03-01 00:00:00 .. 2026-03-03 00:00:00"),
            ("|2026-03-01|2026-03-10", "2026-03-01 00:00:00 .. 2026-03-10 04:05:06"),
            ("|2026-03-01|2027-01-01", "2026-03-01 00:00:00 .. 2026-03-10 04:05:06"),
            ("|2024-02-29|2024-02-29", "2024-02-29 00:00:00 .. 2024-03-01 00:00:00"),
        ] {
            assert_eq!(resolve(options), expected, "{options}");
        }
    }

    #[test]
    fn table_of_usage_errors() {
        for (options, expected) in [
            ("||2026-03-02", "`--end-date 2026-03-02` needs `--start-date`"),
            ("3||2026-03-02", "`--end-date 2026-03-02` needs `--start-date`; `--num-days` always ends now"),
            ("|2026-03-03|2026-03-02", "`--start-date 2026-03-03` is after `--end-date 2026-03-02`"),
            ("-1||", "`--num-days -1` is negative"),
            ("-1|2026-03-01|", "`--num-days -1` is negative"),
            ("|2026-03-11|", "`--start-date 2026-03-11` is not before now (2026-03-10 04:05:06 UTC)"),
            ("9223372036854775807||", "`--num-days 9223372036854775807` reaches before the year 1"),
            ("999999||", "`--num-days 999999` reaches before the year 1"),
            ("|-0005-01-01|", "`-0005-01-01` is not in the years 1 to 9999"),
            ("|2026-03-01|+10000-01-01", "`+10000-01-01` is not in the years 1 to 9999"),
        ] {
            assert_eq!(resolve(options), expected, "{options}");
        }
    }
}
