//! The tests of a run and their results.

use super::{
    super::{
        json::{Object, Value},
        oddity::Oddity,
        random::Dice,
    },
    plans::Run,
};

const TITLES: [&str; 6] = ["Open a new tab", "Close all tabs", "Sync bookmarks", "Switch the theme", "Restore the session", "Translate a page"];
/// As TestRail and its clients write durations.
const DURATIONS: [&str; 8] = ["5s", "12s", "1m", "1m 45s", "45 seconds", "1min 5sec", "2m 30s", "1h 2m"];
/// Users besides the account of automation.
const PEOPLE: u64 = 40;

/// A test of a run: one case of its suite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Test<'a> {
    run: Run<'a>,
    number: u64,
    dice: Dice,
}

impl<'a> Test<'a> {
    /// The tests of a run.
    pub(super) fn of_run(run: Run<'a>) -> Vec<Self> {
        let dice = run.dice();
        let most = run.tests_per_run();
        (0..dice.between("tests listed", most / 3, most)).map(|number| Self { run, number, dice: dice.part("test", number) }).collect()
    }

    fn id(&self) -> u64 {
        // Small enough for 32 bits, and apart for each project.
        let (project, place) = (self.run.id / 6_400_000, self.run.id % 6_400_000);
        let room = (self.run.tests_per_run() + 1).next_power_of_two();
        project * 20_000_000 + place * room + self.number
    }

    /// Runs of one suite test the same cases.
    fn case_id(&self) -> u64 {
        self.run.suite_id().unwrap_or(0) * 1000 + self.number * 3 + 1
    }

    pub(super) fn record(&self) -> Object {
        let oddity = Oddity::of(self.dice, self.run.odd_one_in());
        vec![
            ("id".into(), self.id().into()),
            ("case_id".into(), self.case_id().into()),
            ("status_id".into(), self.results().first().map_or(3, |result| result.status).into()),
            ("assignedto_id".into(), Value::Null),
            ("run_id".into(), self.run.id.into()),
            ("title".into(), oddity.text(format!("{} {}", TITLES[(self.number % 6) as usize], self.case_id()))),
            ("priority_id".into(), 2_u64.into()),
        ]
    }

    /// The results of the test so far, the newest first.
    pub(super) fn results(&self) -> Vec<Outcome<'a>> {
        let most = self.dice.between("results", 1, 3);
        let known = (0..most).filter_map(|number| Outcome::new(*self, number));
        let mut known: Vec<Outcome<'_>> = known.collect();
        known.reverse();
        known
    }
}

/// A result of a test: an outcome, or a comment without one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome<'a> {
    test: Test<'a>,
    number: u64,
    dice: Dice,
    status: u64,
    pub(super) at: i64,
}

impl<'a> Outcome<'a> {
    fn new(test: Test<'a>, number: u64) -> Option<Self> {
        let dice = test.dice.part("result", number);
        let status = dice.pick("status", &[1, 1, 1, 1, 1, 5, 4, 2, 6]);
        let at = test.run.moment(number.cast_signed(), dice)?;
        Some(Self { test, number, dice, status, at })
    }

    pub(super) fn id(&self) -> u64 {
        self.test.id() * 4 + self.number
    }

    pub(super) fn record(&self) -> Object {
        let dice = self.dice;
        let is_comment = dice.one_in("comment", 12);
        let by_hand = dice.one_in("by hand", 10);
        let author = if by_hand { dice.between("who", 1, PEOPLE) } else { self.test.run.automation() };
        let elapsed = (!dice.one_in("no duration", 6)).then(|| dice.pick("duration", &DURATIONS));
        let mut record: Object = vec![
            ("id".into(), self.id().into()),
            ("test_id".into(), self.test.id().into()),
            ("status_id".into(), if is_comment { Value::Null } else { self.status.into() }),
            ("created_on".into(), self.at.into()),
            ("created_by".into(), author.into()),
            ("assignedto_id".into(), Value::Null),
            ("comment".into(), if is_comment { "seen before".into() } else { Value::Null }),
            ("version".into(), Value::Null),
            ("elapsed".into(), elapsed.into()),
            ("defects".into(), Value::Null),
            ("attachment_ids".into(), Value::List(vec![])),
        ];
        // Newer servers say which case it is.
        if self.test.number.is_multiple_of(2) {
            record.push(("case_id".into(), self.test.case_id().into()));
        }
        record
    }
}

/// The users of a project. Whoever works in several is listed in each.
pub(super) fn users(world_dice: impl Fn(u64) -> Dice, project_id: u64) -> Vec<Object> {
    (1..=PEOPLE)
        .filter(|id| *id < 12 || id % 6 == project_id % 6)
        .map(|id| {
            let dice = world_dice(id);
            let mail = if id % 13 == 12 { String::new() } else { format!("tester{id}@example.test") };
            vec![
                ("id".into(), id.into()),
                ("name".into(), format!("Tester {id}{}", if id % 9 == 0 { " 👩\u{200d}🔬" } else { "" }).into()),
                ("email".into(), mail.into()),
                ("is_active".into(), (!dice.one_in("inactive", 7)).into()),
                ("role_id".into(), 3_u64.into()),
                ("role".into(), dice.pick("role", &["Tester", "Lead", "Designer"]).into()),
                ("mfa_required".into(), 0_u64.into()),
            ]
        })
        .collect()
}
