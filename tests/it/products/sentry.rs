//! Sentry's reports against what the simulator says, computed here without SQL.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use etl::simulator::{Fault, FaultKind, RecordedFiles, Simulator, World};
use serde_json::Value;

use super::{get, loaded, targets, variable};
use crate::{
    pump::{Pump, assert_same_lines, day, serve, small_world},
    real::{landed, recordings, sorted, text},
};

const PROJECTS: [(&str, &str, &str, &str); 3] = [
    ("firefox-ios", "6176941", "Production", "org.mozilla.ios.Firefox"),
    ("fenix", "6375561", "release", "org.mozilla.firefox"),
    ("fenix-beta", "6295551", "beta", "org.mozilla.firefox_beta"),
];

async fn list(simulator: &Simulator, path: &str) -> Vec<Value> {
    let token = format!("Bearer {}", variable(simulator, "SENTRY_API_TOKEN"));
    let mut records = Vec::new();
    let mut path = path.to_owned();
    loop {
        let (page, next) = get(simulator, "ETL_SENTRY_BASE_URL", &path, &token).await;
        records.extend(page.as_array().unwrap().iter().cloned());
        match next {
            Some(next) => path = next,
            None => return records,
        }
    }
}

/// The live versions of a project with the full names of their builds, newest first: the rules of the reports, in Rust.
async fn selection(simulator: &Simulator, project: (&str, &str, &str, &str)) -> Vec<(String, Vec<String>)> {
    let trains = async |path: &str| -> Vec<i64> {
        let (body, _) = get(simulator, "ETL_WHATTRAINISITNOW_BASE_URL", path, "").await;
        body.as_object().unwrap().keys().map(|version| version.split('.').next().unwrap().parse().unwrap()).collect()
    };
    let latest = *trains("firefox/releases/").await.iter().max().unwrap();
    let next = *trains("firefox/releases/future/").await.iter().filter(|major| **major > latest).min().unwrap();
    let path = format!("releases/?project={}&environment={}&query=release.package:{}&per_page=50", project.1, project.2, project.3);
    let all = list(simulator, &path).await;
    let info = |release: &Value| {
        let version = &release["versionInfo"]["version"];
        Some((version["raw"].as_str()?.split('+').next()?.to_owned(), version["major"].as_i64()?, version["buildCode"].as_str().map(str::to_owned)))
    };
    let mut live: BTreeMap<Vec<u64>, String> = BTreeMap::new();
    for (short, major, build) in all.iter().filter_map(info) {
        let odd = build.as_ref().is_some_and(|build| build.parse::<u64>().is_ok_and(|number| number % 2 == 1));
        let fits = match project.0 {
            "firefox-ios" => build.is_none() && (latest - 1..=latest).contains(&major),
            "fenix" => odd && (latest - 1..=latest).contains(&major),
            _ => odd && (next..=next + 1).contains(&major),
        };
        if fits {
            let numbers = short.split(['.', 'b']).map(|part| part.parse::<u64>().unwrap());
            live.insert(numbers.chain([0; 4]).take(4).collect(), short);
        }
    }
    let names = |short: &str| {
        let own = all.iter().filter(|release| info(release).is_some_and(|(other, ..)| other == short));
        sorted(own.map(|release| release["version"].as_str().unwrap().to_owned()))
    };
    live.into_values().rev().map(|short| (short.clone(), names(&short))).collect()
}

/// Crash-free users, crash-free sessions and users.
async fn totals(simulator: &Simulator, project: (&str, &str, &str, &str), version: Option<&str>) -> (Option<f64>, Option<f64>, Option<f64>) {
    let version = version.map(|version| format!("+release.version:{version}")).unwrap_or_default();
    let fields = "field=crash_free_rate(session)&field=crash_free_rate(user)&field=count_unique(user)";
    let path = format!("sessions/?project={}&environment={}&query=release.package:{}{version}&{fields}", project.1, project.2, project.3);
    let token = format!("Bearer {}", variable(simulator, "SENTRY_API_TOKEN"));
    let (body, _) = get(simulator, "ETL_SENTRY_BASE_URL", &path, &token).await;
    let total = |field: &str| body["groups"][0]["totals"][field].as_f64();
    (total("crash_free_rate(user)"), total("crash_free_rate(session)"), total("count_unique(user)"))
}

/// Lines of [`rates_sql`] for a day: every live version of every project. The versions that adoption lets through come along.
async fn rates_of_day(simulator: &Simulator, day: NaiveDate) -> (Vec<String>, Vec<Live>) {
    let (mut lines, mut live) = (Vec::new(), Vec::new());
    for project in PROJECTS {
        let users = totals(simulator, project, None).await.2.unwrap();
        for (version, names) in selection(simulator, project).await {
            let (user, session, own) = totals(simulator, project, Some(&version)).await;
            let adoption = own.unwrap_or(0.0) * 100.0 / users;
            let cells = [percent(user.map(|rate| rate * 100.0)), percent(session.map(|rate| rate * 100.0)), percent(Some(adoption))];
            lines.push(format!("{day},{},{version},{}", project.1, cells.join(",")));
            live.push(Live { project, version, names, adoption });
        }
    }
    (lines, live)
}

