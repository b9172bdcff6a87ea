//! The written pages agree with the program: README, CHANGELOG, etl.toml, decisions.

use std::{collections::BTreeSet, path::Path};

use clap::{CommandFactory, Parser};
use etl::{
    cli::Cli,
    settings::{Env, Settings},
};
use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs_err::read_to_string(root().join(name)).unwrap()
}

#[test]
fn etl_toml_shows_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        fs_err::write(folder.path().join("etl.toml"), text).unwrap();
        Settings::read(folder.path(), Env::default()).unwrap()
    };
    let assignment = Regex::new(r"(?m)^# ((?:\w+ = |\[).*)$").unwrap();
    let written = page("etl.toml");
    assert!(assignment.find_iter(&written).count() >= 10, "what is commented out looks like `# name = value`");
    let shown = read(&assignment.replace_all(&written, "$1"));
    let default = read("");
    assert_eq!(Path::new(&shown.lake), folder.path().join("data/lake"), "a path in etl.toml is relative to it");
    assert_eq!(shown.lake, default.lake);
    assert_eq!(shown.database.expose(), default.database.expose());
    assert_eq!(shown.data, default.data);
    assert_eq!(shown.engine, default.engine);
    assert_eq!(shown.load, default.load);
    assert_eq!(shown.mirror, default.mirror);
    assert_eq!((shown.write_buffer, shown.commit_every), (default.write_buffer, default.commit_every));
    assert_eq!(
        (&shown.publish.looker, &shown.publish.images, &shown.publish.confluence),
        (&default.publish.looker, &default.publish.images, &default.publish.confluence)
    );
    assert_eq!(shown.publish.build_validation.len(), 1);
    assert!(shown.rate_limits.contains_key("testrail"));
}

#[test]
fn changelog_has_this_version() {
    assert!(page("CHANGELOG.md").contains(concat!("\n## [", env!("CARGO_PKG_VERSION"), "]")));
}

#[test]
fn decisions_are_short_and_have_four_parts() {
    for entry in fs_err::read_dir(root().join("docs/adr")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.lines().count() <= 40, "{}: more than 40 lines", path.display());
        for part in ["## Context", "## Decision", "## Alternatives", "## Consequences"] {
            assert!(text.contains(part), "{}: no `{part}`", path.display());
        }
    }
}

#[test]
fn every_command_on_the_pages_parses() {
    let command = Regex::new(r"(?m)^(?:    |\$ |> +)?(?:owner )?etl ([a-z].*)$").unwrap();
    let mut pages = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    pages.extend(["operations", "publishing", "load", "lake", "reliability", "sources"].map(|name| format!("docs/{name}.md")));
    for name in &pages {
        for found in command.captures_iter(&page(name)) {
            let line = found[1].split(" #").next().unwrap_or_default().trim_end_matches(" &&").to_owned();
            let words = line.split('"').enumerate().flat_map(|(index, part)| match index % 2 {
                1 => vec![part.to_owned()],
                _ => part.split_whitespace().map(str::to_owned).collect(),
            });
            if let Err(error) = Cli::try_parse_from(std::iter::once("etl".to_owned()).chain(words)) {
                panic!("{name}: `etl {line}`: {error}");
            }
        }
    }
}

#[test]
fn readme_names_every_variable() {
    let variable = Regex::new(r"\bETL_[A-Z][A-Z_]*[A-Z]\b").unwrap();
    let help = Cli::command().render_long_help().to_string();
    let settings = page("src/settings.rs");
    let known: BTreeSet<&str> = variable.find_iter(&help).chain(variable.find_iter(&settings)).map(|found| found.as_str()).collect();
    assert!(known.contains("ETL_LAKE"), "{known:?}");
    let readme = page("README.md");
    for name in known {
        assert!(readme.contains(&format!("`{name}`")), "README.md does not explain `{name}`");
    }
}

#[test]
fn every_difference_has_a_test_that_exists() {
    let sources: String = crate::pump::files(&root().join("tests/it")).iter().map(|path| fs_err::read_to_string(path).unwrap()).collect();
    let name = Regex::new("`([a-z0-9_/]+)`").unwrap();
    let page = page("docs/differences.md");
    let rows: Vec<Vec<&str>> =
        page.lines().filter(|line| line.starts_with("| ")).skip(1).map(|line| line.split('|').map(str::trim).collect()).collect();
    // As many as the reports' specification lists.
    assert!(rows.len() >= 85, "{} entries", rows.len());
    let mut missing = Vec::new();
    for row in &rows {
        let tests: Vec<&str> = name.captures_iter(row[3]).map(|found| found.get(1).unwrap().as_str()).collect();
        let exists = |test: &&str| match test.contains('/') {
            true => root().join("sql/tests").join(test).join("case.toml").is_file(),
            false => sources.contains(&format!("fn {test}(")),
        };
        if tests.is_empty() || !tests.iter().all(exists) {
            missing.push(format!("{} {}: {tests:?}", row[1], row[2]));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_promise_names_tests_that_exist() {
    let code: String = ["src", "tests/it"]
        .iter()
        .flat_map(|folder| crate::pump::files(&root().join(folder)))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs_err::read_to_string(path).unwrap())
        .collect();
    let name = Regex::new("`([a-z0-9_]+)`").unwrap();
    let page = page("docs/reliability.md");
    for mark in ["<!-- fault matrix: begin -->", "<!-- fault matrix: end -->"] {
        assert_eq!(page.matches(mark).count(), 1, "{mark}");
    }
    let mut missing = Vec::new();
    for section in page.split("\n## ").skip(1) {
        let tests: Vec<&str> = section
            .split("\n\n")
            .filter(|paragraph| paragraph.starts_with("Tests: "))
            .flat_map(|paragraph| name.captures_iter(paragraph).map(|found| found.get(1).unwrap().as_str()))
            .collect();
        let title = section.lines().next().unwrap();
        assert!(!tests.is_empty(), "the promise `{title}` names no test");
        missing.extend(tests.into_iter().filter(|test| !code.contains(&format!("fn {test}("))));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
