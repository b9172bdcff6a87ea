//! Descriptions of pages: one YAML file is one page.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de};

use crate::{
    catalog::read_text,
    error::{Error, Kind, Result},
};

/// The team whose files lie directly in `yaml/`.
const DEFAULT_TEAM: &str = "MTE";

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WikiPage {
    /// Its id in Confluence.
    #[serde(deserialize_with = "id")]
    pub page_id: String,
    /// Its title.
    pub page_title: String,
    /// Whether each row says if the metric was approved.
    #[serde(default = "yes")]
    pub show_approval_status: bool,
    /// In order.
    pub sections: Vec<Section>,
}

/// A heading and its table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The heading.
    pub name: String,
    /// The rows.
    pub reports: Vec<Row>,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Row {
    /// What it shows.
    pub report_title: String,
    /// What to know about it.
    pub report_description: String,
    /// The picture.
    pub attachment_filename: String,
    /// Where the picture leads.
    pub looker_graph_url: String,
    /// Whether the metric was approved.
    #[serde(default)]
    pub approval_status: Option<String>,
}

/// A page and the file that describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageFile {
    /// Relative to the folder of Confluence: `yaml/product-health.yaml`.
    pub file: PathBuf,
    /// The page.
    pub page: WikiPage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    wiki_page: WikiPage,
}

fn yes() -> bool {
    true
}

/// Texts and numbers are both ids.
fn id<'de, D: de::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Id;
    impl de::Visitor<'_> for Id {
        type Value = String;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the id of a page")
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    deserializer.deserialize_any(Id)
}

/// The pages of a team, by file, and what a person should know about the files.
///
/// # Errors
/// [`Kind::Config`] with file and line for the first file that is wrong; two files for one page.
pub fn read(folder: &Path, team: &str) -> Result<(Vec<PageFile>, Vec<String>)> {
    let below = if team == DEFAULT_TEAM { PathBuf::from("yaml") } else { Path::new("yaml").join(team) };
    let path = folder.join(&below);
    if !path.is_dir() {
        return Err(Error::new(Kind::Config, format!("there is no folder `{}` with the pages of the team {team}", path.display()))
            .hint("set `confluence` under [publish] in etl.toml, or TEAM_ID; docs/publishing.md shows such a file"));
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs_err::read_dir(&path)? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.extend(path.file_name().map(|name| below.join(name)));
        }
    }
    files.sort();
    let mut pages: Vec<PageFile> = Vec::new();
    let mut warnings = Vec::new();
    let mut known: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in files {
        let page = parse(&file, &read_text(&folder.join(&file))?)?;
        if let Some(other) = known.insert(page.page_id.clone(), file.clone()) {
            return Err(Error::new(Kind::Config, format!("{}: the page {} is also described in {}", file.display(), page.page_id, other.display())));
        }
        warnings.extend(unknown_statuses(&file, &page));
        pages.push(PageFile { file, page });
    }
    Ok((pages, warnings))
}

/// Reads one file; `file` is for messages.
///
/// # Errors
/// [`Kind::Config`] with file and line.
pub fn parse(file: &Path, text: &str) -> Result<WikiPage> {
    let wrong = |what: String| Error::new(Kind::Config, what);
    let document: Document = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        // Its text ends with a drawing of the place; the first line says what is wrong.
        let told = error.to_string();
        let first = told.lines().next().unwrap_or_default();
        let first = first.strip_prefix("error: ").unwrap_or(first);
        let what = if first.starts_with("line ") { first.split_once(": ").map_or(first, |(_, what)| what) } else { first };
        wrong(format!("{}:{line}: {what}", file.display()))
    })?;
    let page = document.wiki_page;
    let place = |what: &str| wrong(format!("{}: {what}", file.display()));
    if page.page_id.is_empty() || !page.page_id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(place(&format!("`page_id` is `{}`, which is no id of a page", page.page_id)));
    }
    if page.page_title.trim().is_empty() || page.page_title.chars().count() > 255 {
        return Err(place("`page_title` must have 1 to 255 characters"));
    }
    if page.sections.is_empty() {
        return Err(place("`sections` is empty: nothing would stand on the page"));
    }
    for row in page.sections.iter().flat_map(|section| &section.reports) {
        let name = &row.attachment_filename;
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(place(&format!("`{name}` is no name of a picture")));
        }
        let web = url::Url::parse(&row.looker_graph_url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        if !web {
            return Err(place(&format!("`{}` is no web address", row.looker_graph_url)));
        }
    }
    Ok(page)
}

