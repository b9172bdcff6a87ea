//! One SQL file or seed: its kind, text, header and contract.

use std::path::{Path, PathBuf};

use super::{Contract, Header, header};
use crate::{
    error::{Error, Kind, Result},
    names,
};

/// A model of the project.
#[derive(Clone, Debug)]
pub struct Model {
    /// The file's stem; a relation of this name.
    pub name: String,
    /// What kind of model it is.
    pub kind: ModelKind,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// The whole text of the file.
    pub text: String,
    /// The parsed header.
    pub header: Header,
    /// Marts and destination seeds have one.
    pub contract: Option<Contract>,
}

/// What a model is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// A small lookup kept by hand.
    Seed,
    /// Typed rows of one endpoint.
    Staging,
    /// A step that two marts need.
    Intermediate,
    /// One destination table.
    Mart,
    /// Selects the bad rows of a mart.
    Audit {
        /// The mart.
        mart: String,
        /// What a found row does.
        severity: Severity,
    },
}

/// What a row found by an audit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The mart is not published.
    Fail,
    /// It is told.
    Warn,
}

impl Model {
    /// Reads one file. `file` is its path relative to the project, which decides the kind.
    pub(super) fn parse(file: &Path, text: String) -> Result<Self> {
        let wrong = |line: usize, what: String| Error::new(Kind::Config, format!("{}:{line}: {what}", file.display()));
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let folder = file.components().nth(1).and_then(|part| part.as_os_str().to_str()).unwrap_or_default().to_owned();
        let mark = if folder == "seeds" { "#" } else { "--" };
        let header = header::parse(&text, mark).map_err(|(line, what)| wrong(line, what))?;
        if header.description.is_empty() {
            return Err(wrong(1, format!("the header has no `{mark} description:`")));
        }
        let kind = match folder.as_str() {
            "seeds" => ModelKind::Seed,
            "staging" => ModelKind::Staging,
            "intermediate" => ModelKind::Intermediate,
            "marts" => ModelKind::Mart,
            "audits" => {
                let Some((mart, _)) = stem.split_once("__") else {
                    return Err(wrong(1, format!("an audit is named `<mart>__<rule>.sql`, not `{stem}.sql`")));
                };
                let severity = match header.severity.as_deref() {
                    Some("fail") => Severity::Fail,
                    Some("warn") => Severity::Warn,
                    other => return Err(wrong(1, format!("the header needs `-- severity: fail` or `warn`, not `{}`", other.unwrap_or("")))),
                };
                ModelKind::Audit { mart: mart.to_owned(), severity }
            }
            other => return Err(wrong(1, format!("`sql/{other}` holds no models; known are seeds, staging, intermediate, marts, audits"))),
        };
        // An audit's name never reaches a database: mart and rule may be as long as a name each.
        let parts = match kind {
            ModelKind::Audit { .. } => stem.split_once("__"),
            _ => None,
        };
        let is_sound = parts.map_or_else(|| names::is_identifier(&stem), |(mart, rule)| names::is_identifier(mart) && names::is_identifier(rule));
        if !is_sound {
            return Err(wrong(1, format!("`{stem}` is no valid model name (a-z, 0-9 and _)")));
        }
        let has_table = match kind {
            ModelKind::Mart => true,
            ModelKind::Seed => header.table.as_deref() != Some("no"),
            ModelKind::Staging | ModelKind::Intermediate | ModelKind::Audit { .. } => false,
        };
        let contract = if has_table || kind == ModelKind::Seed { Some(header.contract(&stem).map_err(|what| wrong(1, what))?) } else { None };
        Ok(Self { name: stem, kind, file: file.to_owned(), text, header, contract })
    }

    /// Whether it is loaded into a table of its name.
    pub fn is_table(&self) -> bool {
        match self.kind {
            ModelKind::Mart => true,
            ModelKind::Seed => self.header.table.as_deref() != Some("no"),
            ModelKind::Staging | ModelKind::Intermediate | ModelKind::Audit { .. } => false,
        }
    }
}
