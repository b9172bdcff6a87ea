//! Stand-ins for the client programs that pass everything on to the real ones, and break off where a test asks for it.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use super::script::{Scripts, path};

pub(super) struct Faults {
    folder: PathBuf,
}

/// The client: statements that hold the text in `at` fail before they are sent, or after, or wait.
const CLIENT: &str = r#"#!/bin/bash
case "$*" in *--version*|*--unbuffered*) exec REAL "$@" ;; esac
[ -e "$0.at" ] || exec REAL "$@"
input="$(mktemp)"; trap 'rm -f "$input"' EXIT
cat >"$input"
grep -qF -f "$0.at" "$input" || { REAL "$@" <"$input"; exit; }
case "$(cat "$0.how")" in
  before) rm "$0.at"; echo "ERROR: fault before" >&2; exit 1 ;;
  after) rm "$0.at"; REAL "$@" <"$input"; echo "ERROR: fault after" >&2; exit 1 ;;
  hold) touch "$0.held"; while [ -e "$0.at" ]; do sleep 0.02; done; exit 1 ;;
esac
"#;

/// The dump program: cut off in the midst, or held there.
const DUMPER: &str = r#"#!/bin/bash
case "$*" in *--version*) exec REAL "$@" ;; esac
[ -e "$0.how" ] || exec REAL "$@"
case "$(cat "$0.how")" in
  cut) REAL "$@" | head -c 3000; exit 0 ;;
  hold) REAL "$@" | head -c 3000; touch "$0.held"; while [ -e "$0.how" ]; do sleep 0.02; done; exit 1 ;;
esac
"#;

pub(super) fn executable(path: &Path, text: &str) {
    fs_err::write(path, text).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

pub(super) fn real(names: [&str; 2]) -> PathBuf {
    let folders = path();
    let found = names.iter().flat_map(|name| folders.split(':').map(move |folder| Path::new(folder).join(name))).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("there is no {names:?} on PATH"))
}

impl Faults {
    /// Puts the stand-ins in front of the PATH.
    pub(super) fn new(scripts: &mut Scripts) -> Self {
        let folder = scripts.folder.path().join("bin");
        fs_err::create_dir(&folder).unwrap();
        let (client, dumper) = (real(["mariadb", "mysql"]), real(["mariadb-dump", "mysqldump"]));
        for name in ["mariadb", "mysql"] {
            executable(
                &folder.join(name),
                &CLIENT.replace("REAL", client.to_str().unwrap()).replace("$0.", &format!("{}/client.", folder.display())),
            );
        }
        for name in ["mariadb-dump", "mysqldump"] {
            executable(
                &folder.join(name),
                &DUMPER.replace("REAL", dumper.to_str().unwrap()).replace("$0.", &format!("{}/dumper.", folder.display())),
            );
        }
        scripts.set("PATH", format!("{}:{}", folder.display(), path()));
        Self { folder }
    }

    fn write(&self, name: &str, text: &str) {
        fs_err::write(self.folder.join(name), text).unwrap();
    }

    /// `how` (`before`, `after`, `hold`) the next statements with this text in them fail.
    pub(super) fn statements(&self, with: &str, how: &str) {
        self.write("client.how", how);
        self.write("client.at", with);
    }

    pub(super) fn cut_dumps(&self) {
        self.write("dumper.how", "cut");
    }

    pub(super) fn hold_dumps(&self) {
        self.write("dumper.how", "hold");
    }

    /// Nothing breaks any more, and what was held ends.
    pub(super) fn none(&self) {
        for name in ["client.at", "client.held", "dumper.how", "dumper.held"] {
            let _ = fs_err::remove_file(self.folder.join(name));
        }
        // What was held has ended when it has seen that; it may not speak up in the next scene.
        thread::sleep(Duration::from_millis(100));
    }

    /// Did the fault happen that was asked for?
    pub(super) fn happened(&self) -> bool {
        !self.folder.join("client.at").exists()
    }

    /// Until something is held.
    pub(super) fn wait(&self) {
        let start = Instant::now();
        while !self.folder.join("client.held").exists() && !self.folder.join("dumper.held").exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "the script does not come to the point where it is held");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn signal(&self, child: &Child, signal: &str) {
        assert!(self.folder.exists());
        let sent = Command::new("bash").args(["-c", "kill -s \"$0\" \"$1\"", signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}
