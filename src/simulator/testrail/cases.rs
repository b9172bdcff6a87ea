//! Test cases: the one kind of record of which there may be millions, so a page is computed without the ones before it.

use super::{
    super::{
        calendar::{Day, appeared, appears},
        json::{Object, Style, Value},
        oddity::{Oddity, style},
        query::Query,
        random::Dice,
        world::{Seeded, Today, shares},
    },
    Window,
    projects::PROJECTS,
};

/// At most one case in each block of so many is ever deleted: so the place of the n-th live case is found by looking at the
/// blocks, not at the cases.
const BLOCK: u64 = 32;

/// Days for which a deleted case is still listed with `is_deleted` 1.
const RECYCLED_DAYS: Day = 14;

const AREAS: [&str; 10] =
    ["Bookmarks", "Address bar", "Private browsing", "Downloads", "PDF viewer", "Sync", "Add-ons", "Settings", "Tab groups", "Translations"];
const ACTIONS: [&str; 8] = [
    "can be opened from the toolbar",
    "is kept after a restart",
    "works in a right-to-left locale",
    "is announced by the screen reader",
    "shows an error when offline",
    "can be undone",
    "is imported from another browser",
    "survives an upgrade",
];

/// The cases of one suite on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cases<'a> {
    today: Today<'a>,
    suite_id: u64,
    base: u64,
    weekly: u64,
    /// Added to a case's number for its id; distinct for all suites.
    first_id: u64,
    blocks: Dice,
}

impl<'a> Cases<'a> {
    pub(super) fn of_suite(today: Today<'a>, suite_id: u64) -> Self {
        let scale = &today.world.scale;
        let weights: Vec<u64> = PROJECTS.iter().flat_map(|project| project.suites).map(|suite| suite.weight).collect();
        let ids = PROJECTS.iter().flat_map(|project| (project.id * 100 + 1..).take(project.suites.len()));
        let place = ids.into_iter().position(|id| id == suite_id).unwrap_or(0);
        let room = (scale.cases * 2).next_multiple_of(1_000_000);
        Self {
            today,
            suite_id,
            base: shares(scale.cases, &weights)[place],
            weekly: shares(scale.cases_weekly, &weights)[place],
            first_id: place as u64 * room + 1,
            blocks: today.world.dice("case blocks", suite_id),
        }
    }

    /// Numbers of the cases that are no longer listed, rising.
    fn gone(&self) -> Vec<u64> {
        let count = appeared(self.today.day, self.base, self.weekly);
        (0..count.div_ceil(BLOCK))
            .filter_map(|block| self.deleted(block))
            .filter(|(number, day)| *number < count && day + RECYCLED_DAYS <= self.today.day)
            .map(|(number, _)| number)
            .collect()
    }

    /// The case of this block that is deleted in the month before or after the story begins, and the day of it.
    fn deleted(&self, block: u64) -> Option<(u64, Day)> {
        let number = block * BLOCK + self.blocks.part("block", block).below("number", BLOCK);
        // Spread evenly, whatever the seed: every demo shows some that are gone, deleted and about to go.
        let day = ((block * 13 + self.suite_id * 29) % 60).cast_signed() - 30;
        (appears(number, self.base, self.weekly) < day).then_some((number, day))
    }

    /// The numbers of all listed cases, without making a list of them.
    pub(super) fn listed(&self) -> Listed {
        Listed { gone: self.gone(), count: appeared(self.today.day, self.base, self.weekly) }
    }

    /// The numbers of the listed cases that `query` asks for; none when it has no filter, that is, all are.
    pub(super) fn filtered(&self, query: &Query) -> Option<Vec<u64>> {
        let created = Window::of(query, "created_after", "created_before");
        let updated = Window::of(query, "updated_after", "updated_before");
        let creators = query.words("created_by");
        if created.is_open() && updated.is_open() && creators.is_empty() {
            return None;
        }
        let listed = self.listed();
        let numbers = (0..listed.len()).map(|place| listed.number(place)).filter(|number| {
            let case = self.case(*number);
            created.holds(case.created_on)
                && updated.holds(case.updated_on)
                && (creators.is_empty() || creators.contains(&case.created_by.to_string()))
        });
        Some(numbers.collect())
    }

