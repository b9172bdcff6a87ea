//! An issue or pull request on one day.

use super::{
    super::{
        calendar::{Day, appeared, appears, iso},
        json::{Object, Style, Value},
        oddity::{Oddity, style},
        random::Dice,
        world::{Today, shares},
    },
    REPOSITORIES, Repository,
};

const WHAT: [&str; 6] = [
    "Intermittent UI test failure in TabTrayTests",
    "Crash when opening a PDF",
    "Toolbar overlaps content in landscape",
    "Download bar does not go away",
    "Add telemetry to the share sheet",
    "Bump dependencies",
];
const LABELS: [&str; 9] = ["eng:intermittent-test", "🐞 bug", "crash", "b:crash", "P1", "P2", "P3", "eng:bug-auto-found", "good first issue"];

/// An issue or pull request on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issue<'a> {
    today: Today<'a>,
    repository: &'static Repository,
    pub(super) number: u64,
    dice: Dice,
    created: Day,
}

impl<'a> Issue<'a> {
    /// The issues of a repository that exist on the day. One in thirty is deleted or moved elsewhere some day.
    pub(super) fn of_repository(today: Today<'a>, repository: &'static Repository) -> impl Iterator<Item = Self> {
        let scale = &today.world.scale;
        let weights = REPOSITORIES.each_ref().map(|one| one.weight);
        let place = REPOSITORIES.iter().position(|one| one.id == repository.id).unwrap_or_default();
        let (base, weekly) = (shares(scale.github_issues, &weights)[place], shares(scale.github_issues_weekly, &weights)[place]);
        (0..appeared(today.day, base, weekly)).filter_map(move |number| {
            let dice = today.world.dice("github issue", repository.id + number);
            let created = appears(number, base, weekly);
            let gone = dice.one_in("gone", 30) && created + dice.between("gone after", 1, 40).cast_signed() <= today.day;
            (!gone).then_some(Self { today, repository, number: number + 1, dice, created })
        })
    }

    fn is_pull_request(&self) -> bool {
        self.dice.below("pull request", 10) < 6
    }

    pub(super) fn created_on(&self) -> i64 {
        self.today.world.calendar().seconds(self.created, self.dice, "created")
    }

    /// Days after which something happens, as long as the day has come.
    fn after(&self, name: &str, one_in: u64, least: u64, most: u64) -> Option<i64> {
        let day = self.created + self.dice.between(name, least, most).cast_signed();
        (self.dice.below(&format!("{name} at all"), one_in) > 0 && day <= self.today.day)
            .then(|| self.today.world.calendar().seconds(day, self.dice, name).max(self.created_on() + 1))
    }

    fn labelled_on(&self) -> Option<i64> {
        self.after("labelled", 4, 0, 5)
    }

    fn assigned_on(&self) -> Option<i64> {
        self.after("assigned", 3, 1, 9)
    }

    fn closed_on(&self) -> Option<i64> {
        let first = self.after("closed", 4, 2, 30)?;
        // Opened again after three days, for good.
        let again = self.dice.one_in("opened again", 12) && first + 3 * 86_400 <= self.today.now();
        (!again).then_some(first)
    }

    pub(super) fn updated_on(&self) -> i64 {
        let closed = self.after("closed", 4, 2, 30);
        let again =
            closed.filter(|first| self.dice.one_in("opened again", 12) && first + 3 * 86_400 <= self.today.now()).map(|first| first + 3 * 86_400);
        [Some(self.created_on()), self.labelled_on(), self.assigned_on(), closed, again].into_iter().flatten().max().unwrap_or_default()
    }

