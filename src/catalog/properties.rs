//! Whatever the project's files hold: no panic, and every error names file and line. `PROPTEST_CASES` sets the number of cases.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{
    Model, Template,
    duration::{parse_duration, parse_size},
    parse_schedule,
    project::files,
    source_file,
};
use crate::error::Result;

/// One change of a text: at a place (per mille of its length), so many bytes are replaced.
type Change = (usize, usize, String);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let piece = prop_oneof![
        Just(String::new()),
        Just("\0".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("99999999999999999999999".to_owned()),
        Just("-1".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("[".repeat(5_000)),
        Just("a.".repeat(5_000)),
        Just("\r\n".to_owned()),
        "\\PC{0,12}",
        "[a-z_]{1,9}",
    ];
    prop::collection::vec((0usize..1000, 0usize..40, piece), 1..4)
}

fn mutated(text: &str, changes: &[Change]) -> String {
    let mut text = text.to_owned();
    for (place, length, piece) in changes {
        let start = text.floor_char_boundary(text.len() * place / 1000);
        let end = text.floor_char_boundary((start + length).min(text.len())).max(start);
        text.replace_range(start..end, piece);
    }
    text
}

fn real(folder: &str, extension: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = files(root, Path::new(folder), extension).unwrap();
    found.into_iter().map(|file| (file.clone(), fs_err::read_to_string(root.join(file)).unwrap())).collect()
}

/// An error begins with the file and a line.
fn located<T>(file: &Path, read: Result<T>) -> std::result::Result<(), TestCaseError> {
    if let Err(error) = read {
        let message = error.to_string();
        let rest = message.strip_prefix(&format!("{}:", file.display())).unwrap_or_default();
        let line = rest.split(':').next().unwrap_or_default();
        prop_assert!(line.parse::<usize>().is_ok_and(|line| line > 0), "no file and line: {message}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_source_files_fail_with_a_line(pick in any::<prop::sample::Index>(), changes in changes()) {
        let all = real("sources", "toml");
        let (file, text) = pick.get(&all);
        located(file, source_file::parse(file, &mutated(text, &changes)))?;
    }

    #[test]
    fn changed_headers_fail_with_a_line(pick in any::<prop::sample::Index>(), changes in changes()) {
        let all = real("sql/marts", "sql");
        let (file, text) = pick.get(&all);
        // The header is the first part of the file.
        let changes: Vec<Change> = changes.into_iter().map(|(place, length, piece)| (place / 3, length, piece)).collect();
        located(file, Model::parse(file, mutated(text, &changes)))?;
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,60}", number in any::<u128>(), unit in "[a-zA-Z]{0,3}") {
        located(Path::new("sources/x.toml"), source_file::parse(Path::new("sources/x.toml"), &text))?;
        located(Path::new("sql/marts/x.sql"), Model::parse(Path::new("sql/marts/x.sql"), text.clone()))?;
        for text in [text, format!("{number}{unit}")] {
            let _ = (Template::parse(&text), parse_duration(&text), parse_size(&text), parse_schedule(&text));
        }
    }
}