    fn case(&self, number: u64) -> Case {
        let dice = self.today.world.dice("case", number).part("suite", self.suite_id);
        let calendar = self.today.world.calendar();
        let created = appears(number, self.base, self.weekly);
        // Three of five cases never change; the others every so many days.
        let every = dice.between("every", 3, 40).cast_signed();
        let version = if dice.below("changes", 5) < 3 { 0 } else { (self.today.day - created) / every };
        let changed = created + version * every;
        let created_on = calendar.seconds(created, dice, "created");
        Case {
            dice,
            version: version.cast_unsigned(),
            created_on,
            updated_on: if version == 0 { created_on } else { calendar.seconds(changed, dice, "updated") },
            created_by: dice.between("created by", 1, 40),
            is_deleted: self.deleted(number / BLOCK).is_some_and(|(other, day)| other == number && day <= self.today.day),
        }
    }

    /// Appends the JSON of case `number`.
    pub(super) fn write(&self, number: u64, out: &mut Vec<u8>) {
        let scale = &self.today.world.scale;
        let case = self.case(number);
        let Case { dice, version, .. } = case;
        let changing = dice.part("version", version);
        let oddity = Oddity::of(dice, scale.odd_one_in);
        let id = self.first_id + number;
        let title = format!("{} {} ({id})", dice.pick("area", &AREAS), changing.pick("action", &ACTIONS));
        let mut record: Object = vec![
            ("id".into(), id.into()),
            ("title".into(), oddity.text(title)),
            ("section_id".into(), (self.suite_id * 10 + dice.below("section", 8)).into()),
            ("template_id".into(), 1_u64.into()),
            ("type_id".into(), dice.between("type", 1, 12).into()),
            ("priority_id".into(), changing.between("priority", 1, 4).into()),
            ("milestone_id".into(), Value::Null),
            ("refs".into(), refs(dice)),
            ("created_by".into(), case.created_by.into()),
            ("created_on".into(), case.created_on.into()),
            ("updated_by".into(), changing.between("updated by", 1, 40).into()),
            ("updated_on".into(), case.updated_on.into()),
            ("estimate".into(), dice.pick("estimate", &[None, Some("5m"), Some("1m 45s")]).into()),
            ("estimate_forecast".into(), Value::Null),
            ("suite_id".into(), self.suite_id.into()),
            ("display_order".into(), (number + 1).into()),
            ("is_deleted".into(), u64::from(case.is_deleted).into()),
            ("labels".into(), labels(changing)),
            ("custom_automation_status".into(), automation_status(changing)),
            ("custom_automation_coverage".into(), changing.pick("coverage", &[Some(1_u64), Some(2), Some(3), None]).into()),
            ("custom_sub_test_suites".into(), sub_suites(dice)),
            ("custom_preconds".into(), Value::Null),
            ("custom_steps_separated".into(), Value::Null),
        ];
        oddity.thin_out(&mut record, &["refs", "labels", "custom_automation_status", "custom_automation_coverage", "custom_sub_test_suites"]);
        let start = out.len();
        Value::Object(record).write(style(dice, Style::Php), out);
        let missing = scale.case_bytes.saturating_sub((out.len() - start) as u64);
        if missing > 0 {
            // The last byte is the closing brace.
            out.pop();
            out.extend_from_slice(br#","custom_steps":""#);
            fill(dice, missing as usize, out);
            out.extend_from_slice(br#""}"#);
        }
    }
}

/// What of a case the filters of the list look at.
struct Case {
    dice: Dice,
    version: u64,
    created_on: i64,
    updated_on: i64,
    created_by: u64,
    is_deleted: bool,
}

/// The listed cases of a suite in the order of their ids.
pub(super) struct Listed {
    gone: Vec<u64>,
    count: u64,
}

impl Listed {
    pub(super) fn len(&self) -> u64 {
        self.count - self.gone.len() as u64
    }

    /// The number of the case at `place` among the listed ones.
    pub(super) fn number(&self, place: u64) -> u64 {
        // `gone[k] - k` listed cases stand before the k-th gone one, and that never falls.
        let (mut low, mut high) = (0, self.gone.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.gone[middle] - middle as u64 <= place {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        place + low as u64
    }
}

/// How many cases a project lists on `day`.
pub(in super::super) fn cases_of_project(world: &Seeded, project_id: u64, day: Day) -> u64 {
    let today = Today { world, day };
    let suites = PROJECTS.iter().filter(|project| project.id == project_id).flat_map(|project| project.suites_on(day));
    suites.map(|(id, _)| Cases::of_suite(today, id).listed().len()).sum()
}

fn refs(dice: Dice) -> Value {
    match dice.below("refs", 3) {
        0 => format!("BUG-{}", dice.between("bug", 1_900_000, 1_990_000)).into(),
        _ => Value::Null,
    }
}

fn labels(dice: Dice) -> Value {
    let label =
        |name: &'static str, title: &'static str| Value::Object(vec![("id".into(), dice.between("label", 1, 9).into()), (name.into(), title.into())]);
    match dice.below("labels", 12) {
        0 => Value::List(vec![label("title", "TAE")]),
        1 => Value::List(vec![label("title", "smoke"), label("name", " tae ")]),
        2 => Value::list(["tae"]),
        3 => Value::List(vec![label("title", "not tae")]),
        _ => Value::List(vec![]),
    }
}

fn automation_status(dice: Dice) -> Value {
    let choices = [Some(1_u64), Some(2), Some(2), Some(3), Some(4), Some(4), Some(4), Some(5), None];
    dice.pick("status", &choices).into()
}

fn sub_suites(dice: Dice) -> Value {
    let choices: [Option<&[u64]>; 9] = [Some(&[0]), Some(&[0]), Some(&[1]), Some(&[1, 0]), Some(&[2]), Some(&[3, 6]), Some(&[4, 4]), Some(&[]), None];
    dice.pick("sub suites", &choices).map_or(Value::Null, |ids| Value::list(ids.iter().copied()))
}

/// Appends at least `length` bytes less what stands around them: the steps of a test, no two cases having the same.
fn fill(dice: Dice, length: usize, out: &mut Vec<u8>) {
    let steps = ["Open the menu. ", "Restart the browser. ", "Wait for the page. ", "Check the result. ", "Close the tab. "];
    let end = out.len() + length.saturating_sub(r#","custom_steps":"""#.len());
    let mut bits = dice.below("steps", u64::MAX);
    while out.len() < end {
        let step = steps[(bits % steps.len() as u64) as usize].as_bytes();
        out.extend_from_slice(&step[..step.len().min(end - out.len())]);
        bits = bits.rotate_right(5).wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::Scale;

    fn world(scale: Scale) -> Seeded {
        Seeded::new(1, scale)
    }

    #[test]
    fn places_agree_with_a_plain_walk() {
        let world = world(Scale { cases: 5_000, ..Scale::demo() });
        for day in [-100, 0, 20, 80] {
            let cases = Cases::of_suite(Today { world: &world, day }, 1701);
            let gone = cases.gone();
            let walked: Vec<u64> = (0..appeared(day, cases.base, cases.weekly)).filter(|n| !gone.contains(n)).collect();
            let listed = cases.listed();
            let found: Vec<u64> = (0..listed.len()).map(|place| listed.number(place)).collect();
            assert_eq!(found, walked, "day {day}");
            assert!(day < 20 || !gone.is_empty());
        }
    }

    #[test]
    fn a_case_has_the_size_asked_for() {
        let world = world(Scale { odd_one_in: 0, ..Scale::many_cases(1_000_000) });
        let cases = Cases::of_suite(Today { world: &world, day: 0 }, 1701);
        for number in 0..200 {
            let mut out = Vec::new();
            cases.write(number, &mut out);
            assert!((795..1400).contains(&out.len()), "{}", out.len());
            serde_json::from_slice::<serde_json::Value>(&out).unwrap();
        }
    }

    #[test]
    fn cases_change_over_time() {
        let world = world(Scale::demo());
        let bytes = |day| {
            let mut out = Vec::new();
            let cases = Cases::of_suite(Today { world: &world, day }, 1701);
            (0..50).for_each(|number| cases.write(number, &mut out));
            out
        };
        assert_eq!(bytes(0), bytes(0));
        assert_ne!(bytes(0), bytes(10));
    }
}
