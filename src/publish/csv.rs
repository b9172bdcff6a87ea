//! Exports as CSV files: the columns in the order that their readers know, a header also where there is no row.

use chrono::{NaiveDate, NaiveTime};

use super::{
    marts::{Health, Marts, concerns},
    product::Subject,
    slack::rows::{NEW_ISSUES, OPEN_ISSUES, RATES},
};
use crate::{
    engine::{Row, Value},
    error::{Kind, OrFail, Result},
};

/// The mart of all unassigned issues.
pub const ISSUES: &str = "report_sentry_issues";

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Rates of the newest day.
    Rates,
    /// Unassigned issues of the newest day, one file per version.
    Issues,
    /// New issues of the newest day: in Sentry's order, or with most events first.
    NewIssues {
        /// Most events first.
        long: bool,
    },
    /// Issues of GitHub that were new in the last days.
    OpenIssues,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvFile {
    /// Its name.
    pub name: String,
    /// Its rows, without the header.
    pub rows: usize,
    /// The whole text.
    pub text: String,
}

impl Export {
    /// The mart that it is made from.
    pub fn table(self) -> &'static str {
        match self {
            Self::Rates => RATES,
            Self::Issues => ISSUES,
            Self::NewIssues { .. } => NEW_ISSUES,
            Self::OpenIssues => OPEN_ISSUES,
        }
    }

    /// Whether a project has any of it.
    pub fn concerns(self, subject: &Subject) -> bool {
        match self {
            Self::OpenIssues => !subject.repository.is_empty(),
            Self::Rates | Self::Issues | Self::NewIssues { .. } => !subject.sentry_project_id.is_empty(),
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Rates => {
                &["crash_free_rate_user", "crash_free_rate_session", "adoption_rate_user", "release_version", "created_at", "sentry_project_id"]
            }
            Self::Issues => &["sentry_id", "culprit", "title", "count", "user_count", "release_version", "permalink", "sentry_project_id"],
            Self::NewIssues { .. } => {
                &["sentry_id", "culprit", "title", "count", "user_count", "release_version", "permalink", "short_id", "sentry_project_id"]
            }
            Self::OpenIssues => &["number", "title", "url", "created_at", "user"],
        }
    }

    fn sql(self, subject: &Subject, day: NaiveDate) -> String {
        let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let columns = self.columns().join(", ");
        let table = self.table();
        match self {
            Self::OpenIssues => format!(
                "select github_number as number, github_title as title, github_url as url, github_created_at as created_at, github_user as user \
                 from {table} cross join vars \
                 where github_project = {} and github_created_at >= cast(date '{day}' + 1 as timestamp) - to_hours(24 * (1 + cast(vars.github_new_days as integer))) \
                 order by github_created_at desc, github_number desc",
                literal(&subject.project)
            ),
            Self::Rates | Self::Issues | Self::NewIssues { .. } => {
                let order = match self {
                    Self::NewIssues { long: false } => "release_version desc, rank, sentry_id",
                    Self::NewIssues { long: true } => "release_version desc, count desc, user_count desc, rank, sentry_id",
                    _ => "release_version desc, all",
                };
                let order = order.replace(", all", if self == Self::Rates { "" } else { ", sentry_id" });
                let project = literal(&subject.sentry_project_id);
                format!(
                    "select {columns} from {table} where sentry_project_id = {project} \
                     and snapshot_date = (select max(newest.snapshot_date) from {table} as newest where newest.sentry_project_id = {project}) \
                     order by {order}"
                )
            }
        }
    }

    /// What speaks against the data behind the files about one project. Their rows have days: one without news is no gap.
    ///
    /// # Errors
    /// As [`Marts::idle`].
    pub async fn health(self, marts: &Marts, subject: &Subject, day: NaiveDate) -> Result<Health> {
        let idle = marts.idle(self.table(), day.and_time(NaiveTime::MIN).and_utc(), &subject.project).await?;
        Ok(marts.health(self.table(), None, &idle, |receipt| concerns(&receipt.scope, &subject.project)))
    }

    /// The files about one project.
    ///
    /// # Errors
    /// As [`Marts::rows`].
    pub async fn files(self, marts: &Marts, subject: &Subject, day: NaiveDate) -> Result<Vec<CsvFile>> {
        let rows = marts.rows(&self.sql(subject, day)).await?;
        let project = &subject.project;
        let whole = |name: String| -> Result<Vec<CsvFile>> { Ok(vec![self.file(name, &rows.iter().collect::<Vec<_>>())?]) };
        match self {
            Self::Rates => whole("sentry_rates.csv".to_owned()),
            Self::NewIssues { long: false } => whole(format!("sentry_unhandled_issues_{project}.csv")),
            Self::NewIssues { long: true } => whole(format!("sentry_unhandled_issues_long_{project}.csv")),
            Self::OpenIssues => whole(format!("github_new_bugs_{project}_{day}.csv")),
            Self::Issues => {
                let version = |row: &Row| row.iter().find(|(name, _)| name == "release_version").map(|(_, value)| cell(value)).unwrap_or_default();
                let mut versions: Vec<String> = rows.iter().map(version).collect();
                versions.dedup();
                let mut files = Vec::new();
                for own in versions {
                    let of: Vec<&Row> = rows.iter().filter(|row| version(row) == own).collect();
                    files.push(self.file(format!("sentry_issues_{project}_{}.csv", plain(&own)), &of)?);
                }
                Ok(files)
            }
        }
    }

    fn file(self, name: String, rows: &[&Row]) -> Result<CsvFile> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = || format!("cannot write `{name}`");
        writer.write_record(self.columns()).or_fail(Kind::Internal, failed)?;
        for row in rows {
            writer.write_record(row.iter().map(|(_, value)| cell(value))).or_fail(Kind::Internal, failed)?;
        }
        let bytes = writer.into_inner().map_err(|error| error.to_string()).or_fail(Kind::Internal, failed)?;
        let text = String::from_utf8(bytes).or_fail(Kind::Internal, failed)?;
        Ok(CsvFile { name, rows: rows.len(), text })
    }
}

/// A version as a part of a file's name.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Text(value) => value.clone(),
        Value::Timestamp(value) => value.format("%F %T").to_string(),
        Value::Date(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[Value]) -> Row {
        values.iter().map(|value| ("x".to_owned(), value.clone())).collect()
    }

    #[test]
    fn an_empty_file_has_its_header_and_text_is_quoted() {
        let empty = Export::Rates.file("sentry_rates.csv".into(), &[]).unwrap();
        assert_eq!(empty.text, "crash_free_rate_user,crash_free_rate_session,adoption_rate_user,release_version,created_at,sentry_project_id\n");
        let rows = row(&[
            Value::Int(7),
            Value::Text("a \"b\", 😀\nc".into()),
            Value::Null,
            Value::Timestamp("2026-03-03T08:00:00Z".parse().unwrap()),
            Value::Text("x".into()),
        ]);
        let file = Export::OpenIssues.file("a.csv".into(), &[&rows]).unwrap();
        assert_eq!(file.text, "number,title,url,created_at,user\n7,\"a \"\"b\"\", 😀\nc\",,2026-03-03 08:00:00,x\n");
        assert_eq!(plain("143.0/../b"), "143.0_.._b");
    }
}
