//! Makes the DuckDB library found at run time without `LD_LIBRARY_PATH`.
//!
//! The shared library is hard-linked (copied where links do not work) beside the binaries cargo builds, and every binary
//! gets run paths relative to itself. A clone may move, and the target folder may lie outside of it.

#![expect(clippy::disallowed_methods, reason = "a build script has no settings; cargo talks to it through variables")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn main() {
    println!("cargo:rustc-env=ETL_COMMIT={}", commit());
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo:rerun-if-changed=build.rs");
    for path in ["$ORIGIN", "$ORIGIN/..", "$ORIGIN/../lib"] {
        let path = if cfg!(target_os = "macos") { path.replace("$ORIGIN", "@loader_path") } else { path.to_owned() };
        println!("cargo:rustc-link-arg=-Wl,-rpath,{path}");
    }
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    println!("cargo:rerun-if-env-changed=ETL_PORTABLE");
    let Some(folder) = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from) else {
        println!("cargo:warning=DUCKDB_LIB_DIR is not set: run `make setup` once, or build with `--features bundled`");
        return;
    };
    let name = if cfg!(target_os = "macos") { "libduckdb.dylib" } else { "libduckdb.so" };
    // Last: where `cargo install` puts the binary there is no library beside it. What is packed for others goes without.
    if env::var_os("ETL_PORTABLE").is_none() {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
    let library = folder.join(name);
    println!("cargo:rerun-if-changed={}", library.display());
    // OUT_DIR is <target>/<profile>/build/<package>/out.
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let Some(profile) = out.ancestors().nth(3) else { return };
    for target in [profile.join(name), profile.join("deps").join(name)] {
        place(&library, &target);
    }
}

/// The commit that is built, for `etl --version`. Only in the release profile: elsewhere each commit would build the crate again.
fn commit() -> String {
    println!("cargo:rerun-if-env-changed=ETL_COMMIT");
    if let Ok(commit) = env::var("ETL_COMMIT") {
        return commit;
    }
    if env::var("PROFILE").as_deref() != Ok("release") {
        return String::new();
    }
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=10", "HEAD"]).unwrap_or_default()
}

fn place(library: &Path, target: &Path) {
    if let Some(parent) = target.parent() {
        let _ = fs::create_dir_all(parent);
    }
    let _ = fs::remove_file(target);
    if fs::hard_link(library, target).is_err() && fs::copy(library, target).is_err() {
        println!("cargo:warning=could not place {} beside the binaries", library.display());
    }
}
