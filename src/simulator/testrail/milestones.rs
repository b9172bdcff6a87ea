//! Milestones: builds under test, with milestones below them to a depth of three.

use super::{
    super::{
        calendar::{Day, appeared, appears, nightly},
        json::{Object, Style, Value},
        oddity::{Oddity, style},
        random::Dice,
        world::Today,
    },
    projects::{Project, project, share},
};

/// Ids that one top milestone and all below it share. Place 0 is the top, 1 to 3 the second level, 4 to 6 below the first.
const ROOM: u64 = 16;

/// A milestone on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Milestone<'a> {
    today: Today<'a>,
    project: &'static Project,
    id: u64,
    place: u64,
    dice: Dice,
    created: Day,
    starts: Day,
    completes: Day,
}

/// The top milestones of a project on a day.
pub(super) fn milestones<'a>(today: Today<'a>, project: &'static Project) -> Vec<Milestone<'a>> {
    let scale = &today.world.scale;
    let count = appeared(today.day, share(project, scale.milestones), share(project, scale.milestones_weekly));
    (0..count).filter_map(|number| Milestone::new(today, project, number, 0)).collect()
}

impl<'a> Milestone<'a> {
    fn new(today: Today<'a>, project: &'static Project, number: u64, place: u64) -> Option<Self> {
        let scale = &today.world.scale;
        let created = appears(number, share(project, scale.milestones), share(project, scale.milestones_weekly));
        let id = project.id * 100_000 + number * ROOM + place;
        let top = today.world.dice("milestone", project.id * 100_000 + number * ROOM);
        let dice = if place == 0 { top } else { top.part("place", place) };
        // By number, so that every demo shows some that go.
        let deleted = (number % 4 == 1).then(|| (number * 7 % 40).cast_signed() - 5);
        if created > today.day || deleted.is_some_and(|day| created < day && day <= today.day) {
            return None;
        }
        let starts = created + dice.between("starts after", 0, 2).cast_signed();
        let completes = starts + dice.between("lasts", 2, 10).cast_signed();
        Some(Self { today, project, id, place, dice, created, starts, completes })
    }

    /// The milestone with this id, at any depth.
    pub(super) fn find(today: Today<'a>, id: u64) -> Option<Self> {
        let project = project(id / 100_000)?;
        let (number, place) = (id % 100_000 / ROOM, id % ROOM);
        let top = Self::new(today, project, number, 0)?;
        let mut all = vec![top];
        while let Some(milestone) = all.pop() {
            if milestone.place == place {
                return Some(milestone);
            }
            all.extend(milestone.below());
        }
        None
    }

    fn number(&self) -> u64 {
        self.id % 100_000 / ROOM
    }

    /// The milestones directly below.
    fn below(&self) -> Vec<Self> {
        let places = match self.place {
            0 if self.dice.one_in("has parts", 2) => 1..=self.dice.between("parts", 1, 3),
            1 if self.dice.one_in("has parts", 3) => 4..=self.dice.between("parts", 4, 6),
            _ => return Vec::new(),
        };
        places.filter_map(|place| Self::new(self.today, self.project, self.number(), place)).collect()
    }

    pub(super) fn is_completed(&self) -> bool {
        self.completes <= self.today.day
    }

    pub(super) fn is_started(&self) -> bool {
        self.starts <= self.today.day
    }

    fn name(&self) -> String {
        let version = nightly(self.created) - 1;
        let build = self.project.build;
        if self.place > 0 {
            let part = self.dice.pick("part", &["Smoke", "Upgrade", "Accessibility", "Crash triage"]);
            return format!("{build} {version} - {part} {}", self.place);
        }
        let beta = self.dice.between("beta", 1, 9);
        let dot = self.dice.between("dot", 1, 4);
        match self.dice.below("kind", 7) {
            0 => format!("Build Validation sign-off - {build} RC {version}.0.{dot}"),
            1 => format!("Build Validation sign-off - {build} RC {version}.0"),
            2 | 3 => format!("Build Validation sign-off - {build} Beta {version}.0b{beta}"),
            4 => format!("  Build Validation sign-off - {build} {version}.0.{dot} build2 🚀"),
            5 => format!("{build} {version} feature testing"),
            _ => format!("{build} sprint {}", self.number()),
        }
    }

    /// The text that the reports read the state of testing from. It moves from grey to green or red.
    fn description(&self) -> Option<String> {
        if self.dice.one_in("no description", 8) {
            return None;
        }
        let colour = match (self.today.day - self.starts, self.is_completed()) {
            (..=0, _) => "GREY",
            (_, false) => self.dice.pick("colour while testing", &["YELLOW", "Yellow", "GREEN"]),
            (_, true) => self.dice.pick("colour", &["GREEN", "GREEN", "GREEN", "red"]),
        };
        let status = match self.dice.below("form", 5) {
            0 => format!("TESTING_STATUS:[{colour}]"),
            1 => format!("TESTING_STATUS:\n[ {colour} ]"),
            2 => "TESTING_STATUS: see the sheet".to_owned(),
            _ => format!("TESTING_STATUS: [ {colour} ]"),
        };
        let advice = match self.is_completed() {
            true => self.dice.pick("advice", &["[Ship it 🚢]", "[ Ship it, with known issues ]", "[Hold: crash on start]", "none"]),
            false => "[ pending ]",
        };
        Some(format!("**Build** under test\r\n{status}\r\nQA_RECOMMENDATION:{advice}\r\nTESTING_STATUS: [ SECOND ]"))
    }

    /// The milestone as `get_milestones` lists it.
    pub(super) fn record(&self) -> Object {
        let calendar = self.today.world.calendar();
        let at = |day: Day, name: &str| (day <= self.today.day).then(|| calendar.seconds(day, self.dice, name));
        let oddity = Oddity::of(self.dice, self.today.world.scale.odd_one_in);
        let parent = match self.place {
            0 => None,
            1..=3 => Some(self.id - self.place),
            _ => Some(self.id - self.place + 1),
        };
        let mut record: Object = vec![
            ("id".into(), self.id.into()),
            ("name".into(), self.name().into()),
            ("description".into(), self.description().map(|text| oddity.text(text)).into()),
            ("start_on".into(), Value::Null),
            ("started_on".into(), at(self.starts, "started").into()),
            ("is_started".into(), self.is_started().into()),
            ("due_on".into(), calendar.now(self.completes).into()),
            ("is_completed".into(), self.is_completed().into()),
            ("completed_on".into(), at(self.completes, "completed").into()),
            ("project_id".into(), self.project.id.into()),
            ("parent_id".into(), parent.into()),
            ("refs".into(), Value::Null),
            ("url".into(), format!("https://testrail.example.test/index.php?/milestones/view/{}", self.id).into()),
        ];
        oddity.thin_out(&mut record, &["description", "start_on", "due_on", "refs"]);
        record
    }

    /// The milestone as `get_milestone` answers it: with all below it.
    pub(super) fn detail(&self) -> Object {
        let mut record = self.record();
        let below = self.below().iter().map(|milestone| Value::Object(milestone.detail())).collect();
        record.push(("milestones".into(), Value::List(below)));
        record
    }

    pub(super) fn style(&self) -> Style {
        style(self.dice, Style::Php)
    }
}
