//! Test plans, their entries and the runs in them; and the runs that stand outside of plans.

use super::{
    super::{
        calendar::{Day, appeared, appears, nightly},
        json::{Object, Style, Value},
        oddity::{Oddity, style},
        random::Dice,
        world::Today,
    },
    projects::{Project, share},
    tally::Tally,
};

/// Ids of runs outside of plans start here within a project's numbers.
const LONE_RUNS: u64 = 50_000;
/// The user who runs automated tests.
const AUTOMATION: u64 = 976;

/// A test plan on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    today: Today<'a>,
    project: &'static Project,
    pub(super) id: u64,
    dice: Dice,
    created: Day,
    completes: Day,
}

/// A run on one day, within a plan or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<'a> {
    today: Today<'a>,
    project: &'static Project,
    pub(super) id: u64,
    plan_id: Option<u64>,
    dice: Dice,
    created: Day,
    completes: Day,
    entry: u64,
    place: u64,
}

/// All plans of a project on a day, the newest first.
pub(super) fn plans<'a>(today: Today<'a>, project: &'static Project) -> Vec<Plan<'a>> {
    let scale = &today.world.scale;
    let count = appeared(today.day, share(project, scale.plans), share(project, scale.plans_weekly));
    (0..count).rev().filter_map(|number| Plan::new(today, project, number)).collect()
}

/// The runs of a project that stand outside of plans, the newest first.
pub(super) fn lone_runs<'a>(today: Today<'a>, project: &'static Project) -> Vec<Run<'a>> {
    let scale = &today.world.scale;
    let (base, weekly) = (share(project, scale.runs), share(project, scale.runs_weekly));
    let numbers = (0..appeared(today.day, base, weekly)).rev();
    numbers
        .map(|number| {
            let id = project.id * 100_000 + LONE_RUNS + number;
            let dice = today.world.dice("run", id);
            let created = appears(number, base, weekly);
            let completes = created + dice.between("lasts", 0, 9).cast_signed();
            Run { today, project, id, plan_id: None, dice, created, completes, entry: 0, place: 0 }
        })
        .collect()
}

impl<'a> Plan<'a> {
    /// Plan `number` of a project; none when it has been deleted or is still to come.
    fn new(today: Today<'a>, project: &'static Project, number: u64) -> Option<Self> {
        let scale = &today.world.scale;
        let created = appears(number, share(project, scale.plans), share(project, scale.plans_weekly));
        let id = project.id * 100_000 + number + 1;
        let dice = today.world.dice("plan", id);
        // By number, so that every demo shows some that go.
        let deleted = (number % 10 == 7).then(|| (number * 7 % 40).cast_signed() - 5);
        if created > today.day || deleted.is_some_and(|day| created < day && day <= today.day) {
            return None;
        }
        // One plan in twelve is forgotten and never completed.
        let lasts = if dice.one_in("forgotten", 12) { 100_000 } else { dice.between("lasts", 1, 12).cast_signed() };
        Some(Self { today, project, id, dice, created, completes: created + lasts })
    }

    /// The plan with this id.
    pub(super) fn find(today: Today<'a>, id: u64) -> Option<Self> {
        let project = super::projects::project(id / 100_000)?;
        let number = (id % 100_000).checked_sub(1).filter(|number| *number < LONE_RUNS)?;
        Self::new(today, project, number)
    }

    pub(super) fn created_on(&self) -> i64 {
        self.today.world.calendar().seconds(self.created, self.dice, "created")
    }

    pub(super) fn created_by(&self) -> u64 {
        // Automated plans of Firefox Desktop are made by the account of automation.
        let by_machine = self.project.id == 17 && self.dice.below("kind", 8) < 5;
        if by_machine { AUTOMATION } else { self.dice.between("created by", 1, 40) }
    }

    pub(super) fn is_completed(&self) -> bool {
        self.completes <= self.today.day
    }

    pub(super) fn milestone_id(&self) -> Option<u64> {
        self.dice.one_in("milestone", 3).then(|| self.project.id * 100_000 + 16)
    }