    pub(super) fn state(&self) -> &'static str {
        if self.closed_on().is_some() { "closed" } else { "open" }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Value::Object(self.record()).write(style(self.dice, Style::Compact), out);
    }

    fn record(&self) -> Object {
        let dice = self.dice;
        let oddity = Oddity::of(dice, self.today.world.scale.odd_one_in);
        let Repository { owner, name, .. } = self.repository;
        let id = self.repository.id * 10_000 + self.number;
        let pull = self.is_pull_request();
        let author = dice.pick("author", &["outside-user", "data-sync-user", "member-one", "member-two", "another-user"]);
        let association = match author {
            "member-one" | "member-two" => "MEMBER",
            "data-sync-user" => "COLLABORATOR",
            _ => dice.pick("association", &["NONE", "NONE", "CONTRIBUTOR"]),
        };
        let labels: Vec<Value> = match self.labelled_on() {
            None => Vec::new(),
            Some(_) => (0..dice.between("labels", 1, 2)).map(|number| label(dice.part("label", number).pick("name", &LABELS))).collect(),
        };
        let assignees: Vec<Value> = self.assigned_on().map(|_| user("member-one")).into_iter().collect();
        let kind = if pull { "pull" } else { "issues" };
        let here = format!("https://api.github.example.test/repos/{owner}/{name}/issues/{}", self.number);
        let closed = self.closed_on().map(iso);
        let mut record: Object = vec![
            ("repository_url".into(), format!("https://api.github.example.test/repos/{owner}/{name}").into()),
            ("labels_url".into(), format!("{here}/labels{{/name}}").into()),
            ("comments_url".into(), format!("{here}/comments").into()),
            ("events_url".into(), format!("{here}/events").into()),
            ("url".into(), here.into()),
            ("html_url".into(), format!("https://github.example.test/{owner}/{name}/{kind}/{}", self.number).into()),
            ("id".into(), id.into()),
            ("node_id".into(), format!("I_{id}").into()),
            ("number".into(), self.number.into()),
            ("title".into(), short(oddity.text(format!("{} ({})", dice.pick("what", &WHAT), self.number)))),
            // The account of an author may have been deleted.
            ("user".into(), if dice.one_in("ghost", 40) { Value::Null } else { user(author) }),
            ("labels".into(), Value::List(labels)),
            ("state".into(), self.state().into()),
            ("locked".into(), false.into()),
            ("assignee".into(), assignees.first().cloned().unwrap_or(Value::Null)),
            ("assignees".into(), Value::List(assignees)),
            ("milestone".into(), Value::Null),
            ("comments".into(), dice.below("comments", 9).into()),
            ("created_at".into(), iso(self.created_on()).into()),
            ("updated_at".into(), iso(self.updated_on()).into()),
            ("closed_at".into(), closed.clone().into()),
            ("author_association".into(), association.into()),
            ("body".into(), if dice.one_in("no body", 6) { Value::Null } else { "Steps to reproduce …".into() }),
        ];
        if pull {
            let merged = closed.filter(|_| !dice.one_in("not merged", 5));
            record.push(("draft".into(), false.into()));
            record.push((
                "pull_request".into(),
                Value::Object(vec![
                    ("html_url".into(), format!("https://github.example.test/{owner}/{name}/pull/{}", self.number).into()),
                    ("diff_url".into(), format!("https://github.example.test/{owner}/{name}/pull/{}.diff", self.number).into()),
                    ("patch_url".into(), format!("https://github.example.test/{owner}/{name}/pull/{}.patch", self.number).into()),
                    ("url".into(), format!("https://api.github.example.test/repos/{owner}/{name}/pulls/{}", self.number).into()),
                    ("merged_at".into(), merged.into()),
                ]),
            ));
        }
        record
    }
}

/// Titles have at most 256 characters.
fn short(title: Value) -> Value {
    match title {
        Value::Text(text) => Value::from(text.chars().take(256).collect::<String>()),
        other => other,
    }
}

fn label(name: &'static str) -> Value {
    Value::Object(vec![
        ("id".into(), 1_u64.into()),
        ("name".into(), name.into()),
        ("color".into(), "d73a4a".into()),
        ("default".into(), false.into()),
    ])
}

fn user(login: &'static str) -> Value {
    let here = format!("https://api.github.example.test/users/{login}");
    let mut members: Object = vec![("login".into(), login.into()), ("id".into(), 7_u64.into()), ("node_id".into(), "U_7".into())];
    for name in ["avatar_url", "gravatar_id", "url", "html_url", "followers_url", "following_url", "gists_url", "starred_url"] {
        members.push((name.into(), here.clone().into()));
    }
    for name in ["subscriptions_url", "organizations_url", "repos_url", "events_url", "received_events_url"] {
        members.push((name.into(), format!("{here}/{}", name.trim_end_matches("_url")).into()));
    }
    members.extend([("type".into(), "User".into()), ("site_admin".into(), false.into())]);
    Value::Object(members)
}
