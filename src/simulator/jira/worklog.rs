//! A line of booked time on one day: it is written, perhaps edited, perhaps deleted.

use super::{
    super::{
        calendar::Day,
        json::{Object, Style, Value},
        oddity::Oddity,
        random::Dice,
        world::Today,
    },
    document,
    issue::{self, Issue},
    jira_time,
};

/// Lines that an issue may have: ids are its own id and the number of the line.
const ROOM: u64 = 100;

/// A line of booked time, which may have been deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worklog<'a> {
    pub(super) id: u64,
    issue: Issue<'a>,
    dice: Dice,
    written: Day,
    edited: Option<Day>,
    deleted: Option<Day>,
}

impl<'a> Worklog<'a> {
    /// Line `number` of an issue; none when it is still to be written.
    pub(super) fn new(issue: Issue<'a>, number: u64) -> Option<Self> {
        let today = issue.today.day;
        let dice = issue.dice.part("worklog", number);
        let written = issue.created + number.cast_signed() + dice.below("written after", 3).cast_signed();
        let later = |name: &str, one_in: u64| {
            let day = written + dice.between(name, 2, 25).cast_signed();
            (dice.one_in(name, one_in) && day <= today).then_some(day)
        };
        let (edited, deleted) = (later("edited", 5), later("deleted", 11));
        (written <= today).then_some(Self { id: issue.id * ROOM + number, issue, dice, written, edited, deleted })
    }

    /// The line with this id, unless it was deleted.
    pub(super) fn find(today: Today<'a>, id: u64) -> Option<Self> {
        let issue = Issue::with_id(today, id / ROOM)?;
        issue.worklogs().into_iter().find(|line| line.id == id && !line.is_deleted())
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.deleted.is_some()
    }

    fn seconds(&self, day: Day, name: &str) -> i64 {
        self.issue.today.world.calendar().seconds(day, self.dice, name)
    }

    pub(super) fn updated_on(&self) -> i64 {
        self.edited.map_or_else(|| self.seconds(self.written, "written"), |day| self.seconds(day, "edited"))
    }

    pub(super) fn deleted_on(&self) -> i64 {
        self.deleted.map_or(0, |day| self.seconds(day, "deleted"))
    }

    pub(super) fn record(&self) -> Object {
        let dice = self.dice;
        let oddity = Oddity::of(dice, self.issue.today.world.scale.odd_one_in);
        let minutes = 30 * dice.between("half hours", 1, 12) + if self.edited.is_some() { 15 } else { 0 };
        let spent = match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes}m"),
            (hours, 0) => format!("{hours}h"),
            (hours, minutes) => format!("{hours}h {minutes}m"),
        };
        let id = self.issue.id;
        let mut record: Object = vec![
            ("self".into(), format!("https://jira.example.test/rest/api/3/issue/{id}/worklog/{}", self.id).into()),
            ("author".into(), issue::tester(dice)),
            ("updateAuthor".into(), issue::tester(dice)),
            ("created".into(), jira_time(self.seconds(self.written, "written")).into()),
            ("updated".into(), jira_time(self.updated_on()).into()),
            ("started".into(), jira_time(self.seconds(self.written, "written") - 3600 * 5).into()),
            ("timeSpent".into(), spent.into()),
            ("timeSpentSeconds".into(), (minutes * 60).into()),
            ("id".into(), self.id.to_string().into()),
            ("issueId".into(), id.to_string().into()),
        ];
        // Without a comment the key is missing altogether.
        if !dice.one_in("no comment", 5) {
            let words = dice.pick("words", &["Full functional run", "Smoke run on two devices", "Wrote test cases", "Triage"]);
            record.push(("comment".into(), document::comment(dice, oddity.text(words.to_owned()))));
        }
        record
    }

    pub(super) fn written(&self) -> Vec<u8> {
        let mut out = Vec::new();
        Value::Object(self.record()).write(Style::Compact, &mut out);
        out
    }
}
