//! An issue as the API shows it, and the saved filters that list it.

use super::{
    super::{
        calendar::{Day, appeared, appears},
        json::{Object, Value},
        oddity::Oddity,
        random::Dice,
        world::{Today, shares},
    },
    document, jira_time,
    worklog::Worklog,
};

/// A project of Jira. Its issues have ids from `first_id` on.
#[derive(Debug)]
struct Project {
    key: &'static str,
    name: &'static str,
    first_id: u64,
    weight: u64,
}

/// The requests of the testers come last: only they have worklogs.
const PROJECTS: [Project; 6] = [
    Project { key: "QA", name: "QA Requests", first_id: 100_000, weight: 4 },
    Project { key: "DTE", name: "Desktop QA Requests", first_id: 200_000, weight: 3 },
    Project { key: "FXIOS", name: "Firefox for iOS", first_id: 300_000, weight: 2 },
    Project { key: "FXA", name: "Mozilla accounts", first_id: 400_000, weight: 2 },
    Project { key: "VPN", name: "Mozilla VPN", first_id: 500_000, weight: 2 },
    Project { key: "QATT", name: "QA Testing Team", first_id: 600_000, weight: 3 },
];
/// Position of [`PROJECTS`] whose issues have worklogs.
const TESTERS: usize = 5;
/// Ids of one project.
const ROOM: u64 = 100_000;
const TRAINS: [&str; 4] = ["142", "143", "144", "145"];
const TEAMS: [&str; 4] = ["Search", "Home & Tabs", "Credential Management", "GenAI"];
const PEOPLE: [(&str, Option<&str>); 4] = [
    ("Ana Softvision", Some("ana@example.test")),
    ("Bo Lang", Some("bo@example.test")),
    ("Cy Hidden", None),
    ("Dee 👩‍🔬 Lab", Some("dee@example.test")),
];
const WHAT: [&str; 6] = [
    "Verify the new tab bar",
    "Sign-off of the onboarding",
    "Crash after rotating",
    "Sync of tabs is slow",
    "Test the share sheet",
    "Check RTL layout",
];

/// An issue on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issue<'a> {
    pub(super) today: Today<'a>,
    pub(super) id: u64,
    pub(super) dice: Dice,
    pub(super) created: Day,
    project: usize,
    pub(super) number: u64,
}

impl<'a> Issue<'a> {
    /// Issue `number` of a project; none when it has been deleted or is still to come.
    fn new(today: Today<'a>, project: usize, number: u64) -> Option<Self> {
        let (base, weekly) = share(today, project);
        let created = appears(number, base, weekly);
        let id = PROJECTS[project].first_id + number + 1;
        let dice = today.world.dice("jira issue", id);
        // Requests of the testers stay: what hangs below them is shown by other means.
        let deleted = (project != TESTERS && number % 17 == 5).then(|| (number * 3 % 30).cast_signed() - 4);
        let is_gone = deleted.is_some_and(|day| created < day && day <= today.day);
        (created <= today.day && !is_gone).then_some(Self { today, id, dice, created, project, number })
    }

    /// The issue with this key.
    pub(super) fn find(today: Today<'a>, key: &str) -> Option<Self> {
        let (prefix, number) = key.split_once('-')?;
        let project = PROJECTS.iter().position(|project| project.key == prefix)?;
        let number = number.parse::<u64>().ok()?.checked_sub(1).filter(|number| *number < ROOM)?;
        Self::new(today, project, number)
    }

    /// The issue with this id.
    pub(super) fn with_id(today: Today<'a>, id: u64) -> Option<Self> {
        let project = PROJECTS.iter().position(|project| (project.first_id + 1..=project.first_id + ROOM).contains(&id))?;
        Self::new(today, project, id - PROJECTS[project].first_id - 1)
    }

    fn of_project(today: Today<'a>, project: usize) -> impl Iterator<Item = Self> {
        let (base, weekly) = share(today, project);
        (0..appeared(today.day, base, weekly)).filter_map(move |number| Self::new(today, project, number))
    }

    /// All issues of the project whose issues have worklogs.
    pub(super) fn of_testers(today: Today<'a>) -> impl Iterator<Item = Self> {
        Self::of_project(today, TESTERS)
    }