    fn name(&self) -> String {
        let version = nightly(self.created) - 1;
        let build = self.project.build;
        let beta = self.dice.between("beta", 1, 9);
        let name = match self.dice.below("kind", 8) {
            0 | 1 => format!("Automated testing - {build} {version}.0b{beta} (Beta)"),
            2 => format!("Automated testing - {build} {version}.0b{beta} L10N"),
            3 => format!("Automated testing - {build} Nightly {} - Smoke", version + 1),
            4 => format!("Automated testing {build} {version} RC"),
            5 => format!("automated testing of {build} (lower case, not counted)"),
            6 => format!("{build} {version} Beta {beta} - manual functional"),
            _ => format!("[{version}.0] {build} feature testing"),
        };
        // Somebody corrects the name a day later.
        let renamed = self.dice.one_in("renamed", 9) && self.created < self.today.day;
        if renamed { format!("{name} (rerun)") } else { name }
    }

    /// The entries, each with its runs. Some plans get one more on their second day.
    fn entries(&self) -> Vec<Vec<Run<'a>>> {
        let late = self.dice.one_in("late entry", 4) && self.created < self.today.day;
        let count = self.dice.between("entries", 1, 3) + u64::from(late);
        (0..count).map(|entry| self.runs(entry)).collect()
    }

    fn runs(&self, entry: u64) -> Vec<Run<'a>> {
        let dice = self.dice.part("entry", entry);
        let count = dice.between("runs", 1, 3);
        let run = |place| {
            let dice = dice.part("run", place);
            let lasts = (self.completes - self.created).min(12).cast_unsigned();
            Run {
                today: self.today,
                project: self.project,
                id: self.id * 64 + entry * 8 + place,
                plan_id: Some(self.id),
                dice,
                created: self.created,
                completes: if self.completes - self.created > 12 {
                    self.completes
                } else {
                    self.created + dice.between("lasts", 0, lasts).cast_signed()
                },
                entry,
                place,
            }
        };
        (0..count).map(run).collect()
    }

    /// The plan as `get_plans` lists it.
    pub(super) fn record(&self) -> Object {
        let calendar = self.today.world.calendar();
        let oddity = Oddity::of(self.dice, self.today.world.scale.odd_one_in);
        let tally: Tally = self.entries().iter().flatten().map(Run::tally).sum();
        let completed = self.is_completed().then(|| calendar.seconds(self.completes, self.dice, "completed"));
        let mut record: Object = vec![
            ("id".into(), self.id.into()),
            ("name".into(), self.name().into()),
            ("description".into(), oddity.text("Planned by the release checklist".to_owned())),
            ("milestone_id".into(), self.milestone_id().into()),
            ("assignedto_id".into(), Value::Null),
            ("refs".into(), Value::Null),
            ("is_completed".into(), self.is_completed().into()),
            ("completed_on".into(), completed.into()),
        ];
        tally.append_to(&mut record);
        record.extend([
            ("project_id".into(), self.project.id.into()),
            ("created_on".into(), self.created_on().into()),
            ("created_by".into(), self.created_by().into()),
            ("url".into(), format!("https://testrail.example.test/index.php?/plans/view/{}", self.id).into()),
        ]);
        oddity.thin_out(&mut record, &["description", "refs", "assignedto_id", "custom_status7_count"]);
        record
    }

    /// The plan as `get_plan` answers it: with entries and runs.
    pub(super) fn detail(&self) -> Object {
        let entries = self.entries().into_iter().enumerate().map(|(number, runs)| {
            let first = runs[0];
            Value::Object(vec![
                ("id".into(), self.entry_id(number as u64).into()),
                ("suite_id".into(), first.suite_id().into()),
                ("name".into(), first.name().into()),
                ("refs".into(), Value::Null),
                ("description".into(), Value::Null),
                ("include_all".into(), true.into()),
                ("runs".into(), Value::List(runs.iter().map(|run| Value::Object(run.record())).collect())),
            ])
        });
        let mut record = self.record();
        record.push(("entries".into(), Value::List(entries.collect())));
        record
    }

    fn entry_id(&self, entry: u64) -> String {
        let bits = self.dice.part("entry", entry).below("uuid", u64::MAX);
        let low = bits & 0xffff_ffff_ffff;
        format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{low:012x}", bits >> 32, (bits >> 16) & 0xffff, bits & 0xfff, entry)
    }

    pub(super) fn style(&self) -> Style {
        style(self.dice, Style::Php)
    }
}

impl<'a> Run<'a> {
    /// The run of a plan with this id.
    pub(super) fn find(today: Today<'a>, id: u64) -> Option<Self> {
        Plan::find(today, id / 64)?.entries().into_iter().flatten().find(|run| run.id == id)
    }