/// A live version with the full names of its builds.
struct Live {
    project: (&'static str, &'static str, &'static str, &'static str),
    version: String,
    names: Vec<String>,
    adoption: f64,
}

/// Lines of [`rates_sql`] for a day.
pub(crate) async fn rates(simulator: &Simulator, day: NaiveDate) -> Vec<String> {
    sorted(rates_of_day(simulator, day).await.0)
}

pub(crate) fn rates_sql() -> String {
    let rate = |name: &str| format!("iif({name} is null, '', printf('%.4f', {name}))");
    let rates = ["crash_free_rate_user", "crash_free_rate_session", "adoption_rate_user"].map(rate).join(" || ',' || ");
    format!("select snapshot_date || ',' || sentry_project_id || ',' || release_version || ',' || {rates} from report_sentry_rates")
}

fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(String::new, |rate| format!("{rate:.4}"))
}

#[tokio::test]
async fn rates_and_new_issues_are_what_sentry_says_of_the_live_versions() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["sentry", "whattrainisitnow"]);
    let (mut expected_rates, mut expected_new) = (Vec::new(), Vec::new());
    // The last of these days is the first one of a train.
    for number in [0, 15] {
        simulator.set_day(day(number));
        pump.at(day(number), "08:00:00");
        pump.ok(&["run", "sentry-rates", "sentry-issues", "sentry-unhandled-issues"]);
        let (rates, live) = rates_of_day(&simulator, day(number)).await;
        expected_rates.extend(rates);
        for project in PROJECTS {
            let adopted = live.iter().filter(|one| one.project == project && (project.0 == "fenix-beta" || one.adoption > 1.0));
            for Live { version, names, .. } in adopted.take(2) {
                let path = format!(
                    "issues/?project={}&environment={}&query=is:unresolved+firstRelease:[{}]&sort=freq&statsPeriod=7d&limit=100",
                    project.1,
                    project.2,
                    names.join(",").replace('+', "%2B")
                );
                let token = format!("Bearer {}", variable(&simulator, "SENTRY_API_TOKEN"));
                let (page, _) = get(&simulator, "ETL_SENTRY_BASE_URL", &path, &token).await;
                for (issue, rank) in page.as_array().unwrap().iter().zip(1..) {
                    let excluded = project.0 == "firefox-ios" && issue["title"].as_str().unwrap().contains("WatchdogTermination");
                    if !excluded {
                        let id = issue["id"].as_str().unwrap();
                        expected_new.push(format!("{},{},{version},{id},{rank},{}", day(number), project.1, issue["count"].as_str().unwrap()));
                    }
                }
            }
        }
    }
    assert!(expected_rates.len() > 25 && expected_new.len() > 40, "{} {}", expected_rates.len(), expected_new.len());
    assert!(expected_rates.iter().any(|row| row.contains(",,")), "some rates are unknown");
    assert_same_lines("rates", &loaded(&pump, &rates_sql()).await, &sorted(expected_rates));
    let sql = "select snapshot_date || ',' || sentry_project_id || ',' || release_version || ',' || sentry_id || ',' || rank || ',' || count \
               from report_sentry_unhandled_issues";
    assert_same_lines("new issues", &loaded(&pump, sql).await, &sorted(expected_new));
}

/// Differences (a), (f) and (h) of 1.5.2, (b) and (d) of 1.5.3.
#[tokio::test]
async fn rates_and_adoption_share_one_scope_and_one_interval() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["sentry", "whattrainisitnow"]);
    pump.at(day(0), "08:00:00");
    pump.ok(&["extract", "sentry-rates", "sentry-unhandled-issues"]);
    let sessions = targets(&simulator, "/sessions/");
    assert!(sessions.len() > 10);
    for target in &sessions {
        let (_, id, environment, package) = PROJECTS.into_iter().find(|project| target.contains(project.1)).unwrap();
        for part in [
            format!("/sentry/api/0/organizations/mozilla/sessions/?project={id}&environment={environment}&query=release.package:{package}"),
            "&field=crash_free_rate(session)&field=crash_free_rate(user)&field=count_unique(user)&statsPeriod=24h&interval=1h".to_owned(),
        ] {
            assert!(target.contains(&part), "{target} lacks {part}");
        }
    }
    assert_eq!(sessions.iter().filter(|target| !target.contains("release.version:")).count(), 3, "one question for each package");
    let new: Vec<String> = targets(&simulator, "/issues/").into_iter().filter(|target| target.contains("firstRelease")).collect();
    assert!(!new.is_empty());
    for target in &new {
        let package = PROJECTS.into_iter().find(|project| target.contains(project.1)).unwrap().3;
        assert!(target.contains(&format!("is:unresolved firstRelease:[{package}@")) && target.contains("limit=100"), "{target}");
        assert!(package == "org.mozilla.ios.Firefox" || target.contains('+'), "full names have their build: {target}");
    }
    let pages = targets(&simulator, "/releases/?").iter().filter(|target| target.contains("cursor=")).count();
    assert!(pages > 0, "releases have several pages");
}

