//! The rooms of the house: holds the code against the table in docs/ARCHITECTURE.md, and against a few rules of style.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use regex::Regex;
use syn::visit::{self, Visit};

const GROUND: [&str; 8] = ["error", "names", "clock", "events", "secret", "digest", "parallel", "scan"];
/// Macros that write to the terminal past `term`, or that are left over from debugging.
const FORBIDDEN_MACROS: [&str; 7] = ["print", "println", "eprint", "eprintln", "dbg", "todo", "unimplemented"];
const VAGUE_NAMES: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "types", "misc", "shared"];
/// Lines after which a file should be split, and after which it must be.
const LONG: usize = 400;
const TOO_LONG: usize = 500;

/// What each room may import, and which rooms a fenced crate belongs to.
#[derive(Debug, Default)]
struct Rules {
    imports: BTreeMap<String, BTreeSet<String>>,
    fences: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    /// Reads the table `| room | holds | may import | crates of its own |`.
    fn parse(page: &str) -> Self {
        let names =
            |cell: &str| -> Vec<String> { cell.split([',', ' ', '`']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect() };
        let mut rules = Self::default();
        let rows: Vec<Vec<&str>> = page.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').collect()).collect();
        let all: BTreeSet<String> = rows.iter().flat_map(|cells| names(cells[1])).collect();
        for cells in &rows {
            let mut allowed = BTreeSet::new();
            for name in names(cells[3]) {
                match name.as_str() {
                    "ground" => allowed.extend(GROUND.map(str::to_owned)),
                    "all" => allowed.extend(all.clone()),
                    _ => drop(allowed.insert(name)),
                }
            }
            for room in names(cells[1]) {
                for fenced in names(cells[4]) {
                    rules.fences.entry(fenced).or_default().insert(room.clone());
                }
                rules.imports.insert(room, allowed.clone());
            }
        }
        rules
    }

    /// What is wrong with one file; `file` is relative to `src/`.
    fn check(&self, file: &Path, text: &str) -> Vec<String> {
        let syntax = match syn::parse_file(text) {
            Ok(syntax) => syntax,
            Err(error) => return vec![format!("src/{}: {error}", file.display())],
        };
        let module = module_of(file);
        let room = module.first().cloned().unwrap_or_else(|| "lib".to_owned());
        let mut paths = Paths { module, in_tests: false, found: BTreeSet::new(), macros: BTreeSet::new() };
        paths.visit_file(&syntax);
        let mut wrong = Vec::new();
        let mut say = |what: String| wrong.push(format!("src/{}: {what}", file.display()));
        let Some(allowed) = self.imports.get(&room) else {
            say(format!("room `{room}` is not in the table of docs/ARCHITECTURE.md"));
            return wrong;
        };
        for found in &paths.found {
            match found {
                Found::Room { name, in_tests } => {
                    let is_room = self.imports.contains_key(name);
                    let for_tests = *in_tests && name == "simulator";
                    if is_room && *name != room && !allowed.contains(name) && !for_tests {
                        say(format!("`{room}` may not import `{name}`"));
                    }
                }
                Found::Crate(name) => {
                    if self.fences.get(name).is_some_and(|rooms| !rooms.contains(&room)) {
                        say(format!("crate `{name}` is fenced; `{room}` may not use it"));
                    }
                }
                Found::StdFs => say("`std::fs` leaves the path out of its errors; use `fs_err`".to_owned()),
            }
        }
        for name in &paths.macros {
            say(format!("`{name}!` is not allowed; print through `term`"));
        }
        wrong
    }
}

/// `engine/latest.rs` is the module `engine::latest`, `lib.rs` the root, `main.rs` a room of its own.
fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> = file.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    module
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Room { name: String, in_tests: bool },
    Crate(String),
    StdFs,
}

/// Collects every path that a file names, in `use`, types, expressions and macros.
struct Paths {
    module: Vec<String>,
    in_tests: bool,
    found: BTreeSet<Found>,
    macros: BTreeSet<String>,
}

