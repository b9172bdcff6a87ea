//! No secret in anything that a run writes or says, whether it succeeds or is refused.

mod canary;

use std::path::Path;

use arrow::array::AsArray;
use base64::Engine as _;
use etl::{
    lake::read_batches,
    simulator::{BUGZILLA_KEY, Fault, FaultKind, TESTRAIL_PASSWORD, TESTRAIL_USER},
};

use crate::pump::{Pump, Ran, day, files, serve, small_world};

/// Characters that a URL, a header and JSON each write in another way.
const WRONG_PASSWORD: &str = "Hunter2/+ \"%&Passwort";
const WRONG_KEY: &str = "Hunter2KeyOfNobody";

/// Everything that a file says: texts of Parquet are compressed, other files are searched as they are.
fn content(path: &Path) -> String {
    let is_parquet = path.extension().is_some_and(|extension| extension == "parquet");
    let mut text = String::from_utf8_lossy(&fs_err::read(path).unwrap()).into_owned();
    if is_parquet {
        for batch in read_batches(path, None).unwrap() {
            for column in batch.unwrap().columns() {
                for value in column.as_string_opt::<i32>().into_iter().flatten().flatten() {
                    text.push_str(value);
                    text.push('\n');
                }
                for value in column.as_binary_opt::<i32>().into_iter().flatten().flatten() {
                    text.push_str(&String::from_utf8_lossy(value));
                    text.push('\n');
                }
            }
        }
    }
    text
}

fn token(password: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{TESTRAIL_USER}:{password}"))
}

fn check(pump: &Pump, runs: &[Ran], secrets: &[&str]) {
    let said = runs.iter().map(|ran| ("the output".to_owned(), format!("{}{}", ran.stdout, ran.stderr)));
    let written = files(&pump.root().join("data")).into_iter().map(|path| (path.display().to_string(), content(&path)));
    let mut places = 0;
    for (place, text) in said.chain(written) {
        places += 1;
        for secret in secrets {
            assert!(!text.contains(secret), "`{secret}` stands in {place}");
        }
    }
    assert!(places > 10, "there was something to search");
}

#[tokio::test]
async fn no_secret_is_written_or_said() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::new(&simulator);
    pump.at(day(0), "04:00:00");
    for source in ["testrail", "bugzilla"] {
        pump.edit(&format!("sources/{source}.toml"), "attempts = 6", "attempts = 2");
    }
    simulator.script(Fault::new("get_suites", FaultKind::Status { code: 401, retry_after: None }));
    simulator.script(Fault::new("get_milestones", FaultKind::LoginPage).times(u32::MAX));
    simulator.script(Fault::new("field/bug", FaultKind::ResetBeforeAnswer));
    let run = ["-v", "run", "--project", "fenix", "--project", "firefox-ios"];
    let mut runs = vec![pump.run(&run)];
    assert_eq!(runs[0].code, Some(3), "{}", runs[0].stderr);
    let own = token(TESTRAIL_PASSWORD);
    let exchanges = files(&pump.lake())
        .iter()
        .filter(|path| path.ends_with("requests.parquet") || path.display().to_string().ends_with(".requests.parquet"))
        .count();
    assert!(exchanges > 5, "requests are logged");
    check(&pump, &runs, &[&own, TESTRAIL_PASSWORD, BUGZILLA_KEY]);

    pump.set("TESTRAIL_PASSWORD", WRONG_PASSWORD);
    pump.set("BUGZILLA_API_KEY", WRONG_KEY);
    let refused = pump.run(&run);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("401"), "{}", refused.stderr);
    runs.push(refused);
    runs.push(pump.run(&["doctor"]));
    runs.push(pump.run(&["status"]));
    // A destination and a base URL that hold a password, and cannot be used.
    runs.push(pump.run(&["--database", "mysql://etl:Hunter2InAUrl@127.0.0.1:1/none", "load"]));
    pump.set("ETL_TESTRAIL_BASE_URL", "http://etl:Hunter2InAUrl@127.0.0.1:1/index.php?/api/v2/");
    runs.push(pump.run(&["-v", "extract", "testrail_suites"]));
    assert!(runs[4].code != Some(0) && runs[5].code != Some(0), "{runs:#?}");
    let encoded: String = url::form_urlencoded::byte_serialize(WRONG_PASSWORD.as_bytes()).collect();
    let quoted = WRONG_PASSWORD.replace('"', "\\\"");
    check(&pump, &runs, &[WRONG_PASSWORD, &encoded, &quoted, &token(WRONG_PASSWORD), WRONG_KEY, "Hunter2InAUrl", BUGZILLA_KEY, &own]);
}
