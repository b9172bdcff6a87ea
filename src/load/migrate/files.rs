//! Migration files on disk: `migrations/<engine>/<YYYYMMDDHHMMSS>_<name>.sql`.

use std::path::{Path, PathBuf};

use sqlx::{
    AssertSqlSafe, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::{
    catalog::read_text,
    error::{Error, Kind, Result},
    load::flavour::Flavour,
    names,
};

/// One migration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MigrationFile {
    /// 14 digits.
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The migrations of an engine, in order.
///
/// # Errors
/// [`Kind::Config`] for a missing folder, and for any file that is not named as it must be: sqlx would pass over it in silence.
pub(super) fn list(migrations: &Path, flavour: Flavour) -> Result<Vec<MigrationFile>> {
    let folder = migrations.join(flavour.name());
    if !folder.is_dir() {
        return Err(Error::new(Kind::Config, format!("there is no folder `{}`", folder.display())).hint("run `etl migrate new NAME`"));
    }
    let mut files: Vec<MigrationFile> = Vec::new();
    for entry in fs_err::read_dir(&folder)? {
        let path = entry?.path();
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((version, name)) = parts(&file_name) else {
            return Err(Error::new(Kind::Config, format!("`{}` is not named like a migration", path.display()))
                .hint("a migration is named <YYYYMMDDHHMMSS>_<name>.sql, the name from a-z, 0-9 and _; rename or remove the file"));
        };
        let text = read_text(&path)?;
        files.push(MigrationFile { version, name, path, text });
    }
    files.sort_by_key(|file| file.version);
    if let Some(pair) = files.windows(2).find(|pair| pair[0].version == pair[1].version) {
        return Err(Error::new(Kind::Config, format!("`{}` and `{}` have the same version", pair[0].path.display(), pair[1].path.display())));
    }
    Ok(files)
}

fn parts(file_name: &str) -> Option<(i64, String)> {
    let (version, name) = file_name.strip_suffix(".sql")?.split_once('_')?;
    let sound = version.len() == 14 && version.bytes().all(|byte| byte.is_ascii_digit()) && names::is_identifier(name);
    sound.then(|| Some((version.parse().ok()?, name.to_owned()))).flatten()
}

impl MigrationFile {
    fn migration(&self) -> Migration {
        // The text is a reviewed file of the project: the one place where foreign SQL is run as it is.
        let sql = AssertSqlSafe(self.text.clone()).into_sql_str();
        Migration::new(self.version, self.name.clone().into(), MigrationType::Simple, sql, false)
    }

    /// As the database remembers it.
    pub(super) fn checksum(&self) -> Vec<u8> {
        self.migration().checksum.into_owned()
    }
}

/// sqlx's runner for these files.
pub(super) fn migrator(files: &[MigrationFile]) -> Migrator {
    Migrator::with_migrations(files.iter().map(MigrationFile::migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_named_files_are_migrations() {
        assert_eq!(parts("20250102030405_first_tables.sql"), Some((20_250_102_030_405, "first_tables".to_owned())));
        for bad in
            ["1_a.sql", "20250102030405.sql", "20250102030405_A.sql", "20250102030405_a.up.sql", "20250102030405_a.txt", "2025010203040x_a.sql"]
        {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_misnamed_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("sqlite")).unwrap();
        fs_err::write(folder.path().join("sqlite/001_a.sql"), "").unwrap();
        let error = list(folder.path(), Flavour::Sqlite).unwrap_err();
        assert!(error.to_string().contains("001_a.sql"), "{error}");
    }
}
