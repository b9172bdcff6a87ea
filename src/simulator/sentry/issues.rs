//! Issues of a version: found on one day, reviewed or forgotten some days later, growing meanwhile.

use super::{
    super::{
        apis::Call,
        calendar::iso,
        json::{Object, Style, Value},
        oddity::{Oddity, style},
        random::Dice,
        world::Today,
    },
    Project,
    releases::releases,
    words,
};

const TITLES: [&str; 8] = [
    "WatchdogTermination",
    "java.lang.NullPointerException: Attempt to invoke a method on a null object",
    "EXC_BREAKPOINT: Swift runtime failure",
    "Fatal Error: Unexpectedly found nil while unwrapping an Optional value",
    "OutOfMemoryError: Failed to allocate a 4194320 byte allocation",
    "App Hanging: App hanging for at least 2000 ms.",
    "IllegalStateException: Fragment not attached to a context",
    "Error while syncing bookmarks",
];

/// The issues that a search finds, most frequent first.
pub(super) fn found(call: &Call<'_>, project: &Project) -> Vec<Vec<u8>> {
    let today = call.today;
    let text = call.query.get("query").unwrap_or("is:unresolved");
    let mut versions = words(&call.query, "release.version");
    let first = words(&call.query, "firstRelease");
    let all = releases(project, today);
    versions.extend(all.iter().filter(|release| first.contains(&release.name(project))).map(|release| release.short().to_owned()));
    versions.sort();
    versions.dedup();
    versions.retain(|version| all.iter().any(|release| release.short() == version));
    let mut issues: Vec<Issue> = versions.iter().flat_map(|version| of_version(project, today, version)).collect();
    let days = if call.query.get("statsPeriod") == Some("7d") { 7 } else { 1 };
    if text.contains("is:for_review") {
        issues.retain(|issue| issue.for_review);
    }
    issues.sort_by_key(|issue| (std::cmp::Reverse(issue.events(days)), issue.id));
    issues.iter().map(|issue| issue.written(project, today, days)).collect()
}

struct Issue {
    id: u64,
    dice: Dice,
    age: i64,
    for_review: bool,
}

fn of_version(project: &Project, today: Today<'_>, version: &str) -> Vec<Issue> {
    let dice = today.world.dice("sentry version", project.id).part(version, 0);
    let born = releases(project, today).iter().filter(|release| release.short() == version).map(|release| release.day).min().unwrap_or(0);
    // One version in five has more issues than a page holds.
    let count = if dice.one_in("many", 5) { today.world.scale.sentry_issues * 4 } else { today.world.scale.sentry_issues };
    let issues = (0..count).map(|number| {
        let own = dice.part("issue", number);
        let age = today.day - (born + own.below("found after", 12).cast_signed());
        let reviewed = own.between("reviewed after", 3, 30).cast_signed();
        Issue { id: 5_000_000_000 + own.below("id", 1 << 30), dice: own, age, for_review: age < reviewed && !own.one_in("assigned", 4) }
    });
    issues.filter(|issue| issue.age >= 0).collect()
}

impl Issue {
    /// Events of the last so many days.
    fn events(&self, days: i64) -> u64 {
        self.dice.between("frequency", 1, 900) * (self.age + 1).min(days).unsigned_abs()
    }

    fn written(&self, project: &Project, today: Today<'_>, days: i64) -> Vec<u8> {
        let dice = self.dice;
        let oddity = Oddity::of(dice, today.world.scale.odd_one_in);
        let first = iso(today.world.calendar().seconds(today.day - self.age, dice, "first seen"));
        let last = iso(today.now() - 60);
        let (events, users) = (self.events(days), self.events(days) / dice.between("events of a user", 1, 9));
        let whole = self.events(self.age + 1);
        let id = self.id.to_string();
        let of_project: Object = vec![
            ("id".into(), project.id.to_string().into()),
            ("name".into(), project.slug.into()),
            ("slug".into(), project.slug.into()),
            ("platform".into(), "native".into()),
        ];
        let lifetime: Object = vec![
            ("count".into(), whole.to_string().into()),
            ("userCount".into(), (whole / dice.between("events of a user", 1, 9)).into()),
            ("firstSeen".into(), first.clone().into()),
            ("lastSeen".into(), last.clone().into()),
        ];
        let mut record: Object = vec![
            ("annotations".into(), Value::List(vec![])),
            ("assignedTo".into(), Value::Null),
            ("count".into(), events.to_string().into()),
            ("culprit".into(), (!dice.one_in("no culprit", 7)).then(|| format!("org.mozilla.Module{} in run", dice.below("culprit", 40))).into()),
            ("firstSeen".into(), first.into()),
            ("hasSeen".into(), false.into()),
            ("id".into(), id.clone().into()),
            ("isBookmarked".into(), false.into()),
            ("isPublic".into(), false.into()),
            ("isSubscribed".into(), false.into()),
            ("lastSeen".into(), last.into()),
            ("level".into(), dice.pick("level", &["error", "fatal"]).into()),
            ("logger".into(), Value::Null),
            ("metadata".into(), Value::Object(vec![("title".into(), dice.pick("title", &TITLES).into())])),
            ("numComments".into(), 0_u64.into()),
            ("permalink".into(), format!("https://sentry.example.test/organizations/mozilla/issues/{id}/").into()),
            ("project".into(), Value::Object(of_project)),
            ("shareId".into(), Value::Null),
            ("shortId".into(), format!("{}-{}", project.slug.to_uppercase(), dice.below("short id", 46_655)).into()),
            ("stats".into(), Value::Object(vec![("24h".into(), Value::List(vec![]))])),
            ("status".into(), "unresolved".into()),
            ("statusDetails".into(), Value::Object(vec![])),
            ("subscriptionDetails".into(), Value::Null),
            ("lifetime".into(), Value::Object(lifetime)),
            ("title".into(), oddity.text(dice.pick("title", &TITLES).to_owned())),
            ("type".into(), "error".into()),
            ("userCount".into(), users.into()),
        ];
        oddity.thin_out(&mut record, &["culprit", "lifetime", "permalink"]);
        let mut out = Vec::new();
        Value::Object(record).write(style(dice, Style::Compact), &mut out);
        out
    }
}
