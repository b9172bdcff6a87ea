//! From published marts to what messages are made of.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{Issue, OpenIssue, Rate, Version};
use crate::{
    engine::{Row, Value},
    error::Result,
    publish::{
        marts::{Marts, concerns},
        product::Subject,
        standing::Standing,
    },
};

/// The marts behind the messages.
pub const RATES: &str = "report_sentry_rates";
/// See [`RATES`].
pub const NEW_ISSUES: &str = "report_sentry_unhandled_issues";
/// See [`RATES`].
pub const OPEN_ISSUES: &str = "report_github_bugs";

/// How far a mart may be believed about one project on a day: its scopes must be whole and of that day. Where there is nothing
/// to ask about the project, nothing is missing, as long as it is known that there is nothing.
///
/// # Errors
/// As [`Marts::idle`].
pub async fn standing(marts: &Marts, table: &str, subject: &Subject, day: NaiveDate) -> Result<Standing> {
    let since = day.and_time(chrono::NaiveTime::MIN).and_utc();
    let idle = marts.idle(table, since, &subject.project).await?;
    let mut standing: Standing = marts.health(table, Some(since), &idle, |receipt| concerns(&receipt.scope, &subject.project)).into();
    if !idle.is_empty() && table != OPEN_ISSUES {
        standing.gaps.extend(unknown_trains(marts).await?);
    }
    Ok(standing)
}

/// Why nobody can say which versions are live: release trains that tell of no version. An answer may be whole and hold nothing.
async fn unknown_trains(marts: &Marts) -> Result<Vec<String>> {
    let sql = "select \
            exists (from latest.whattrainisitnow_releases as train where list_max(train.majors) is not null) as shipped, \
            exists (from latest.whattrainisitnow_future_releases as train where list_max(train.majors) is not null) as coming";
    let rows = marts.rows(sql).await?;
    let unknown = rows.iter().flatten().filter(|(_, known)| *known != Value::Bool(true));
    Ok(unknown.map(|(what, _)| format!("the release trains name no {what} version")).collect())
}

/// Why there is no rate of a project, where nothing is missing.
///
/// # Errors
/// As [`Marts::rows`].
pub async fn why_none(marts: &Marts, subject: &Subject) -> Result<Option<String>> {
    let sql = format!(
        "select count(*) as known, count(*) filter (where release.skipped is null) as live \
         from sentry_release_candidates as release where release.project = {}",
        literal(&subject.project)
    );
    let rows = marts.rows(&sql).await?;
    Ok(rows.first().and_then(|row| match (int(row, 0), int(row, 1)) {
        (0, _) => Some("Sentry lists no release".to_owned()),
        (_, 0) => Some("no release is live".to_owned()),
        _ => None,
    }))
}

/// The rates of a day, newest version first.
///
/// # Errors
/// As [`Marts::rows`]; so for all that follow.
pub async fn rates(marts: &Marts, subject: &Subject, day: NaiveDate) -> Result<Vec<Rate>> {
    let sql = format!(
        "select rate.release_version, rate.crash_free_rate_session, rate.crash_free_rate_user, rate.adoption_rate_user \
         from {RATES} as rate \
         left join sentry_selected_versions as version \
             on version.sentry_project_id = rate.sentry_project_id and version.release_version = rate.release_version \
         where rate.sentry_project_id = {} and rate.snapshot_date = date '{day}' \
         order by version.place nulls last, rate.release_version desc",
        literal(&subject.sentry_project_id)
    );
    Ok(marts
        .rows(&sql)
        .await?
        .iter()
        .map(|row| Rate { version: text(row, 0).unwrap_or_default(), sessions: double(row, 1), users: double(row, 2), adoption: double(row, 3) })
        .collect())
}

/// Versions that are coming.
pub async fn coming(marts: &Marts) -> Result<BTreeSet<String>> {
    let rows = marts.rows("select unnest(train.versions) as version from latest.whattrainisitnow_future_releases as train").await?;
    Ok(rows.iter().filter_map(|row| text(row, 0)).collect())
}

/// The two newest live versions with the new issues of a day, newest version first. A version without issues is there.
pub async fn versions(marts: &Marts, subject: &Subject, day: NaiveDate) -> Result<Vec<Version>> {
    let project = literal(&subject.project);
    let live = format!(
        "select version.release_version, version.release_names from sentry_newest_versions as version \
         where version.project = {project} order by version.place"
    );
    let issues = format!(
        "select issue.release_version, issue.sentry_id, issue.short_id, issue.title, issue.count, issue.user_count, issue.permalink, issue.rank \
         from {NEW_ISSUES} as issue \
         where issue.sentry_project_id = {} and issue.snapshot_date = date '{day}' \
         order by issue.release_version, issue.rank, issue.sentry_id",
        literal(&subject.sentry_project_id)
    );
    let mut versions: Vec<Version> = Vec::new();
    for row in marts.rows(&live).await? {
        versions.push(Version { version: text(&row, 0).unwrap_or_default(), releases: text(&row, 1).unwrap_or_default(), issues: Vec::new() });
    }
    for row in marts.rows(&issues).await? {
        let Some(version) = versions.iter_mut().find(|version| Some(&version.version) == text(&row, 0).as_ref()) else { continue };
        version.issues.push(Issue {
            id: text(&row, 1).unwrap_or_default(),
            short_id: text(&row, 2),
            title: text(&row, 3).unwrap_or_default(),
            events: int(&row, 4),
            users: int(&row, 5),
            url: text(&row, 6),
            rank: int(&row, 7),
        });
    }
    Ok(versions)
}

/// Issues that were open, unassigned and new when they were last read, newest first.
pub async fn open_issues(marts: &Marts, subject: &Subject) -> Result<Vec<OpenIssue>> {
    let sql = format!(
        "select bug.github_title, bug.github_url, bug.github_user \
         from {OPEN_ISSUES} as bug \
         join latest.github_issues as issue on issue.project = bug.github_project and issue.issue_number = bug.github_number \
         cross join vars cross join run \
         where bug.github_project = {} and issue.state = 'open' and not issue.is_assigned \
             and issue.created_at >= run.as_of - to_hours(24 * cast(vars.github_new_days as integer)) \
         order by bug.github_created_at desc, bug.github_number desc",
        literal(&subject.project)
    );
    Ok(marts
        .rows(&sql)
        .await?
        .iter()
        .map(|row| OpenIssue { title: text(row, 0).unwrap_or_default(), url: text(row, 1).unwrap_or_default(), author: text(row, 2) })
        .collect())
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn text(row: &Row, column: usize) -> Option<String> {
    match &row.get(column)?.1 {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn double(row: &Row, column: usize) -> Option<f64> {
    match row.get(column)?.1 {
        Value::Double(value) => Some(value),
        _ => None,
    }
}

fn int(row: &Row, column: usize) -> i64 {
    match row.get(column).map(|(_, value)| value) {
        Some(Value::Int(value)) => *value,
        _ => 0,
    }
}
