//! Sentry's API 0: releases, sessions and issues of three browsers.

mod issues;
mod releases;

use super::{
    SENTRY_ORGANIZATION, SENTRY_TOKEN,
    answer::{Answer, Records},
    apis::Call,
    json::{Object, Style, Value},
    query::Query,
    world::Today,
};
use releases::{Release, releases};

/// A project of Sentry.
#[derive(Debug)]
struct Project {
    id: u64,
    slug: &'static str,
    package: &'static str,
    environment: &'static str,
    kind: Kind,
    /// Users of the package in 24 hours, in thousands.
    users: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ios,
    Release,
    Beta,
}

const PROJECTS: [Project; 3] = [
    Project { id: 6_176_941, slug: "firefox-ios", package: "org.mozilla.ios.Firefox", environment: "Production", kind: Kind::Ios, users: 900 },
    Project { id: 6_375_561, slug: "fenix", package: "org.mozilla.firefox", environment: "release", kind: Kind::Release, users: 2_400 },
    Project { id: 6_295_551, slug: "fenix-beta", package: "org.mozilla.firefox_beta", environment: "beta", kind: Kind::Beta, users: 60 },
];

/// Answers below `/sentry/api/0/`.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    if call.authorization.and_then(|text| text.strip_prefix("Bearer ")) != Some(SENTRY_TOKEN) {
        return detail(401, "Invalid token");
    }
    let Some(path) = call.path.strip_prefix("organizations/").and_then(|rest| rest.strip_prefix(SENTRY_ORGANIZATION)) else {
        return detail(404, "The requested resource does not exist");
    };
    if path == "/releases/" && call.query.get("project").is_none() {
        // What a probe asks for.
        return page(call, "per_page", Vec::new());
    }
    let Some(project) = PROJECTS.iter().find(|project| call.query.get("project") == Some(&project.id.to_string())) else {
        return detail(403, "You do not have permission to perform this action.");
    };
    match path {
        "/releases/" => {
            let asked = words(&call.query, "release.package");
            let wanted = call.query.get("environment").is_none_or(|name| name == project.environment)
                && asked.first().is_none_or(|package| package == project.package);
            let all = if wanted { releases(project, call.today) } else { Vec::new() };
            page(call, "per_page", all.iter().map(|release| release.written(project, call.today)).collect())
        }
        "/sessions/" => sessions(call, project),
        "/issues/" => page(call, "limit", issues::found(call, project)),
        _ => detail(404, "The requested resource does not exist"),
    }
}

fn detail(status: u16, text: &'static str) -> Answer {
    Answer { status, ..Answer::value(&Value::Object(vec![("detail".into(), text.into())]), Style::Compact) }
}

/// The values of `name:` in the search text, of which `[a,b]` has several.
fn words(query: &Query, name: &str) -> Vec<String> {
    let text = query.get("query").unwrap_or_default();
    let Some(value) = text.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix(':')) else { return Vec::new() };
    match value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        Some(list) => list.split(',').map(str::to_owned).collect(),
        None => vec![value.to_owned()],
    }
}

/// One page of a list, with both links: `results` alone says whether there is more.
fn page(call: &Call<'_>, limit_param: &str, records: Vec<Vec<u8>>) -> Answer {
    let limit = call.query.number(limit_param).unwrap_or(100).clamp(1, 100).unsigned_abs() as usize;
    let offset = call.query.get("cursor").and_then(|cursor| cursor.split(':').nth(1)?.parse().ok()).unwrap_or(0_usize);
    let total = records.len();
    let link = |rel: &str, offset: usize, before: u8, results: bool| {
        let cursor = format!("0:{offset}:{before}");
        format!("<{}?{}>; rel=\"{rel}\"; results=\"{results}\"; cursor=\"{cursor}\"", call.url, call.query.with("cursor", &cursor))
    };
    let links = [link("previous", offset.saturating_sub(limit), 1, offset > 0), link("next", offset + limit, 0, offset + limit < total)];
    let mut body = b"[".to_vec();
    for (number, record) in records.into_iter().skip(offset).take(limit).enumerate() {
        if number > 0 {
            body.push(b',');
        }
        body.extend(record);
    }
    body.push(b']');
    let whole = 0..body.len();
    Answer { records: Some(Records { member: whole.clone(), array: whole }), headers: vec![("link", links.join(", "))], ..Answer::json(200, body) }
}

