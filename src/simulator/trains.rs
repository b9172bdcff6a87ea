//! whattrainisitnow.com: which versions of Firefox have shipped, and which are coming.

use super::{
    answer::Answer,
    apis::Call,
    calendar::{Calendar, Day},
    json::{Object, Style, Value},
};

/// Days between two major releases.
const TRAIN: Day = 28;
/// A major and the day on which it ships; the calendar's flags agree with it.
const ANCHOR: (i64, Day) = (143, 7);
/// The oldest major that is told of.
const OLDEST: i64 = 120;
/// Days after a major release on which its dot releases ship.
pub(super) const DOTS: [Day; 3] = [6, 12, 19];

/// The major that is Release on `day`. Beta is one more, Nightly two.
pub(super) fn release_major(day: Day) -> i64 {
    ANCHOR.0 + (day - ANCHOR.1).div_euclid(TRAIN)
}

/// The day on which a major ships.
pub(super) fn ships(major: i64) -> Day {
    ANCHOR.1 + (major - ANCHOR.0) * TRAIN
}

/// Answers below `/trains/api/`.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    let calendar = call.today.world.calendar();
    match call.path {
        "firefox/releases/" => object(calendar, shipped(call.today.day)),
        "firefox/releases/future/" => object(calendar, coming(call.today.day)),
        _ => Answer::json(404, "{\n    \"error\": \"Not Found\"\n}"),
    }
}

/// Sorted by date, not by version.
fn shipped(day: Day) -> Vec<(Day, String)> {
    let mut versions = Vec::new();
    for major in OLDEST..=release_major(day) {
        let first = ships(major);
        versions.push((first, format!("{major}.0")));
        versions.extend((1..).zip(DOTS).map(|(dot, after)| (first + after, format!("{major}.0.{dot}"))));
        // A dot release of the branch before last, some days after a new major.
        versions.push((first + 3, format!("{}.0.9", major - 2)));
    }
    versions.retain(|(at, _)| *at <= day);
    versions.sort();
    versions
}

/// With placeholders for dot releases that have no number yet.
fn coming(day: Day) -> Vec<(Day, String)> {
    let now = release_major(day);
    let mut versions = vec![(ships(now) + TRAIN - 2, format!("{now}.0.x"))];
    for major in now + 1..=now + 6 {
        let first = ships(major);
        versions.push((first, format!("{major}.0")));
        versions.extend(["x", "y"].into_iter().zip(DOTS).map(|(mark, after)| (first + after, format!("{major}.0.{mark}"))));
    }
    versions
}

fn object(calendar: Calendar, versions: Vec<(Day, String)>) -> Answer {
    let members: Object = versions.into_iter().map(|(day, version)| (version.into(), calendar.date(day).to_string().into())).collect();
    Answer::value(&Value::Object(members), Style::Pretty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::calendar::nightly;

    #[test]
    fn the_trains_agree_with_the_flags_of_bugzilla() {
        for day in -20..400 {
            assert_eq!(release_major(day) + 2, i64::from(nightly(day)), "day {day}");
        }
        assert!((-300..400).all(|day| ships(release_major(day)) <= day));
    }

    #[test]
    fn the_last_one_by_date_may_be_of_an_older_branch() {
        assert_eq!(shipped(10).last().unwrap().1, "141.0.9");
        assert_eq!(shipped(7).last().unwrap().1, "143.0");
        assert!(coming(10).iter().any(|(_, version)| version == "144.0.x"));
    }
}
