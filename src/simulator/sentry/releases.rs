//! Releases as Sentry knows them: live ones, old ones, and what only looks like one.

use super::{
    super::{
        calendar::{Day, iso},
        json::{Object, Style, Value},
        oddity::style,
        trains::{DOTS, release_major, ships},
        world::Today,
    },
    Kind, Project,
};

/// How far back releases are kept, in majors.
const KEPT: i64 = 16;

/// A release of a project.
#[derive(Clone, Debug)]
pub(super) struct Release {
    /// The day on which it was first seen.
    pub(super) day: Day,
    /// What stands behind the `@`.
    pub(super) raw: String,
    /// None where Sentry cannot read the version.
    major: Option<i64>,
    build: Option<String>,
}

impl Release {
    /// The version without its build.
    pub(super) fn short(&self) -> &str {
        self.raw.split('+').next().unwrap_or_default()
    }

    /// The full name.
    pub(super) fn name(&self, project: &Project) -> String {
        format!("{}@{}", project.package, self.raw)
    }

    /// Whether it belongs to a train that is under way.
    pub(super) fn is_live(&self, today: Today<'_>) -> bool {
        let now = release_major(today.day);
        self.major.is_some_and(|major| (now - 1..=now + 2).contains(&major))
    }

    pub(super) fn written(&self, project: &Project, today: Today<'_>) -> Vec<u8> {
        let name = self.name(project);
        let numbers: Vec<i64> = self.short().split('.').map_while(|part| part.parse().ok()).collect();
        let version: Object = match self.major {
            None => vec![("raw".into(), self.raw.clone().into())],
            Some(major) => vec![
                ("raw".into(), self.raw.clone().into()),
                ("major".into(), major.into()),
                ("minor".into(), numbers.get(1).copied().unwrap_or(0).into()),
                ("patch".into(), numbers.get(2).copied().unwrap_or(0).into()),
                ("pre".into(), self.short().find('b').map(|at| self.short()[at..].to_owned()).into()),
                ("buildCode".into(), self.build.clone().into()),
                ("components".into(), 3_u64.into()),
            ],
        };
        let info: Object = vec![
            ("package".into(), self.major.map(|_| project.package.to_owned()).into()),
            ("version".into(), Value::Object(version)),
            ("description".into(), self.short().to_owned().into()),
            ("buildHash".into(), Value::Null),
        ];
        let dice = today.world.dice("sentry release", project.id).part(&self.raw, 0);
        let created = today.world.calendar().seconds(self.day, dice, "created");
        let of_project: Object = vec![
            ("id".into(), project.id.into()),
            ("slug".into(), project.slug.into()),
            ("name".into(), project.slug.into()),
            ("newGroups".into(), dice.below("new groups", 40).into()),
            ("platform".into(), "native".into()),
            ("platforms".into(), Value::list(["native"])),
            ("hasHealthData".into(), true.into()),
        ];
        let record: Object = vec![
            ("id".into(), dice.below("id", 1 << 40).into()),
            ("version".into(), name.clone().into()),
            ("shortVersion".into(), self.raw.clone().into()),
            ("status".into(), "open".into()),
            // Some releases have no information about their version at all.
            ("versionInfo".into(), if self.raw.starts_with("debug") { Value::Null } else { Value::Object(info) }),
            ("ref".into(), Value::Null),
            ("url".into(), Value::Null),
            ("dateReleased".into(), Value::Null),
            ("dateCreated".into(), iso(created).replace('Z', ".764000Z").into()),
            ("data".into(), Value::Object(vec![])),
            ("newGroups".into(), dice.below("new groups", 40).into()),
            ("owner".into(), Value::Null),
            ("commitCount".into(), 0_u64.into()),
            ("lastCommit".into(), Value::Null),
            ("deployCount".into(), 0_u64.into()),
            ("lastDeploy".into(), Value::Null),
            ("authors".into(), Value::List(vec![])),
            ("projects".into(), Value::List(vec![Value::Object(of_project)])),
            ("firstEvent".into(), Value::Null),
            ("lastEvent".into(), Value::Null),
            ("currentProjectMeta".into(), Value::Object(vec![])),
            ("userAgent".into(), Value::Null),
        ];
        let mut out = Vec::new();
        Value::Object(record).write(style(dice, Style::Compact), &mut out);
        out
    }
}

/// All releases of a project by the end of today, newest version first.
pub(super) fn releases(project: &Project, today: Today<'_>) -> Vec<Release> {
    let now = release_major(today.day);
    let mut all = Vec::new();
    for major in (now - KEPT..=now + 2).rev() {
        let first = ships(major);
        match project.kind {
            Kind::Ios => {
                for dot in (0..4).rev() {
                    all.push(plain(first + 7 * dot, format!("{major}.{dot}"), major));
                }
                // A test build, which has a build code where releases have none.
                all.push(built(first - 10, format!("{major}.0"), 37_015, major));
            }
            Kind::Release => {
                for (dot, after) in (0..).zip([0].into_iter().chain(DOTS)).collect::<Vec<_>>().into_iter().rev() {
                    let short = if dot == 0 { format!("{major}.0") } else { format!("{major}.0.{dot}") };
                    let build = 2_016_000_001 + major * 10_000 + dot * 100;
                    // One build for each architecture, and the first dot release was built again.
                    all.push(built(first + after, short.clone(), build, major));
                    all.push(built(first + after, short.clone(), build + 1, major));
                    if dot == 1 {
                        all.push(built(first + after + 1, short, build + 6, major));
                    }
                }
            }
            Kind::Beta => {
                for number in (1..=9).rev() {
                    let build = 2_016_000_001 + major * 10_000 + number * 100;
                    all.push(built(first - 28 + 3 * number, format!("{major}.0b{number}"), build, major));
                    all.push(built(first - 28 + 3 * number, format!("{major}.0b{number}"), build + 1, major));
                }
            }
        }
    }
    // Somebody's experiments: far ahead of the trains, or no version at all.
    all.push(built(-90, "9000.0.1".to_owned(), 9_001, 9000));
    all.push(Release { day: -80, raw: "nightly-🦊".to_owned(), major: None, build: None });
    all.push(Release { day: -70, raw: "debug".to_owned(), major: None, build: None });
    all.retain(|release| release.day <= today.day);
    all
}

fn plain(day: Day, raw: String, major: i64) -> Release {
    Release { day, raw, major: Some(major), build: None }
}

fn built(day: Day, short: String, build: i64, major: i64) -> Release {
    Release { day, raw: format!("{short}+{build}"), major: Some(major), build: Some(build.to_string()) }
}
