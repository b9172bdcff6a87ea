//! When a table is refreshed: the header line `-- schedule:` as data.

use chrono::{Datelike, NaiveDate};

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// Every day.
    Daily,
    /// On the named weekday.
    Weekly,
    /// On the named weekday of every other week.
    Fortnightly,
    /// Once a month.
    Monthly,
}

/// One part of a schedule: `mobile weekly sat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleEntry {
    /// The platform whose projects it is for; none = all.
    pub platform: Option<String>,
    /// How often.
    pub cadence: Cadence,
    /// The day of the week (`sat`) or of the month (`1`); empty for every day.
    pub day: String,
}

/// Monday, 6 January 2025, from which fortnights are counted (days from the common era). `.github/workflows/fortnightly.yml`
/// counts from the same day.
const FORTNIGHT_ANCHOR: i32 = 739257;

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl ScheduleEntry {
    /// Whether a table with this schedule is due on `day`.
    pub fn is_due_on(&self, day: NaiveDate) -> bool {
        let is_weekday = || day.format("%a").to_string().eq_ignore_ascii_case(&self.day);
        match self.cadence {
            Cadence::Daily => true,
            Cadence::Weekly => is_weekday(),
            Cadence::Fortnightly => is_weekday() && (day.num_days_from_ce() - FORTNIGHT_ANCHOR).rem_euclid(14) < 7,
            Cadence::Monthly => self.day.parse() == Ok(day.day()),
        }
    }
}

/// The parts of a schedule, which are separated by `;`.
///
/// # Errors
/// The part that cannot be read.
pub fn parse_schedule(text: &str) -> Result<Vec<ScheduleEntry>, String> {
    text.split(';')
        .map(|part| {
            entry(part.trim()).ok_or_else(|| {
                format!("`{}` is not a valid schedule such as `desktop daily`, `weekly sat` or `monthly 1`; the workflows set the time", part.trim())
            })
        })
        .collect()
}

fn entry(part: &str) -> Option<ScheduleEntry> {
    let words: Vec<&str> = part.split_whitespace().collect();
    let place = words.iter().position(|word| cadence(word).is_some())?;
    let platform = match &words[..place] {
        [] => None,
        [platform] => Some((*platform).to_owned()),
        _ => return None,
    };
    let cadence = cadence(words[place])?;
    let day = match (cadence, &words[place + 1..]) {
        (Cadence::Daily, []) => "",
        (Cadence::Weekly | Cadence::Fortnightly, [day]) if WEEKDAYS.contains(day) => day,
        (Cadence::Monthly, [day]) if day.parse().is_ok_and(|day: u32| (1..=28).contains(&day)) => day,
        _ => return None,
    };
    Some(ScheduleEntry { platform, cadence, day: day.to_owned() })
}

fn cadence(word: &str) -> Option<Cadence> {
    Some(match word {
        "daily" => Cadence::Daily,
        "weekly" => Cadence::Weekly,
        "fortnightly" => Cadence::Fortnightly,
        "monthly" => Cadence::Monthly,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::catalog::{ModelKind, Project};

    #[test]
    fn reads_platform_cadence_and_day() {
        let entries = parse_schedule("desktop daily; mobile weekly sat; monthly 1").unwrap();
        let told: Vec<_> = entries.iter().map(|entry| (entry.platform.as_deref(), entry.cadence, entry.day.as_str())).collect();
        assert_eq!(told, [(Some("desktop"), Cadence::Daily, ""), (Some("mobile"), Cadence::Weekly, "sat"), (None, Cadence::Monthly, "1")]);
        for wrong in ["", "often", "weekly", "weekly day", "monthly 31", "a b daily", "daily; soon", "daily 04:00", "weekly sat 04:00"] {
            assert!(parse_schedule(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_mart_has_a_schedule_that_can_be_read() {
        let project = Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let marts: Vec<_> = project.models.iter().filter(|model| model.kind == ModelKind::Mart).collect();
        assert!(marts.len() > 20);
        for mart in marts {
            let schedule = mart.contract.as_ref().and_then(|contract| contract.schedule.clone()).unwrap_or_default();
            parse_schedule(&schedule).unwrap_or_else(|what| panic!("{}: {what}", mart.file.display()));
        }
    }

    #[test]
    fn days_on_which_a_part_is_due() {
        let due = |text: &str, day: &str| parse_schedule(text).unwrap()[0].is_due_on(day.parse().unwrap());
        assert!(due("desktop daily", "2025-09-10"));
        assert!(due("weekly sat", "2025-09-13") && !due("weekly sat", "2025-09-12"));
        assert!(due("fortnightly mon", "2025-09-08") ^ due("fortnightly mon", "2025-09-15"));
        assert!(due("monthly 1", "2025-09-01") && !due("monthly 1", "2025-09-02"));
    }
    #[test]
    fn a_fortnight_has_two_weeks_at_new_year() {
        // 2026 has 53 ISO weeks: counted by their numbers, three weeks would lie between two even ones.
        let entry = &parse_schedule("fortnightly sun").unwrap()[0];
        let from: NaiveDate = "2026-11-01".parse().unwrap();
        let due: Vec<NaiveDate> = from.iter_days().take(120).filter(|day| entry.is_due_on(*day)).collect();
        assert!(due.len() > 7);
        assert!(due.windows(2).all(|pair| (pair[1] - pair[0]).num_days() == 14), "{due:?}");
    }
}
