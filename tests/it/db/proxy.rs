//! `run-proxy`, with a stand-in for the Cloud SQL Auth Proxy that writes down what it was given.

use std::{
    collections::BTreeMap,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::Engine as _;
use tempfile::TempDir;

use super::{
    faults::executable,
    script::{path, program},
};

const JSON: &str = "{\n  \"type\": \"service_account\",\n  \"private_key\": \"-----BEGIN Geheim'$`\\\"\\n\"\n}";

/// Writes what it was given into its folder, then waits for a signal where one is expected.
const STAND_IN: &str = r#"#!/bin/bash
here="$(dirname "$0")"
printf '%s\n' "$@" >"$here/argv"
env >"$here/env"
echo $$ >"$here/pid"
while [ $# -gt 0 ]; do [ "$1" = --credentials-file ] && { cat "$2" >"$here/credentials"; stat -L -c %a "$2" >"$here/mode"; }; shift; done
tr '\0' ' ' </proc/$$/cmdline >"$here/cmdline"
trap 'exit 42' TERM
touch "$here/started"
[ -e "$here/wait" ] || exit 7
while :; do sleep 0.02; done
"#;

struct Proxy {
    folder: TempDir,
    variables: BTreeMap<&'static str, String>,
}

impl Proxy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["bin", "tmp"] {
            fs_err::create_dir(folder.path().join(part)).unwrap();
        }
        executable(&folder.path().join("bin/cloud-sql-proxy"), STAND_IN);
        let mut proxy = Self { folder, variables: BTreeMap::new() };
        proxy.variables.insert("PATH", format!("{}:{}", proxy.at("bin").display(), path()));
        proxy.variables.insert("TMPDIR", proxy.at("tmp").display().to_string());
        proxy.variables.insert("CLOUD_SQL_CONNECTION_NAME", "a-project:europe-west1:an-instance".to_owned());
        proxy
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn wrote(&self, name: &str) -> String {
        fs_err::read_to_string(self.at("bin").join(name)).unwrap()
    }

    fn command(&self, script: PathBuf) -> Command {
        let mut command = Command::new(script);
        command.env_clear().envs(&self.variables).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self) -> Output {
        self.command(program("run-proxy")).output().unwrap()
    }

    fn temporary(&self) -> usize {
        fs_err::read_dir(self.at("tmp")).unwrap().count()
    }
}

#[test]
fn credentials_come_as_a_path_json_or_base64() {
    let mut proxy = Proxy::new();
    let file = proxy.at("it's {the} key.json");
    fs_err::write(&file, JSON).unwrap();
    let wrapped: String = base64::engine::general_purpose::STANDARD
        .encode(JSON)
        .as_bytes()
        .chunks(60)
        .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
        .collect();
    for (variable, value) in [
        ("GCLOUD_AUTH", file.display().to_string()),
        ("GCLOUD_AUTH", JSON.to_owned()),
        ("GCLOUD_AUTH", wrapped),
        ("CLOUD_SQL_CREDENTIALS", file.display().to_string()),
    ] {
        proxy.variables.remove("GCLOUD_AUTH");
        proxy.variables.insert(variable, value.clone());
        proxy.variables.insert("CLOUD_SQL_DATABASE_PASSWORD", "Hunter2".to_owned());
        let ran = proxy.run();
        assert_eq!(ran.status.code(), Some(7), "the proxy's code is passed on: {}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(proxy.wrote("credentials"), JSON);
        let arguments = proxy.wrote("argv");
        let arguments: Vec<&str> = arguments.lines().collect();
        assert_eq!(arguments[..5], ["--address", "127.0.0.1", "--port", "3307", "--credentials-file"]);
        assert_eq!(arguments[6..], ["a-project:europe-west1:an-instance"]);
        if value == file.display().to_string() {
            assert_eq!(arguments[5], value);
        } else {
            assert_eq!(proxy.wrote("mode").trim(), "600");
            for place in ["argv", "env", "cmdline"] {
                assert!(!proxy.wrote(place).contains("Geheim") && !proxy.wrote(place).contains(&value), "{place}");
            }
        }
        assert!(!proxy.wrote("env").contains("Hunter2"));
        assert_eq!(proxy.temporary(), 0);
    }
}

#[test]
fn signals_reach_the_proxy_and_nothing_stays_behind() {
    let mut proxy = Proxy::new();
    proxy.variables.insert("GCLOUD_AUTH", JSON.to_owned());
    proxy.variables.insert("CLOUD_SQL_DATABASE_PORT", "3310".to_owned());
    fs_err::write(proxy.at("bin/wait"), "").unwrap();
    for (signal, ends) in [("TERM", (Some(42), None)), ("KILL", (None, Some(9)))] {
        let mut child = proxy.command(program("run-proxy")).arg("--quiet").spawn().unwrap();
        let start = Instant::now();
        while !proxy.at("bin/started").exists() {
            assert!(start.elapsed() < Duration::from_secs(30), "the proxy does not start");
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(proxy.wrote("pid").trim(), child.id().to_string(), "the script becomes the proxy");
        assert!(proxy.wrote("argv").contains("3310\n") && proxy.wrote("argv").contains("--quiet\n"));
        assert_eq!(proxy.temporary(), 0, "while it runs the key is in no folder");
        assert!(Command::new("bash").args(["-c", "kill -s \"$0\" \"$1\"", signal, &child.id().to_string()]).status().unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), ends);
        fs_err::remove_file(proxy.at("bin/started")).unwrap();
    }
}

#[test]
fn what_is_missing_is_named() {
    let mut proxy = Proxy::new();
    let says = |proxy: &Proxy, wanted: &str| {
        let ran = proxy.run();
        let text = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{text}");
        assert!(text.contains(wanted), "{text}");
        assert!(!text.contains("c2VjcmV0"), "{text}");
    };
    says(&proxy, "GCLOUD_AUTH is not set");
    proxy.variables.insert("GCLOUD_AUTH", "c2VjcmV0IG9mIG5vYm9keQ==".to_owned());
    says(&proxy, "neither a file that is there, nor the JSON");
    proxy.variables.insert("GCLOUD_AUTH", JSON.to_owned());
    proxy.variables.insert("CLOUD_SQL_CONNECTION_NAME", "only-an-instance".to_owned());
    says(&proxy, "project:region:instance");
    proxy.variables.remove("CLOUD_SQL_CONNECTION_NAME");
    says(&proxy, "CLOUD_SQL_CONNECTION_NAME is not set");
    proxy.variables.insert("CLOUD_SQL_CONNECTION_NAME", "example.com:project:region:instance".to_owned());
    proxy.variables.insert("PATH", path());
    says(&proxy, "https://github.com/GoogleCloudPlatform/cloud-sql-proxy/releases");
    let help = proxy.command(program("run-proxy")).arg("--help").output().unwrap();
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("GCLOUD_AUTH"));
    // Beside the script comes before PATH.
    let beside = proxy.at("bin/run-proxy");
    fs_err::copy(program("run-proxy"), &beside).unwrap();
    fs_err::set_permissions(&beside, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = proxy.command(beside).output().unwrap();
    assert_eq!(ran.status.code(), Some(7), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(proxy.wrote("credentials"), JSON);
}
