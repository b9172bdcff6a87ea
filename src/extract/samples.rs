//! Endpoints for the tests of this room, written in the grammar of the source files.

use std::{fmt::Write, path::Path};

use crate::catalog::{Endpoint, Project, Source};

/// The source `demo` with the endpoints that `text` describes (TOML below `[client]`).
pub(super) fn source(text: &str) -> Source {
    let folder = tempfile::tempdir().unwrap();
    let head = "version = 1\ndescription = \"x\"\n[client]\nbase_url = \"http://127.0.0.1:1\"\nrate_limit = { requests = 0, per = \"1s\", concurrency = 4 }\n";
    fs_err::create_dir_all(folder.path().join("sources")).unwrap();
    fs_err::write(folder.path().join("sources/demo.toml"), format!("{head}{text}")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    for name in names {
        let staging = folder.path().join("sql/staging/demo");
        fs_err::create_dir_all(&staging).unwrap();
        fs_err::write(staging.join(format!("demo_{name}.sql")), "-- description: x.\nselect 1\n").unwrap();
    }
    read(folder.path())
}

fn read(folder: &Path) -> Source {
    Project::read(folder).unwrap().sources.remove(0)
}

/// An endpoint `demo_things` with these keys; those that must be there and are not get a default.
pub(super) fn endpoint(keys: &str) -> Endpoint {
    let mut text = format!("[[endpoint]]\nname = \"things\"\n{keys}\n");
    for (key, value) in [("path", "\"things\""), ("records", "\"\""), ("key", "[\"/id\"]"), ("replaces", "\"scope\"")] {
        if !keys.lines().any(|line| line.trim_start().starts_with(&format!("{key} "))) {
            writeln!(text, "{key} = {value}").unwrap();
        }
    }
    source(&text).endpoints.remove(0)
}
