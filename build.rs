//! Makes the DuckDB library found at run time without `LD_LIBRARY_PATH`.
//!
//! The shared library is hard-linked (copied where links do not work) beside the binaries cargo builds, and every binary
//! gets run paths relative to itself. A clone may move, and the target folder may lie outside of it.

#![expect(clippy::disallowed_methods, reason = "a build script has no settings; cargo talks to it through variables")]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo:rerun-if-changed=build.rs");
    for path in ["$ORIGIN", "$ORIGIN/..", "$ORIGIN/../lib"] {
        let path = if cfg!(target_os = "macos") { path.replace("$ORIGIN", "@loader_path") } else { path.to_owned() };
        println!("cargo:rustc-link-arg=-Wl,-rpath,{path}");
    }
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    let Some(folder) = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from) else {
        println!("cargo:warning=DUCKDB_LIB_DIR is not set: run `make setup` once, or build with `--features bundled`");
        return;
    };
    let name = if cfg!(target_os = "macos") { "libduckdb.dylib" } else { "libduckdb.so" };
    let library = folder.join(name);
    println!("cargo:rerun-if-changed={}", library.display());
    // OUT_DIR is <target>/<profile>/build/<package>/out.
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let Some(profile) = out.ancestors().nth(3) else { return };
    for target in [profile.join(name), profile.join("deps").join(name)] {
        place(&library, &target);
    }
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