    pub(super) fn dice(&self) -> Dice {
        self.dice
    }

    pub(super) fn odd_one_in(&self) -> u64 {
        self.today.world.scale.odd_one_in
    }

    pub(super) fn tests_per_run(&self) -> u64 {
        self.today.world.scale.tests_per_run
    }

    /// The account that writes results by machine.
    pub(super) fn automation(&self) -> u64 {
        AUTOMATION
    }

    /// Unix seconds of something that happens so many days after the run was made; none while that is to come, or once the run
    /// is completed.
    pub(super) fn moment(&self, days: Day, dice: Dice) -> Option<i64> {
        let day = self.created + days;
        let seconds = self.today.world.calendar().seconds(day, dice, "result");
        (day <= self.today.day.min(self.completes)).then(|| seconds.max(self.created_on() + 1))
    }

    pub(super) fn created_on(&self) -> i64 {
        self.today.world.calendar().seconds(self.created, self.dice, "created")
    }

    pub(super) fn created_by(&self) -> u64 {
        self.dice.between("created by", 1, 40)
    }

    pub(super) fn is_completed(&self) -> bool {
        self.completes <= self.today.day
    }

    /// The suite; none once it has been deleted.
    pub(super) fn suite_id(&self) -> Option<u64> {
        let place = self.dice.below("suite", self.project.suites.len() as u64);
        let id = self.project.id * 100 + 1 + place;
        self.project.suites_on(self.today.day).map(|(id, _)| id).find(|other| *other == id)
    }

    fn name(&self) -> String {
        let kind = match (self.plan_id.is_some(), self.entry) {
            (true, 0) => self.dice.pick("name", &["Smoke", "smoke tests", "Functional"]),
            (true, 1) => self.dice.pick("name", &["L10N", "l10n strings", "Functional"]),
            _ => self.dice.pick("name", &["Functional", "Exploratory", "Smoke", "Upgrade"]),
        };
        format!("{} {kind} {}", self.project.build, nightly(self.created) - 1)
    }

    fn config(&self) -> Option<&'static str> {
        let configs = [Some("Windows 11"), Some("macOS 15"), Some("Linux, Wayland"), None];
        if self.plan_id.is_none() { None } else { configs[(self.place as usize + self.id as usize) % configs.len()] }
    }

    pub(super) fn tally(&self) -> Tally {
        let lasts = (self.completes - self.created).min(30) + 1;
        let done = (self.today.day - self.created + 1).min(lasts);
        Tally::of(self.dice, done.cast_unsigned(), lasts.cast_unsigned())
    }

    /// The run as `get_runs` lists it and as `get_plan` holds it.
    pub(super) fn record(&self) -> Object {
        let calendar = self.today.world.calendar();
        let completed = self.is_completed().then(|| calendar.seconds(self.completes, self.dice, "completed"));
        let mut record: Object = vec![
            ("id".into(), self.id.into()),
            ("suite_id".into(), self.suite_id().into()),
            ("name".into(), self.name().into()),
            ("description".into(), Value::Null),
            ("milestone_id".into(), Value::Null),
            ("assignedto_id".into(), Value::Null),
            ("include_all".into(), true.into()),
            ("is_completed".into(), self.is_completed().into()),
            ("completed_on".into(), completed.into()),
            ("config".into(), self.config().into()),
            ("config_ids".into(), Value::list(self.config().map(|_| self.place + 1))),
        ];
        self.tally().append_to(&mut record);
        record.extend([
            ("project_id".into(), self.project.id.into()),
            ("plan_id".into(), self.plan_id.into()),
            ("entry_index".into(), self.plan_id.map(|_| self.entry + 1).into()),
            ("created_on".into(), self.created_on().into()),
            ("created_by".into(), self.created_by().into()),
            ("is_archived".into(), false.into()),
            ("url".into(), format!("https://testrail.example.test/index.php?/runs/view/{}", self.id).into()),
        ]);
        let oddity = Oddity::of(self.dice, self.today.world.scale.odd_one_in);
        oddity.thin_out(&mut record, &["config", "description", "is_archived", "custom_status6_count"]);
        record
    }

    pub(super) fn style(&self) -> Style {
        style(self.dice, Style::Php)
    }
}
