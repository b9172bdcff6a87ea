//! What etl.toml says about the projects that messages are about.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result};

/// A project as the sources know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its short name.
    pub(crate) project: String,
    /// Its id in Sentry; empty where it is none of Sentry's.
    pub(crate) sentry_project_id: String,
    /// Sentry's environment.
    pub(crate) environment: String,
    /// Sentry's package.
    pub(crate) package: String,
    /// Its repository on GitHub; empty where it has none.
    pub(crate) repository: String,
}

/// The projects of `vars.sentry_projects` and `vars.github_repositories`, in their order, Sentry's first.
///
/// # Errors
/// [`Kind::Config`] for entries that are not as etl.toml shows them.
pub fn subjects(vars: &BTreeMap<String, toml::Value>) -> Result<Vec<Subject>> {
    let mut subjects: Vec<Subject> = Vec::new();
    for (variable, entry) in entries(vars, "sentry_projects").chain(entries(vars, "github_repositories")) {
        let text = |name: &str| match entry.get(name) {
            Some(toml::Value::String(text)) => Ok(text.clone()),
            Some(toml::Value::Integer(number)) => Ok(number.to_string()),
            _ => Err(Error::new(Kind::Config, format!("etl.toml: vars.{variable}: an entry has no `{name}`"))),
        };
        let project = text("project")?;
        let known = subjects.iter().position(|subject| subject.project == project).unwrap_or_else(|| {
            subjects.push(Subject { project, ..Subject::default() });
            subjects.len() - 1
        });
        let subject = &mut subjects[known];
        if variable == "sentry_projects" {
            subject.sentry_project_id = text("id")?;
            subject.environment = text("environment")?;
            subject.package = text("package")?;
        } else {
            subject.repository = text("repository")?;
        }
    }
    Ok(subjects)
}

fn entries<'a>(vars: &'a BTreeMap<String, toml::Value>, name: &'static str) -> impl Iterator<Item = (&'static str, &'a toml::Value)> {
    vars.get(name).and_then(toml::Value::as_array).into_iter().flatten().map(move |entry| (name, entry))
}

/// A list of texts among the variables; empty where there is none.
pub fn texts(vars: &BTreeMap<String, toml::Value>, name: &str) -> Vec<String> {
    vars.get(name).and_then(toml::Value::as_array).into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_come_from_the_variables() {
        let table: BTreeMap<String, toml::Value> = toml::from_str(
            "sentry_projects = [{ project = \"a\", id = 1, environment = \"e\", package = \"p\", track = \"beta\" }]\n\
             github_repositories = [{ project = \"b\", repository = \"o/b\" }, { project = \"a\", repository = \"o/a\" }]",
        )
        .unwrap();
        let found = subjects(&table).unwrap();
        assert_eq!(found.iter().map(|subject| subject.project.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((found[0].sentry_project_id.as_str(), found[0].repository.as_str(), found[1].package.as_str()), ("1", "o/a", ""));
        let table: BTreeMap<String, toml::Value> = toml::from_str("sentry_projects = [{ project = \"a\" }]").unwrap();
        assert_eq!(subjects(&table).unwrap_err().to_string(), "etl.toml: vars.sentry_projects: an entry has no `id`");
    }
}