fn unknown_statuses(file: &Path, page: &WikiPage) -> Vec<String> {
    let rows = page.sections.iter().flat_map(|section| &section.reports);
    let unknown = rows.filter_map(|row| row.approval_status.as_deref()).filter(|status| super::render::Badge::parse(status).is_none());
    unknown.map(|status| format!("{}: the approval status `{status}` is not known; it is shown as pending", file.display())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "wiki_page:\n  page_id: 1631911951\n  page_title: \"Health 🦊\"\n  sections:\n    - name: Sentry\n      reports:\n        - report-title: a\n          report-description: |\n            b\n\n            **c**\n          attachment-filename: x.png\n          looker-graph-url: https://looker.example/looks/1?a=1&b=2\n          approval-status: aproved\n";

    fn message(text: &str) -> String {
        parse(Path::new("yaml/a.yaml"), text).map_or_else(|error| error.to_string(), |page| format!("{page:?}"))
    }

    #[test]
    fn files_are_read_and_mistakes_named_with_their_line() {
        let page = parse(Path::new("yaml/a.yaml"), GOOD).unwrap();
        assert_eq!((page.page_id.as_str(), page.show_approval_status), ("1631911951", true));
        assert_eq!(page.sections[0].reports[0].report_description, "b\n\n**c**\n");
        assert_eq!(message(&GOOD.replace("1631911951", "\"1631911951\"")), format!("{page:?}"));
        for (from, to, expected) in [
            ("page_title", "page_titel", "yaml/a.yaml:3: "),
            ("  page_title: \"Health 🦊\"\n", "", "yaml/a.yaml:3: missing field `page_title`"),
            ("report-title", "report_title", "yaml/a.yaml:7: "),
            ("wiki_page:", "wikipage:", "yaml/a.yaml:1: "),
            ("1631911951", "12a", "yaml/a.yaml: `page_id` is `12a`"),
            ("x.png", "../x.png", "yaml/a.yaml: `../x.png` is no name of a picture"),
            ("https://looker.example", "javascript:alert(1)//", "yaml/a.yaml: `javascript:"),
            ("\"Health 🦊\"", "\" \"", "yaml/a.yaml: `page_title` must have"),
            ("    - name: Sentry", "    - name: [", "yaml/a.yaml:"),
        ] {
            let told = message(&GOOD.replace(from, to));
            assert!(told.starts_with(expected) && !told.contains('\n'), "{told}\ninstead of\n{expected}");
        }
    }

    #[test]
    fn a_team_has_its_folder_and_a_page_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write("yaml/b.yaml", &GOOD.replace("1631911951", "2"));
        write("yaml/a.yml", GOOD);
        write("yaml/notes.txt", "x");
        write("yaml/archive/old.yaml", "broken: [");
        write("yaml/DTE/c.yaml", &GOOD.replace("1631911951", "3"));
        let names = |team: &str| read(folder.path(), team).unwrap().0.iter().map(|page| page.file.display().to_string()).collect::<Vec<_>>();
        assert_eq!(names("MTE"), ["yaml/a.yml", "yaml/b.yaml"]);
        assert_eq!(names("DTE"), ["yaml/DTE/c.yaml"]);
        assert_eq!(read(folder.path(), "MTE").unwrap().1[0], "yaml/a.yml: the approval status `aproved` is not known; it is shown as pending");
        assert!(read(folder.path(), "QA").unwrap_err().to_string().contains("pages of the team QA"));
        write("yaml/c.yaml", GOOD);
        assert_eq!(read(folder.path(), "MTE").unwrap_err().to_string(), "yaml/c.yaml: the page 1631911951 is also described in yaml/a.yml");
    }
}