    /// The issues of a saved filter, in the order of their keys; none for an unknown filter.
    pub(super) fn of_filter(today: Today<'a>, filter: u64) -> Option<Vec<Self>> {
        type Rule = fn(&Issue<'_>) -> bool;
        let (projects, rule): (&[usize], Rule) = match filter {
            13856 => (&[0], |issue| issue.number % 3 != 2),
            14323 => (&[0], |_| true),
            24973 => (&[1], |_| true),
            // Who waits for QA leaves when the work is done.
            13789 => (&[2], |issue| issue.status().1 != "done"),
            // The board lists a request or only one of its children, but never all.
            15948 => (&[TESTERS], |issue| matches!(issue.number % 8, 0 | 1 | 5)),
            35754 => (&[2, 3, 4], |issue| issue.number % 3 == 0),
            // Only finished work: an issue that is opened again leaves.
            35755 => (&[3, 4], |issue| issue.number % 3 != 0 && issue.status().1 == "done"),
            _ => return None,
        };
        let mut found: Vec<Self> = projects.iter().flat_map(|project| Self::of_project(today, *project)).filter(rule).collect();
        found.sort_by_key(|issue| (PROJECTS[issue.project].key, issue.number));
        Some(found)
    }

    /// The issues whose parent has this key.
    pub(super) fn children(today: Today<'a>, key: &str) -> Vec<Self> {
        let Some(parent) = Self::find(today, key) else { return Vec::new() };
        (parent.number + 1..parent.number + 4)
            .filter_map(|number| Self::new(today, parent.project, number))
            .filter(|child| child.parent().is_some_and(|own| own.id == parent.id))
            .collect()
    }

    pub(super) fn key(&self) -> String {
        format!("{}-{}", PROJECTS[self.project].key, self.number + 1)
    }

    /// Of four requests of the testers, and of QA, three hang below the first.
    pub(super) fn parent(&self) -> Option<Self> {
        let first = self.number - self.number % 4;
        let hangs = (self.project == TESTERS || self.project == 0) && first != self.number;
        hangs.then(|| Self::new(self.today, self.project, first)).flatten()
    }

    /// Name and category of the status, which goes from open over working to done, and at times back.
    pub(super) fn status(&self) -> (&'static str, &'static str) {
        let age = self.today.day - self.created;
        let lasts = self.dice.between("lasts", 3, 30).cast_signed();
        let again = self.dice.one_in("opened again", 8) && (lasts + 2..lasts + 6).contains(&age);
        match () {
            () if age < 2 => ("To Do", "new"),
            () if age < lasts || again => ("In Progress", "indeterminate"),
            () => ("Done", "done"),
        }
    }

    fn changed_on(&self) -> i64 {
        let calendar = self.today.world.calendar();
        let lasts = self.dice.between("lasts", 3, 30).cast_signed();
        let moments = [0, 2, lasts, lasts + 2, lasts + 6].map(|age| self.created + age);
        let last = moments.into_iter().filter(|day| *day <= self.today.day).max().unwrap_or(self.created);
        calendar.seconds(last, self.dice, "created").max(self.created_on())
    }

    fn created_on(&self) -> i64 {
        self.today.world.calendar().seconds(self.created, self.dice, "created")
    }

    fn labels(&self) -> Vec<&'static str> {
        let mut labels = vec![self.dice.pick("label", &["android", "ios", "late-c144", "accessibility", "qa-flaky"])];
        match self.status().1 {
            "done" => labels.push(self.dice.pick("outcome", &["qa-verified", "verified", "wontfix", "duplicate", "invalid", "moved"])),
            "indeterminate" if self.dice.one_in("nightly", 3) => labels.push("verified-nightly"),
            "indeterminate" => labels.push("unverified"),
            _ => {}
        }
        labels
    }