/// Rates of what the query names, in one group; none for a version that has no sessions.
fn sessions(call: &Call<'_>, project: &Project) -> Answer {
    let fields: Vec<&str> = call.query.all("field").collect();
    if fields.is_empty() {
        return detail(400, "Invalid query: field is required");
    }
    let here = call.query.get("environment") == Some(project.environment) && words(&call.query, "release.package") == [project.package];
    let version = words(&call.query, "release.version");
    let rates = match version.first() {
        _ if !here => None,
        None => Some(Rates { sessions: Some(9_950), users: Some(9_940), count: package_users(project, call.today) }),
        Some(short) => rates(project, call.today, short),
    };
    let groups = rates.map(|rates| {
        let totals: Object = fields.iter().map(|field| ((*field).to_owned().into(), rates.of(field))).collect();
        Value::Object(vec![("by".into(), Value::Object(vec![])), ("totals".into(), Value::Object(totals)), ("series".into(), Value::Object(vec![]))])
    });
    let calendar = call.today.world.calendar();
    let (start, end) = (calendar.now(call.today.day - 1), calendar.now(call.today.day));
    let body = vec![
        ("start".into(), super::calendar::iso(start).into()),
        ("end".into(), super::calendar::iso(end).into()),
        ("query".into(), call.query.get("query").unwrap_or_default().to_owned().into()),
        ("intervals".into(), Value::list((start..end).step_by(3600).map(super::calendar::iso))),
        ("groups".into(), Value::List(groups.into_iter().collect())),
    ];
    Answer::value(&Value::Object(body), Style::Compact)
}

/// Rates in parts of ten thousand.
#[derive(Clone, Copy, Debug)]
struct Rates {
    sessions: Option<u64>,
    users: Option<u64>,
    count: u64,
}

impl Rates {
    fn of(self, field: &str) -> Value {
        let rate = |rate: Option<u64>| rate.map_or(Value::Null, |rate| Value::Decimal(format!("{}.{:04}", rate / 10_000, rate % 10_000)));
        match field {
            "crash_free_rate(session)" => rate(self.sessions),
            "crash_free_rate(user)" => rate(self.users),
            "count_unique(user)" => self.count.into(),
            _ => Value::Null,
        }
    }
}

fn package_users(project: &Project, today: Today<'_>) -> u64 {
    project.users * 1000 + today.world.dice("sentry users", project.id).part("day", today.day.cast_unsigned()).below("users", 5000)
}

/// What is known of a version: nothing before its first day, no rate on that day, and on one day a rate of 0.
fn rates(project: &Project, today: Today<'_>, short: &str) -> Option<Rates> {
    let all = releases(project, today);
    let age = all.iter().filter(|release| release.short() == short).map(|release: &Release| today.day - release.day).max()?;
    let place = all.iter().filter(|release| release.is_live(today)).map(Release::short).fold(Vec::new(), |mut seen: Vec<&str>, short| {
        if !seen.contains(&short) {
            seen.push(short);
        }
        seen
    });
    let place = place.iter().position(|other| *other == short).unwrap_or(9) as u64;
    let dice = today.world.dice("sentry rates", project.id).part(short, today.day.cast_unsigned());
    // Most users are on the second newest version, hardly any on the old ones.
    let share = [180, 430, 160, 60, 12, 7, 3].get(place as usize).copied().unwrap_or(1) + dice.below("share", 5);
    if age == 0 {
        return Some(Rates { sessions: None, users: None, count: 0 });
    }
    let broken = dice.one_in("broken", 60);
    Some(Rates {
        sessions: Some(if broken { 0 } else { dice.between("sessions", 9_930, 9_995) }),
        users: Some(if broken { 0 } else { dice.between("users", 9_900, 9_990) }),
        count: package_users(project, today) * share / 1000,
    })
}
