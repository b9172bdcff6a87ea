//! Time in the simulated world, and the Firefox releases in it.
//!
//! The world moves in days. Whatever happens on a day happens before 04:00 UTC, and a world set to that day shows all of
//! it. A reader whose clock stands anywhere from 04:00 on sees no record from the future, and one that asks for "changed
//! since my last start" loses none.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use super::random::Dice;

/// A day of the world, counted from the first day of its story; what was there before has negative numbers.
pub(super) type Day = i64;

/// Seconds of a day in which things happen.
const WORKING_SECONDS: u64 = 4 * 3600;

/// The first Firefox versions whose status flags the world knows, with the days on which the flag is switched on and off.
const FLAGS: [(u32, Day, Day); 5] = [(139, -300, -20), (140, -300, 9), (141, -300, 37), (142, -300, 65), (143, -45, 93)];
/// Version 144 and the day on which its flag is switched on; each later version follows so many days after the former one.
const LATER: (u32, Day, usize) = (144, -21, 28);
/// Days for which the flag of a later version is in use.
const IN_USE: Day = 142;

/// The Firefox versions whose `cf_status_firefoxNN` field is in use on `day`, oldest first.
pub(super) fn flag_versions(day: Day) -> impl Iterator<Item = u32> {
    let (version, first, every) = LATER;
    let later = (version..).zip((first..).step_by(every)).take_while(move |(_, on)| *on <= day).map(|(version, on)| (version, on, on + IN_USE));
    FLAGS.into_iter().chain(later).filter(move |(_, on, off)| (*on..*off).contains(&day)).map(|(version, ..)| version)
}

/// The version that is Nightly on `day`: the newest whose flag is in use.
pub(super) fn nightly(day: Day) -> u32 {
    flag_versions(day).last().unwrap_or(138)
}

/// Turns dates into days of the story and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    pub(super) first_day: NaiveDate,
}

impl Calendar {
    pub(super) fn day(self, date: NaiveDate) -> Day {
        (date - self.first_day).num_days()
    }

    pub(super) fn date(self, day: Day) -> NaiveDate {
        let days = Days::new(day.unsigned_abs());
        let moved = if day < 0 { self.first_day.checked_sub_days(days) } else { self.first_day.checked_add_days(days) };
        moved.unwrap_or(self.first_day)
    }

    /// Unix seconds of something that happens on `day`; `name` keeps two events of one thing apart.
    pub(super) fn seconds(self, day: Day, dice: Dice, name: &str) -> i64 {
        self.midnight(day) + dice.part("second", day.cast_unsigned()).below(name, WORKING_SECONDS).cast_signed()
    }

    /// The day of Unix seconds.
    pub(super) fn day_of(self, seconds: i64) -> Day {
        (seconds - self.midnight(0)).div_euclid(86_400)
    }

    /// Unix seconds of the end of what happens on `day`.
    pub(super) fn now(self, day: Day) -> i64 {
        self.midnight(day) + WORKING_SECONDS.cast_signed()
    }

    fn midnight(self, day: Day) -> i64 {
        self.date(day).and_time(NaiveTime::MIN).and_utc().timestamp()
    }
}

/// Unix seconds as `2025-01-02T03:04:05Z`.
pub(super) fn iso(seconds: i64) -> String {
    DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// When the `number`-th thing of a kind appears: `base` things are there before the story begins, spread over the 240 days
/// before it; then `weekly` more come each week. Rising with `number`, so ids and times have one order.
pub(super) fn appears(number: u64, base: u64, weekly: u64) -> Day {
    if number < base {
        return (number * 240 / base).cast_signed() - 240;
    }
    ((number - base) * 7).checked_div(weekly).map_or(Day::MAX, u64::cast_signed)
}

/// How many things of a kind have appeared by the end of `day`: the inverse of [`appears`].
pub(super) fn appeared(day: Day, base: u64, weekly: u64) -> u64 {
    if day < 0 {
        return match u64::try_from(day + 240) {
            Ok(passed) => base.min(((passed + 1) * base).div_ceil(240)),
            Err(_) => 0,
        };
    }
    base + ((day.cast_unsigned() + 1) * weekly).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appeared_counts_what_appears() {
        for (base, weekly) in [(0, 3), (7, 0), (40, 5), (1000, 21)] {
            for day in -250..60 {
                let counted = (0..base + 400).filter(|number| appears(*number, base, weekly) <= day).count() as u64;
                assert_eq!(appeared(day, base, weekly), counted, "day {day}, base {base}, weekly {weekly}");
            }
        }
    }

    #[test]
    fn flags_come_and_go() {
        assert_eq!(flag_versions(0).collect::<Vec<_>>(), [140, 141, 142, 143, 144]);
        assert_eq!(flag_versions(7).last(), Some(145));
        assert_eq!(flag_versions(9).next(), Some(141));
        assert_eq!(nightly(-400), 138);
        assert_eq!(flag_versions(120).collect::<Vec<_>>(), [144, 145, 146, 147, 148, 149]);
        assert_eq!(nightly(364), 157);
    }

    #[test]
    fn days_and_dates_agree() {
        let calendar = Calendar { first_day: NaiveDate::from_ymd_opt(2025, 9, 8).unwrap() };
        for day in [-240, -1, 0, 1, 400] {
            assert_eq!(calendar.day(calendar.date(day)), day);
        }
        assert_eq!(iso(calendar.now(0)), "2025-09-08T04:00:00Z");
    }
}