impl Paths {
    fn take(&mut self, path: &[String]) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["crate" | "etl", room, ..] => drop(self.found.insert(Found::Room { name: (*room).to_owned(), in_tests: self.in_tests })),
            ["super", ..] => {
                let ups = names.iter().take_while(|name| **name == "super").count();
                if ups >= self.module.len()
                    && let Some(room) = names.get(ups)
                {
                    self.found.insert(Found::Room { name: (*room).to_owned(), in_tests: self.in_tests });
                }
            }
            ["std", "fs", ..] => drop(self.found.insert(Found::StdFs)),
            [name, ..] => drop(self.found.insert(Found::Crate((*name).to_owned()))),
            [] => {}
        }
    }

    fn take_tree(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.take_tree(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.take_tree(item, before)),
            syn::UseTree::Name(syn::UseName { ident }) | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                before.push(ident.to_string());
                self.take(before);
                before.pop();
            }
            syn::UseTree::Glob(_) => self.take(before),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.take_tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.take(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let name = item.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if FORBIDDEN_MACROS.contains(&name.as_str()) {
            self.macros.insert(name);
        }
        let inside = item.tokens.to_string();
        let paths = Regex::new(r"\b(?:[a-z_0-9]+ *:: *)+[A-Za-z_]\w*").unwrap();
        for path in paths.find_iter(&inside) {
            let names: Vec<String> = path.as_str().split("::").map(|name| name.trim().to_owned()).collect();
            self.take(&names);
        }
        visit::visit_macro(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_none() {
            return;
        }
        let was = self.in_tests;
        self.in_tests |= item.ident == "tests";
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
        self.in_tests = was;
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rules() -> Rules {
    Rules::parse(&fs_err::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap())
}

/// Files below `folder` with one of these extensions, relative to the project.
fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs_err::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known)) {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    fs_err::read_to_string(root().join(file)).unwrap()
}

#[test]
fn imports_run_down_and_heavy_crates_stay_in_their_rooms() {
    let rules = rules();
    let wrong: Vec<String> = files("src", &["rs"]).iter().flat_map(|file| rules.check(file.strip_prefix("src").unwrap(), &read(file))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[expect(clippy::print_stderr, reason = "a hint to who runs this test with `--no-capture`")]
#[test]
fn files_are_short_and_named_after_what_they_hold() {
    let mut wrong = String::new();
    for file in files("src", &["rs"]).iter().chain(&files("tests", &["rs"])).chain(&files("benches", &["rs"])) {
        let lines = read(file).lines().count();
        if lines > TOO_LONG {
            writeln!(wrong, "{}: {lines} lines; split it (at most {TOO_LONG})", file.display()).unwrap();
        } else if lines > LONG {
            eprintln!("{}: {lines} lines; better split it", file.display());
        }
        let in_src = file.starts_with("src");
        for part in file.with_extension("").iter().filter_map(|part| part.to_str()).filter(|part| in_src && VAGUE_NAMES.contains(part)) {
            writeln!(wrong, "{}: `{part}` says nothing; name it after what it holds", file.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn nothing_is_left_for_later() {
    // Taken apart, so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")].map(|word| Regex::new(&format!(r"\b{word}\b")).unwrap());
    let everything = ["src", "tests", "benches", "sql", "sources", "docs", ".ci", ".github"];
    let own = Path::new("docs/ARCHITECTURE.md");
    let files = everything.iter().flat_map(|folder| files(folder, &["rs", "sql", "toml", "md", "sh", "yml"])).filter(|file| file != own);
    let mut wrong = String::new();
    for file in files {
        for (number, line) in read(&file).lines().enumerate().filter(|(_, line)| marks.iter().any(|mark| mark.is_match(line))) {
            writeln!(wrong, "{}:{}: {}", file.display(), number + 1, line.trim()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_forbidden_arrow_is_found() {
    let rules = rules();
    let find = |file: &str, text: &str| rules.check(Path::new(file), text).join("\n");
    let sideways = "src/load/plan.rs: `load` may not import `extract`";
    for text in [
        "use crate::extract::Summary;",
        "use crate::{error::Result, extract::{self, Summary}};",
        "fn f() -> crate::extract::Summary { g() }",
        "fn f() { format!(\"{}\", crate::extract::name()); }",
        "use super::super::extract::Summary;",
        "mod inner { use super::super::super::extract::Summary; }",
        "pub use crate::extract::*;",
    ] {
        assert_eq!(find("load/plan.rs", text), sideways, "{text}");
    }
    for text in ["use crate::{catalog::Contract, lake::Lake};", "use super::extract::local;", "use sqlx::Row;", "struct Extract;"] {
        assert_eq!(find("load/plan.rs", text), "", "{text}");
    }
    assert_eq!(find("error.rs", "use crate::lake::Receipt;"), "src/error.rs: `error` may not import `lake`");
    assert_eq!(find("catalog/mod.rs", "mod tests { use crate::simulator::Simulator; }"), "");
    assert_eq!(find("catalog/mod.rs", "use crate::simulator::Simulator;"), "src/catalog/mod.rs: `catalog` may not import `simulator`");
    assert_eq!(find("transform/run.rs", "use duckdb::Connection;"), "src/transform/run.rs: crate `duckdb` is fenced; `transform` may not use it");
    assert_eq!(
        find("lake/gc.rs", "fn f() { std::fs::remove_file(p); }"),
        "src/lake/gc.rs: `std::fs` leaves the path out of its errors; use `fs_err`"
    );
    assert_eq!(find("lake/gc.rs", "fn f() { println!(); }"), "src/lake/gc.rs: `println!` is not allowed; print through `term`");
    assert_eq!(find("attic/a.rs", ""), "src/attic/a.rs: room `attic` is not in the table of docs/ARCHITECTURE.md");
}
