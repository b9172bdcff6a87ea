//! Reads all files of a project into memory.

use std::path::{Path, PathBuf};

use super::{Endpoint, Model, ModelKind, Source, source_file};
use crate::{
    error::{Error, Kind, OrFail, Result},
    names,
};

/// Everything that `sources/` and `sql/` say.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The folder that holds `sources/` and `sql/`.
    pub root: PathBuf,
    /// By name.
    pub sources: Vec<Source>,
    /// By kind and name.
    pub models: Vec<Model>,
}

impl Project {
    /// Reads the project under `root`.
    ///
    /// # Errors
    /// [`Kind::Config`] with file and line for the first thing that is wrong.
    pub fn read(root: &Path) -> Result<Self> {
        let mut project = Self { root: root.to_owned(), ..Self::default() };
        for file in files(root, Path::new("sources"), "toml")? {
            project.sources.push(source_file::parse(&file, &read_text(&root.join(&file))?)?);
        }
        for folder in ["seeds", "staging", "intermediate", "marts", "audits"] {
            let extension = if folder == "seeds" { "csv" } else { "sql" };
            for file in files(root, &Path::new("sql").join(folder), extension)? {
                project.models.push(Model::parse(&file, read_text(&root.join(&file))?)?);
            }
        }
        if project.sources.is_empty() && project.models.is_empty() {
            return Err(Error::new(Kind::Config, format!("`{}` holds neither sources/ nor sql/", root.display()))
                .hint("run etl in the project's folder, or name it with `--project-dir`"));
        }
        project.check()?;
        Ok(project)
    }

    /// The endpoint with this id.
    pub fn endpoint(&self, id: &str) -> Option<&Endpoint> {
        self.endpoints().find(|endpoint| endpoint.id == id)
    }

    /// All endpoints of all sources.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.sources.iter().flat_map(|source| &source.endpoints)
    }

    /// The source with this name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The model with this name (audits too).
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The audits of one mart.
    pub fn audits<'a>(&'a self, mart: &'a str) -> impl Iterator<Item = &'a Model> {
        self.models.iter().filter(move |model| matches!(&model.kind, ModelKind::Audit { mart: of, .. } if of == mart))
    }

    /// The models that are loaded: marts and lookup seeds.
    pub fn tables(&self) -> impl Iterator<Item = &Model> {
        self.models.iter().filter(|model| model.is_table())
    }

    fn check(&self) -> Result<()> {
        for (index, model) in self.models.iter().enumerate() {
            let wrong = |what: String| Err(Error::new(Kind::Config, format!("{}: {what}", model.file.display())));
            if let Some(other) = self.models[..index].iter().find(|other| other.name == model.name) {
                return wrong(format!("`{}` is also the name of {}", model.name, other.file.display()));
            }
            if RESERVED.contains(&model.name.as_str()) {
                return wrong(format!("`{}` is the name of a built-in relation", model.name));
            }
            match &model.kind {
                ModelKind::Staging if self.endpoint(&model.name).is_none() => {
                    let known: Vec<&str> = self.endpoints().map(|endpoint| endpoint.id.as_str()).collect();
                    return wrong(format!(
                        "a staging model is named like its endpoint, and there is none `{}`{}",
                        model.name,
                        names::did_you_mean(&model.name, known)
                    ));
                }
                ModelKind::Audit { mart, .. } if !self.model(mart).is_some_and(|model| model.kind == ModelKind::Mart) => {
                    return wrong(format!("there is no mart `{mart}`"));
                }
                _ => {}
            }
        }
        for endpoint in self.endpoints() {
            if self.model(&endpoint.id).is_none() {
                let file = self.source(&endpoint.source).map(|source| source.file.display().to_string()).unwrap_or_default();
                return Err(Error::new(Kind::Config, format!("{file}:{}: endpoint `{}` has no staging model", endpoint.line, endpoint.name))
                    .hint(format!("write sql/staging/{}/{}.sql", endpoint.source, endpoint.id)));
            }
        }
        Ok(())
    }
}

/// Relations that are always there.
pub(super) const RESERVED: [&str; 4] = ["pulls", "partitions", "run", "vars"];

/// Files with this extension below `folder` (any depth), relative to `root`, in order. A missing folder holds none.
fn files(root: &Path, folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let path = root.join(folder);
    if !path.is_dir() {
        return Ok(found);
    }
    for entry in fs_err::read_dir(&path)? {
        let entry = entry?;
        let relative = folder.join(entry.file_name());
        if entry.file_type().or_fail(Kind::Io, || format!("cannot look at `{}`", relative.display()))?.is_dir() {
            found.extend(files(root, &relative, extension)?);
        } else if relative.extension().is_some_and(|known| known == extension) {
            found.push(relative);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a text file of the project, without the byte order mark that some editors begin files with.
///
/// # Errors
/// [`Kind::Config`] if it is no UTF-8, [`Kind::Io`] if it cannot be read.
pub fn read_text(path: &Path) -> Result<String> {
    let text = fs_err::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::new(Kind::Config, format!("`{}` is no UTF-8 text", path.display())),
        _ => Error::from(error),
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}
