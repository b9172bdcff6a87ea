//! Compares contracts, `schema.json` and the migrations of each engine, without a database.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    files::{self, MigrationFile},
    schema::Schema,
    write::behind,
};
use crate::{
    catalog::Project,
    error::{Error, Kind},
    load::flavour::Flavour,
};

/// What does not agree: contracts that are newer than the migrations, migrations that one engine lacks, tables and columns of
/// `schema.json` that no migration of an engine mentions.
pub fn check_migrations(project: &Project, migrations: &Path) -> Vec<Error> {
    let mut wrong = Vec::new();
    match behind(project, migrations) {
        Ok(lines) => wrong.extend(lines.into_iter().map(|line| {
            Error::new(Kind::Config, format!("migrations/schema.json: {line}"))
                .hint("run `etl migrate new NAME`, review what it writes and commit it")
        })),
        Err(error) => wrong.push(error),
    }
    let mut folders: BTreeMap<&str, Vec<MigrationFile>> = BTreeMap::new();
    for flavour in Flavour::ALL {
        match files::list(migrations, flavour) {
            Ok(files) => drop(folders.insert(flavour.name(), files)),
            Err(error) => wrong.push(error),
        }
    }
    wrong.extend(missing_files(&folders));
    if let Ok(schema) = Schema::read(migrations) {
        wrong.extend(unmentioned(&schema, &folders));
    }
    wrong
}

fn missing_files(folders: &BTreeMap<&str, Vec<MigrationFile>>) -> Vec<Error> {
    let name = |file: &MigrationFile| format!("{}_{}.sql", file.version, file.name);
    let all: BTreeSet<String> = folders.values().flatten().map(name).collect();
    let mut wrong = Vec::new();
    for (engine, files) in folders {
        let own: BTreeSet<String> = files.iter().map(name).collect();
        for missing in all.difference(&own) {
            wrong.push(
                Error::new(Kind::Config, format!("migrations/{engine}: `{missing}` is missing, and other engines have it"))
                    .hint("every migration needs a file for each engine; `etl migrate new` writes all of them"),
            );
        }
    }
    wrong
}

/// A table or column that no statement of an engine's migrations names was not created there.
fn unmentioned(schema: &Schema, folders: &BTreeMap<&str, Vec<MigrationFile>>) -> Vec<Error> {
    let mut wrong = Vec::new();
    for (engine, files) in folders {
        let names: Vec<BTreeSet<String>> = files.iter().flat_map(|file| statements(&file.text)).collect();
        for (table, stored) in &schema.tables {
            let of_table: Vec<&BTreeSet<String>> = names.iter().filter(|names| names.contains(table)).collect();
            let lacks = |name: &str| !of_table.iter().any(|names| names.contains(name));
            let what = if of_table.is_empty() {
                format!("no migration creates the table `{table}`")
            } else {
                let columns: Vec<&str> = stored.columns.iter().map(|column| column.name.as_str()).filter(|name| lacks(name)).collect();
                if columns.is_empty() {
                    continue;
                }
                format!("no migration creates the columns `{}` of `{table}`", columns.join("`, `"))
            };
            wrong.push(
                Error::new(Kind::Config, format!("migrations/{engine}: {what}, which migrations/schema.json has"))
                    .hint("restore the file that created it, or add a migration"),
            );
        }
    }
    wrong
}

/// The quoted identifiers (and what is between them) of each statement that defines something. A statement ends with a semicolon at
/// the end of a line.
fn statements(sql: &str) -> Vec<BTreeSet<String>> {
    let code: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).map(str::trim_end).collect();
    let code = code.join("\n");
    let defines = code.split(";\n").filter(|statement| !statement.trim_start().starts_with("COMMENT ON"));
    defines.map(|statement| statement.split(['`', '"']).map(str::to_owned).collect()).collect()
}
