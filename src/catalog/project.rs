//! Reads all files of a project into memory.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

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
        let mut files = ProjectFiles::read(root)?;
        if files.problems.is_empty() { Ok(files.project) } else { Err(files.problems.swap_remove(0)) }
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
}

/// The files of a project, also if some of them are wrong.
#[derive(Debug, Default)]
pub struct ProjectFiles {
    /// What could be read.
    pub project: Project,
    /// What is wrong, with file and line, in the order of the files.
    pub problems: Vec<Error>,
    /// Names of the sources and models whose files could not be read.
    pub unread: BTreeSet<String>,
}

impl ProjectFiles {
    /// Reads all files under `root` and collects every problem.
    ///
    /// # Errors
    /// [`Kind::Config`] if there is no project, [`Kind::Io`] if a folder cannot be listed.
    pub fn read(root: &Path) -> Result<Self> {
        let mut found = Self { project: Project { root: root.to_owned(), ..Project::default() }, ..Self::default() };
        for file in files(root, Path::new("sources"), "toml")? {
            let source = read_text(&root.join(&file)).and_then(|text| source_file::parse(&file, &text));
            let source = found.keep(&file, source);
            found.project.sources.extend(source);
        }
        for folder in ["seeds", "staging", "intermediate", "marts", "audits"] {
            let extension = if folder == "seeds" { "csv" } else { "sql" };
            for file in files(root, &Path::new("sql").join(folder), extension)? {
                let model = read_text(&root.join(&file)).and_then(|text| Model::parse(&file, text));
                let model = found.keep(&file, model);
                found.project.models.extend(model);
            }
        }
        if found.project.sources.is_empty() && found.project.models.is_empty() && found.problems.is_empty() {
            return Err(Error::new(Kind::Config, format!("`{}` holds neither sources/ nor sql/", root.display()))
                .hint("run etl in the project's folder, or name it with `--project-dir`"));
        }
        found.check_names();
        found.check_endpoints();
        Ok(found)
    }

    /// Whether a missing relation may be in a file that could not be read.
    pub fn may_be_unread(&self, name: &str) -> bool {
        self.unread.iter().any(|unread| name == unread || name.strip_prefix(unread.as_str()).is_some_and(|rest| rest.starts_with('_')))
    }

    fn keep<T>(&mut self, file: &Path, read: Result<T>) -> Option<T> {
        read.map_err(|error| {
            self.unread.extend(file.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            self.problems.push(error);
        })
        .ok()
    }

    fn check_names(&mut self) {
        let mut wrong = Vec::new();
        for (index, model) in self.project.models.iter().enumerate() {
            let mut say = |what: String| wrong.push(Error::new(Kind::Config, format!("{}: {what}", model.file.display())));
            if let Some(other) = self.project.models[..index].iter().find(|other| other.name == model.name) {
                say(format!("`{}` is also the name of {}", model.name, other.file.display()));
            }
            if RESERVED.contains(&model.name.as_str()) {
                say(format!("`{}` is the name of a built-in relation", model.name));
            }
            match &model.kind {
                ModelKind::Staging if self.project.endpoint(&model.name).is_none() && !self.may_be_unread(&model.name) => {
                    let known: Vec<&str> = self.project.endpoints().map(|endpoint| endpoint.id.as_str()).collect();
                    say(format!(
                        "a staging model is named like its endpoint, and there is none `{}`{}",
                        model.name,
                        names::did_you_mean(&model.name, known)
                    ));
                }
                ModelKind::Audit { mart, .. }
                    if !self.project.model(mart).is_some_and(|model| model.kind == ModelKind::Mart) && !self.may_be_unread(mart) =>
                {
                    say(format!("there is no mart `{mart}`"));
                }
                _ => {}
            }
        }
        self.problems.extend(wrong);
    }

    fn check_endpoints(&mut self) {
        let mut wrong = Vec::new();
        for source in &self.project.sources {
            for endpoint in &source.endpoints {
                if self.project.model(&endpoint.id).is_none() && !self.unread.contains(&endpoint.id) {
                    let what = format!("{}:{}: endpoint `{}` has no staging model", source.file.display(), endpoint.line, endpoint.name);
                    wrong.push(Error::new(Kind::Config, what).hint(format!("write sql/staging/{}/{}.sql", endpoint.source, endpoint.id)));
                }
            }
        }
        self.problems.extend(wrong);
    }
}

/// The line, from 1, on which `word` first occurs outside of comments.
pub(crate) fn line_of(text: &str, word: &str) -> Option<usize> {
    let part_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let on_line = |line: &str| {
        let code = line.split("--").next().unwrap_or_default();
        code.match_indices(word)
            .any(|(at, _)| !word.is_empty() && !code[..at].ends_with(part_of_name) && !code[at + word.len()..].starts_with(part_of_name))
    };
    text.lines().position(on_line).map(|index| index + 1)
}

/// Relations that are always there.
pub(super) const RESERVED: [&str; 4] = ["pulls", "partitions", "run", "vars"];

/// Files with this extension below `folder` (any depth), relative to `root`, in order. A missing folder holds none.
pub(super) fn files(root: &Path, folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
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
