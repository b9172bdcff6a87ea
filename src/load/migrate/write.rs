//! `etl migrate new`: writes the three files of a migration and the schema after it.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::{
    change::{Change, changes},
    ddl, files,
    schema::{Schema, Table, wanted},
};
use crate::{
    catalog::Project,
    error::{Error, Kind, Result},
    load::flavour::Flavour,
    names,
};

/// Writes a migration from the difference between the contracts and the schema so far. Gives the files written; none if
/// there is no difference.
///
/// # Errors
/// [`Kind::Usage`] for a name that cannot be one, [`Kind::Config`] for contracts that no table can hold.
pub fn new(project: &Project, migrations: &Path, name: &str, now: DateTime<Utc>) -> Result<Vec<PathBuf>> {
    write(migrations, &wanted(project)?, name, now)
}

/// What the contracts want that the migrations do not say yet, one line each; none if both agree.
///
/// # Errors
/// [`Kind::Config`] for contracts that no table can hold, or a schema that cannot be read.
pub fn drift(project: &Project, migrations: &Path) -> Result<Vec<String>> {
    told(project, migrations, |_| true)
}

/// As [`drift`], without tables that no contract wants any more: what the migrations lack.
///
/// # Errors
/// As [`drift`].
pub(in crate::load) fn behind(project: &Project, migrations: &Path) -> Result<Vec<String>> {
    told(project, migrations, |change| !matches!(change, Change::Retire(_)))
}

fn told(project: &Project, migrations: &Path, matters: impl Fn(&Change<'_>) -> bool) -> Result<Vec<String>> {
    let wanted = wanted(project)?;
    let (changes, _) = changes(&wanted, &Schema::read(migrations)?)?;
    Ok(changes
        .iter()
        .filter(|change| matters(change))
        .map(|change| match change {
            Change::Create(table) => format!("table `{}` is new", table.name),
            Change::Alter { table, steps, .. } => {
                let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
                format!("table `{}` has changed: {}", table.name, steps.join(", "))
            }
            Change::Retire(table) => format!("table `{table}` is not wanted any more"),
        })
        .collect())
}

pub(in crate::load) fn write(migrations: &Path, wanted: &[Table], name: &str, now: DateTime<Utc>) -> Result<Vec<PathBuf>> {
    if !names::is_identifier(name) {
        return Err(Error::new(Kind::Usage, format!("`{name}` cannot name a migration")).hint("use a-z, 0-9 and _, for example `add_milestones`"));
    }
    let before = Schema::read(migrations)?;
    let (changes, after) = changes(wanted, &before)?;
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut version: i64 = now.format("%Y%m%d%H%M%S").to_string().parse().unwrap_or_default();
    for flavour in Flavour::ALL {
        fs_err::create_dir_all(migrations.join(flavour.name()))?;
        // Later than every migration there is, whatever the clock says.
        version = files::list(migrations, flavour)?.last().map_or(version, |last| version.max(last.version + 1));
    }
    let mut written = Vec::new();
    for flavour in Flavour::ALL {
        let path = migrations.join(flavour.name()).join(format!("{version}_{name}.sql"));
        fs_err::write(&path, ddl::text(flavour, name, &changes))?;
        written.push(path);
    }
    after.write(migrations)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::ColumnType,
        load::{
            migrate::schema::tables,
            sample::{column, state},
        },
    };

    /// `etl migrate new NAME` was forgotten if this fails.
    #[test]
    fn the_projects_migrations_say_what_its_contracts_want() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = Project::read(root).unwrap();
        assert_eq!(drift(&project, &root.join("migrations")).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn text_keys_and_the_ledgers_name_are_refused() {
        let contract = state("t", vec![column("k", ColumnType::Text, "not null")]);
        assert!(tables([&contract]).unwrap_err().to_string().contains("which MySQL cannot index"));
        let contract = state("etl_loads", vec![column("k", ColumnType::Integer, "not null")]);
        assert!(tables([&contract]).unwrap_err().to_string().contains("belongs to etl"));
        let bad = write(Path::new("nowhere"), &[], "Bad Name", DateTime::UNIX_EPOCH).unwrap_err();
        assert_eq!(bad.kind(), Kind::Usage);
    }
}