    /// The worklogs, the oldest first, those that have been deleted among them.
    pub(super) fn worklogs(&self) -> Vec<Worklog<'a>> {
        // One issue has more than a search result embeds.
        let most = if self.number == 4 { 25 } else { self.dice.below("worklogs", self.today.world.scale.worklogs_per_issue + 1) };
        let most = if self.project == TESTERS { most } else { 0 };
        (0..most).filter_map(|line| Worklog::new(*self, line)).collect()
    }

    /// The issue with these fields. Only the id and the key come without being asked for.
    pub(super) fn record(&self, fields: &[String]) -> Object {
        let wanted = |name: &str| fields.iter().any(|field| field == name || field == "*all" || (field == "*navigable" && name != "worklog"));
        let mut members = self.fields();
        if wanted("worklog") {
            let lines: Vec<_> = self.worklogs().into_iter().filter(|line| !line.is_deleted()).collect();
            members.push((
                "worklog".into(),
                Value::Object(vec![
                    ("startAt".into(), 0_u64.into()),
                    ("maxResults".into(), 20_u64.into()),
                    ("total".into(), (lines.len() as u64).into()),
                    ("worklogs".into(), Value::List(lines.iter().take(20).map(|line| Value::Object(line.record())).collect())),
                ]),
            ));
        }
        members.retain(|(name, _)| wanted(name));
        let mut record: Object = vec![
            ("expand".into(), "operations,versionedRepresentations,editmeta,changelog,renderedFields".into()),
            ("id".into(), self.id.to_string().into()),
            ("self".into(), format!("https://jira.example.test/rest/api/3/issue/{}", self.id).into()),
            ("key".into(), self.key().into()),
        ];
        if !members.is_empty() {
            record.push(("fields".into(), Value::Object(members)));
        }
        record
    }

    fn fields(&self) -> Object {
        let dice = self.dice;
        let project = &PROJECTS[self.project];
        let oddity = Oddity::of(dice, self.today.world.scale.odd_one_in);
        let (status, category) = self.status();
        let renamed = if dice.one_in("renamed", 6) && self.today.day - self.created > 4 { " (rescoped)" } else { "" };
        let summary = format!("{}{renamed} #{}", dice.pick("what", &WHAT), self.number + 1);
        let kind = if self.parent().is_some() { "Sub-task" } else { dice.pick("kind", &["QA Request", "Internal Task", "Bug", "Task"]) };
        let assigned = (!dice.one_in("nobody", 5)).then(|| person(dice.pick("assignee", &PEOPLE)));
        let points = match dice.below("points", 6) {
            0 => Value::Null,
            1 => Value::Decimal("0.5".to_owned()),
            whole => Value::Decimal(format!("{whole}.0")),
        };
        let trains = ["c", "b", "r"].iter().take(dice.below("trains", 4) as usize).map(|letter| format!("{letter}{}", dice.pick("train", &TRAINS)));
        let parent = self.parent().map(|parent| {
            Value::Object(vec![
                ("id".into(), parent.id.to_string().into()),
                ("key".into(), parent.key().into()),
                ("self".into(), format!("https://jira.example.test/rest/api/3/issue/{}", parent.id).into()),
                ("fields".into(), Value::Object(vec![("summary".into(), "as embedded".into())])),
            ])
        });
        let subtasks: Vec<Value> = (self.parent().is_none() && self.project == 1 && self.number > 0 && dice.one_in("subtasks", 3))
            .then(|| {
                Value::Object(vec![
                    ("id".into(), (self.id - 1).to_string().into()),
                    ("key".into(), format!("{}-{}", project.key, self.number).into()),
                ])
            })
            .into_iter()
            .collect();
        let links: Vec<Value> = (self.number > 1 && dice.one_in("links", 4))
            .then(|| {
                let other = Value::Object(vec![
                    ("id".into(), (self.id - 2).to_string().into()),
                    ("key".into(), format!("{}-{}", project.key, self.number - 1).into()),
                ]);
                Value::Object(vec![("id".into(), "77".into()), (if dice.one_in("inward", 2) { "inwardIssue" } else { "outwardIssue" }.into(), other)])
            })
            .into_iter()
            .collect();
        let mut members: Object = vec![
            ("summary".into(), oddity.text(summary)),
            (
                "status".into(),
                Value::Object(vec![("name".into(), status.into()), ("statusCategory".into(), Value::Object(vec![("key".into(), category.into())]))]),
            ),
            ("labels".into(), Value::list(self.labels())),
            ("created".into(), jira_time(self.created_on()).into()),
            ("updated".into(), jira_time(self.changed_on()).into()),
            ("statuscategorychangedate".into(), jira_time(self.changed_on()).into()),
            ("assignee".into(), assigned.into()),
            ("reporter".into(), person(dice.pick("reporter", &PEOPLE))),
            ("priority".into(), named(dice.pick("priority", &["Highest", "High", "Medium", "Low"]))),
            ("issuetype".into(), named(kind)),
            (
                "project".into(),
                Value::Object(vec![("key".into(), project.key.into()), ("name".into(), project.name.into()), ("id".into(), "1".into())]),
            ),
            ("parent".into(), parent.into()),
            ("subtasks".into(), Value::List(subtasks)),
            ("issuelinks".into(), Value::List(links)),
            ("customfield_10037".into(), points),
            ("customfield_10155".into(), option(dice.pick("release train", &TRAINS))),
            ("customfield_10134".into(), Value::List(vec![option(dice.pick("team", &TEAMS))])),
            ("customfield_11930".into(), Value::list(trains.collect::<Vec<_>>())),
            ("customfield_10147".into(), Value::List(vec![option("Firefox"), option("Toolkit")])),
            ("customfield_10509".into(), if dice.one_in("no timeline", 3) { Value::Null } else { document::timeline(dice, self.created_on()) }),
        ];
        oddity.thin_out(
            &mut members,
            &["assignee", "reporter", "priority", "customfield_10037", "customfield_10155", "customfield_10134", "customfield_10509"],
        );
        members
    }
}

/// How many issues of a project there are when the story begins, and how many come each week.
fn share(today: Today<'_>, project: usize) -> (u64, u64) {
    let scale = &today.world.scale;
    let weights = PROJECTS.each_ref().map(|project| project.weight);
    (shares(scale.jira_issues, &weights)[project], shares(scale.jira_issues_weekly, &weights)[project])
}

fn named(name: &'static str) -> Value {
    Value::Object(vec![("name".into(), name.into()), ("id".into(), "3".into())])
}

fn option(value: &'static str) -> Value {
    Value::Object(vec![("value".into(), value.into()), ("id".into(), "10".into())])
}

pub(super) fn person((name, mail): (&'static str, Option<&'static str>)) -> Value {
    let mut members: Object = vec![("accountId".into(), "5b10".into()), ("displayName".into(), name.into()), ("active".into(), true.into())];
    members.extend(mail.map(|mail| ("emailAddress".into(), mail.into())));
    Value::Object(members)
}

/// One of the testers.
pub(super) fn tester(dice: Dice) -> Value {
    person(dice.pick("tester", &PEOPLE))
}
