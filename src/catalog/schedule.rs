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

/// One part of a schedule: `mobile weekly sat 04:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleEntry {
    /// The platform whose projects it is for; none = all.
    pub platform: Option<String>,
    /// How often.
    pub cadence: Cadence,
    /// Day and UTC time, as written.
    pub moment: String,
}

impl ScheduleEntry {
    /// Whether it falls on this day: every day, the named weekday (of even ISO weeks for a fortnight), or the named day of a month.
    pub fn is_due_on(&self, day: NaiveDate) -> bool {
        let word = self.moment.split(' ').next().unwrap_or_default();
        let named = || day.format("%a").to_string().eq_ignore_ascii_case(word);
        match self.cadence {
            Cadence::Daily => true,
            Cadence::Weekly => named(),
            Cadence::Fortnightly => named() && day.iso_week().week().is_multiple_of(2),
            Cadence::Monthly => word.parse() == Ok(day.day()),
        }
    }
}

/// The parts of a schedule, which are separated by `;`.
///
/// # Errors
/// The part that cannot be read.
pub fn parse_schedule(text: &str) -> Result<Vec<ScheduleEntry>, String> {
    text.split(';')
        .map(|part| entry(part.trim()).ok_or_else(|| format!("`{}` is no schedule like `desktop daily 04:00` or `weekly sat 07:00`", part.trim())))
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
    let moment = words[place + 1..].join(" ");
    (!moment.is_empty()).then_some(ScheduleEntry { platform, cadence: cadence(words[place])?, moment })
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
    fn reads_platform_cadence_and_moment() {
        let entries = parse_schedule("desktop daily 04:00; mobile weekly sat 04:00; monthly 1 06:00").unwrap();
        let told: Vec<_> = entries.iter().map(|entry| (entry.platform.as_deref(), entry.cadence, entry.moment.as_str())).collect();
        assert_eq!(
            told,
            [(Some("desktop"), Cadence::Daily, "04:00"), (Some("mobile"), Cadence::Weekly, "sat 04:00"), (None, Cadence::Monthly, "1 06:00")]
        );
        for wrong in ["", "often", "daily", "a b daily 04:00", "daily 04:00; soon"] {
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
        assert!(due("desktop daily 04:00", "2025-09-10"));
        assert!(due("weekly sat 07:00", "2025-09-13") && !due("weekly sat 07:00", "2025-09-12"));
        assert!(due("fortnightly mon 04:00", "2025-09-08") ^ due("fortnightly mon 04:00", "2025-09-15"));
        assert!(due("monthly 1 04:00", "2025-09-01") && !due("monthly 1 04:00", "2025-09-02"));
    }
}
