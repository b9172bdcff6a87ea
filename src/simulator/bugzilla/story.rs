//! What happens to a bug: the state that Bugzilla shows and the history that it tells are the same events.

use std::{borrow::Cow, collections::BTreeMap};

use super::super::{
    calendar::{Day, flag_versions, iso, nightly},
    random::Dice,
    world::Today,
};

/// Fields of a bug that change, by their names in the history.
pub(super) type State = BTreeMap<Cow<'static, str>, String>;

/// One saved change of a bug.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Unix seconds.
    pub(super) at: i64,
    pub(super) who: &'static str,
    pub(super) changes: Vec<Change>,
}

/// One field of a saved change.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) field: Cow<'static, str>,
    pub(super) removed: String,
    pub(super) added: String,
}

/// A bug's life up to a day.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) created_on: i64,
    pub(super) state: State,
    pub(super) events: Vec<Event>,
}

const PEOPLE: [&str; 5] =
    ["ana@example.test", "bogdan@example.test", "release-mgmt-account-bot@example.test", "zoë@example.test", "pulsebot@bots.example.test"];
const CLOSED: [&str; 6] = ["WONTFIX", "INVALID", "WORKSFORME", "DUPLICATE", "INCOMPLETE", "MOVED"];

/// Name of the status flag of a version.
pub(super) fn flag(version: u32) -> Cow<'static, str> {
    format!("cf_status_firefox{version}").into()
}

impl Story {
    /// What has happened to the bug of `dice`, filed on day `created`, by the end of today.
    pub(super) fn tell(today: Today<'_>, dice: Dice, created: Day) -> Self {
        let found_in = nightly(created) - dice.below("found in", 3) as u32;
        let tag = match dice.below("tag", 8) {
            0 => format!("[QA-found-in-c{found_in}]"),
            1 => format!("[qa-found-in-c{found_in}][qa-triaged] 🦊"),
            _ => format!("[qa-found-in-c{found_in}]"),
        };
        // Seven bugs of ten are found by QA; every third of them is tagged later.
        let by_qa = dice.below("by qa", 10) < 7;
        let tagged_later = dice.one_in("tagged later", 3);
        let mut state: State = [
            ("bug_status", "NEW"),
            ("resolution", ""),
            ("bug_severity", "--"),
            ("priority", "--"),
            ("keywords", ""),
            ("assigned_to", "nobody@mozilla.org"),
            ("cf_last_resolved", ""),
            ("cf_qa_whiteboard", ""),
        ]
        .map(|(field, value)| (field.into(), value.to_owned()))
        .into();
        if !by_qa && dice.one_in("qa work", 2) {
            let word = dice.pick("word of qa", &["qa-ver-done", "qa-ver-needed", "QA-investig", "qa-triaged"]);
            state.insert("cf_qa_whiteboard".into(), format!("[{word}-c{found_in}]"));
        }
        if dice.one_in("found by ui tests", 15) {
            state.insert("keywords".into(), "ui-test-bug-auto-found".to_owned());
        }
        if by_qa && !tagged_later {
            state.insert("cf_qa_whiteboard".into(), tag.clone());
        }
        // A flag that is set when the bug is filed leaves no trace in the history.
        if dice.one_in("flag at filing", 20) {
            state.insert(flag(found_in), "fixed".to_owned());
        }
        let created_on = today.world.calendar().seconds(created, dice, "created");
        let mut story = Self { created_on, state, events: Vec::new() };
        let mut plan = Plan { dice, steps: Vec::new() };
        if by_qa && tagged_later {
            plan.step(created + dice.between("tagged after", 0, 2).cast_signed(), [("cf_qa_whiteboard", tag)]);
        }
        if by_qa && dice.one_in("tag removed", 15) {
            plan.step(created + dice.between("tag lost after", 5, 40).cast_signed(), [("cf_qa_whiteboard", String::new())]);
        }
        plan.triage(created, found_in);
        plan.outcome(created);
        plan.steps.sort_by_key(|(day, _)| *day);
        for (number, (day, changes)) in plan.steps.into_iter().enumerate() {
            if day > today.day {
                break;
            }
            let seconds = today.world.calendar().seconds(day, dice.part("step", number as u64), "at");
            story.apply(day, seconds, dice.part("step", number as u64).pick("who", &PEOPLE), changes);
        }
        story
    }

    /// When the bug last changed.
    pub(super) fn changed_on(&self) -> i64 {
        self.events.last().map_or(self.created_on, |event| event.at)
    }

    fn apply(&mut self, day: Day, seconds: i64, who: &'static str, wanted: Wanted) {
        // Events of one day keep their order, and none is as old as the bug.
        let at = seconds.max(self.changed_on() + 1);
        let in_use = |field: &str| {
            let version = field.strip_prefix("cf_status_firefox").and_then(|version| version.parse::<u32>().ok());
            version.is_none_or(|version| flag_versions(day).any(|other| other == version))
        };
        let mut changes = Vec::new();
        for (field, added) in wanted {
            if !in_use(&field) {
                continue;
            }
            let added = if field == "cf_last_resolved" { iso(at) } else { added };
            let unset = if field.starts_with("cf_status_") { "---" } else { "" };
            let removed = self.state.insert(field.clone(), added.clone()).unwrap_or_else(|| unset.to_owned());
            if removed != added {
                changes.push(Change { field, removed, added });
            }
        }
        if !changes.is_empty() {
            self.events.push(Event { at, who, changes });
        }
    }
}

