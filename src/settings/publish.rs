//! `[publish]` of `etl.toml`: where pictures and descriptions of pages lie, and how long rendering may take.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::{Messages, Product};
use crate::{
    catalog::parse_duration,
    error::{Error, Kind, Result},
};

/// What publishing needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishSettings {
    /// Folder of the pictures of looks.
    pub images: PathBuf,
    /// Folder of the files that describe pages of Confluence.
    pub confluence: PathBuf,
    /// How looks are rendered.
    pub looker: LookerSettings,
    /// Pages with the validation of a build.
    pub build_validation: Vec<BuildValidation>,
}

/// How looks are rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookerSettings {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures that are made at once.
    pub at_once: usize,
    /// The first wait before Looker is asked how far it is; later ones grow.
    pub poll: Duration,
    /// The longest.
    pub longest_poll: Duration,
    /// Time from the start of rendering to the picture.
    pub rendering: Duration,
    /// Time for all of it.
    pub whole: Duration,
}

/// The page with the validation of a project's builds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildValidation {
    /// Abbreviation of the project.
    pub project: String,
    /// The page.
    pub page_id: String,
    /// The template, below the folder of Confluence.
    #[serde(default = "template")]
    pub template: PathBuf,
    /// Who may be asked.
    #[serde(default)]
    pub contacts: Vec<Contact>,
    /// Issues whose fix was verified.
    #[serde(default = "none")]
    pub issues_verified: String,
    /// Issues that were found.
    #[serde(default = "none")]
    pub issues_new: String,
    /// Issues that were known before.
    #[serde(default = "none")]
    pub issues_known: String,
}

/// Somebody who may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// The name that is shown.
    pub name: String,
    /// The address.
    pub mail: String,
}

fn template() -> PathBuf {
    PathBuf::from("templates/build-validation.xml")
}

fn none() -> String {
    "N/A".to_owned()
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PublishFile {
    images: Option<String>,
    confluence: Option<String>,
    looker: LookerFile,
    build_validation: Vec<BuildValidation>,
    pub(super) products: BTreeMap<String, Product>,
    pub(super) slack: Messages,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LookerFile {
    width: Option<u32>,
    height: Option<u32>,
    at_once: Option<usize>,
    poll: Option<String>,
    longest_poll: Option<String>,
    rendering: Option<String>,
    whole: Option<String>,
}

impl PublishFile {
    /// Fills in the defaults. Paths are relative to `root`, pictures lie with the other data where nothing else is said.
    pub(super) fn resolve(self, root: &Path, data: &Path) -> Result<PublishSettings> {
        let time = |name: &str, text: Option<String>, default: u64| match text {
            None => Ok(Duration::from_secs(default)),
            Some(text) => parse_duration(&text).map_err(|what| Error::new(Kind::Config, format!("etl.toml: publish.looker.{name}: {what}"))),
        };
        let looker = self.looker;
        Ok(PublishSettings {
            images: self.images.map_or_else(|| data.join("images"), |path| root.join(path)),
            confluence: root.join(self.confluence.unwrap_or_else(|| "config/confluence".to_owned())),
            looker: LookerSettings {
                width: looker.width.unwrap_or(400),
                height: looker.height.unwrap_or(400),
                at_once: looker.at_once.unwrap_or(10).clamp(1, 10),
                poll: time("poll", looker.poll, 2)?,
                longest_poll: time("longest_poll", looker.longest_poll, 10)?,
                rendering: time("rendering", looker.rendering, 120)?,
                whole: time("whole", looker.whole, 600)?,
            },
            build_validation: self.build_validation,
        })
    }
}