/// Difference (d) of 1.5.2: an error is no rate.
#[tokio::test]
async fn an_error_leaves_the_project_out_and_is_no_rate() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["sentry", "whattrainisitnow"]);
    pump.edit("sources/sentry.toml", "attempts = 6", "attempts = 1");
    for number in 0..2 {
        simulator.set_day(day(number));
        pump.at(day(number), "08:00:00");
        if number == 0 {
            pump.ok(&["run", "sentry-rates"]);
            simulator.script(Fault::new("sessions/?project=6375561", FaultKind::Status { code: 503, retry_after: None }).times(u32::MAX));
        } else {
            assert_eq!(pump.run(&["run", "sentry-rates"]).code, Some(3));
        }
    }
    let sql = "select sentry_project_id || ',' || count(distinct snapshot_date) || ',' || (min(crash_free_rate_user) >= 0) \
               from report_sentry_rates group by sentry_project_id";
    let days = loaded(&pump, sql).await;
    assert_eq!(days, ["6176941,2,1", "6295551,2,1", "6375561,1,1"]);
}

#[tokio::test]
async fn the_published_examples_come_through() {
    let Some(real) = recordings() else { return };
    let inside = |name: &str, member: &str| {
        let body: BTreeMap<String, Box<serde_json::value::RawValue>> =
            serde_json::from_str(&text(&real, &format!("sentry/spec-example-{name}.json"))).unwrap();
        body[member].get().to_owned()
    };
    let (releases, issues) = (inside("releases", "ReturnAListOfReleasesForAnOrganization"), inside("issues", "ReturnAListOfIssuesForAnOrganization"));
    let sessions = inside("sessions", "QuerySessions");
    let shipped = text(&real, "whattrainisitnow/whattrainisitnow.com__api__firefox__releases.json");
    let api = |path: &str| format!("/sentry/api/0/organizations/mozilla/{path}/");
    let files = RecordedFiles::new()
        .other(api("releases"), releases.clone())
        .other(api("issues"), issues.clone())
        .other(api("sessions"), sessions.clone())
        .other("/trains/api/firefox/releases/", shipped.clone())
        .other("/trains/api/firefox/releases/future/", r#"{"108.0":"2022-12-13"}"#);
    let simulator = serve(World::recorded(files)).await;
    let mut pump = Pump::of(&simulator, &["sentry", "whattrainisitnow"]);
    // The example's version is 1.0.0: a train of that age is needed.
    pump.edit(
        "sql/intermediate/sentry_release_candidates.sql",
        "select max(list_max(train.majors)) as major",
        "select 1 as major, max(list_max(train.majors)) as newest",
    );
    pump.set("ETL_NOW", "2022-12-01T08:00:00Z");
    let told = pump.ok(&["run", "sentry-rates", "sentry-issues", "--project", "firefox-ios"]);
    assert!(!told.contains("differ from what"), "{told}");
    let records = |body: &str| -> Vec<String> {
        serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(body).unwrap().iter().map(|record| record.get().to_owned()).collect()
    };
    for (endpoint, expected) in [
        ("whattrainisitnow_releases", vec![shipped.trim().to_owned()]),
        ("sentry_releases", records(&releases)),
        ("sentry_issues", records(&issues)),
        ("sentry_sessions", vec![sessions.clone(), sessions]),
    ] {
        assert_same_lines(endpoint, &sorted(landed(&pump, endpoint).await.concat()), &sorted(expected));
    }
    assert_eq!(pump.lines("select list_max(majors), len(versions) from latest.whattrainisitnow_releases").len(), 1);
    assert_eq!(
        pump.lines("select sentry_id, culprit, title, count, user_count, release_version, permalink from report_sentry_issues"),
        [
            "1,raven.scripts.runner in main,This is an example Python exception,150,0,1.0.0,https://sentry.io/the-interstellar-jurisdiction/pump-station/issues/1/"
        ]
    );
    assert_eq!(pump.lines("select release_version, crash_free_rate_user, adoption_rate_user from report_sentry_rates"), ["1.0.0,,"]);
}