/// Fields and the values that they are to have.
type Wanted = Vec<(Cow<'static, str>, String)>;

/// The events of a bug before they are put in order.
struct Plan {
    dice: Dice,
    steps: Vec<(Day, Wanted)>,
}

impl Plan {
    fn step<const N: usize>(&mut self, day: Day, changes: [(&'static str, String); N]) {
        self.steps.push((day, changes.map(|(field, value)| (field.into(), value)).into()));
    }

    fn flags(&mut self, day: Day, flags: &[(u32, &str)]) {
        self.steps.push((day, flags.iter().map(|(version, value)| (flag(*version), (*value).to_owned())).collect()));
    }

    fn triage(&mut self, created: Day, found_in: u32) {
        let dice = self.dice;
        if dice.one_in("never triaged", 10) {
            return;
        }
        let day = created + dice.between("triaged after", 0, 3).cast_signed();
        let severity = dice.pick("severity", &["S1", "S2", "S3", "S3", "S4", "N/A", "normal"]);
        let keywords = dice.pick("keywords", &["", "", "regression", "crash, regression", "access"]);
        self.step(
            day,
            [
                ("bug_severity", severity.to_owned()),
                ("priority", dice.pick("priority", &["P1", "P2", "P3", "P5", "--"]).to_owned()),
                ("keywords", keywords.to_owned()),
            ],
        );
        let older = dice.pick("older", &["affected", "unaffected", "wontfix", "disabled", "?"]);
        self.flags(day, &[(found_in, "affected"), (found_in - 1, older)]);
    }

    fn outcome(&mut self, created: Day) {
        let dice = self.dice;
        let closed =
            |resolution: &str| [("bug_status", "RESOLVED".to_owned()), ("resolution", resolution.to_owned()), ("cf_last_resolved", "now".to_owned())];
        let day = created + dice.between("closed after", 3, 40).cast_signed();
        match dice.below("outcome", 10) {
            0..=2 => {}
            3 | 4 => self.step(day, closed(dice.pick("resolution", &CLOSED))),
            _ => {
                let assignee = dice.pick("assignee", &PEOPLE).to_owned();
                let assigned = created + dice.between("assigned after", 1, 3).cast_signed();
                self.step(assigned, [("bug_status", "ASSIGNED".to_owned()), ("assigned_to", assignee)]);
                let version = nightly(day);
                self.step(day, closed("FIXED"));
                self.flags(day, &[(version, "fixed")]);
                let uplift = dice.pick("uplift", &["fixed", "fixed", "wontfix", "fix-optional", "unaffected"]);
                self.flags(day + dice.between("uplift after", 1, 4).cast_signed(), &[(version - 1, uplift)]);
                self.after_fix(day, version);
            }
        }
    }

    /// What comes after the fix: it is verified, or it is backed out and landed again.
    fn after_fix(&mut self, fixed: Day, version: u32) {
        let dice = self.dice;
        if dice.one_in("backed out", 12) {
            let day = fixed + dice.between("backed out after", 1, 3).cast_signed();
            self.step(day, [("bug_status", "REOPENED".to_owned()), ("resolution", String::new())]);
            self.flags(day, &[(version, "affected")]);
            let again = day + dice.between("again after", 2, 9).cast_signed();
            self.step(again, [("bug_status", "RESOLVED".to_owned()), ("resolution", "FIXED".to_owned()), ("cf_last_resolved", "now".to_owned())]);
            self.flags(again, &[(version, "fixed")]);
        } else if dice.one_in("verified", 2) {
            let day = fixed + dice.between("verified after", 5, 12).cast_signed();
            self.step(day, [("bug_status", "VERIFIED".to_owned())]);
            self.flags(day, &[(version, "verified")]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::{Scale, world::Seeded};

    #[test]
    fn a_story_only_grows() {
        let world = Seeded::new(5, Scale::demo());
        for number in 0..200 {
            let dice = world.dice("bug", number);
            let told = |day| Story::tell(Today { world: &world, day }, dice, -10);
            let (early, late) = (told(0), told(30));
            let at = |story: &Story| story.events.iter().map(|event| event.at).collect::<Vec<_>>();
            assert_eq!(at(&early), at(&late)[..early.events.len()]);
            assert!(at(&late).is_sorted_by(|one, next| one < next));
            assert!(at(&late).first().is_none_or(|first| *first > late.created_on));
        }
    }

    #[test]
    fn the_state_is_what_the_history_adds_up_to() {
        let world = Seeded::new(5, Scale::demo());
        for number in 0..200 {
            let story = Story::tell(Today { world: &world, day: 60 }, world.dice("bug", number), 0);
            let mut last = BTreeMap::new();
            for change in story.events.iter().flat_map(|event| &event.changes) {
                if let Some(before) = last.insert(change.field.clone(), change.added.clone()) {
                    assert_eq!(before, change.removed);
                }
            }
            assert!(last.iter().all(|(field, value)| story.state[field] == *value));
        }
    }
}
