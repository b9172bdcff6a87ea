//! Exports replace what they wrote before, and nothing that somebody else wrote meanwhile.

use etl::lake::{Exports, Written};

use super::cloud::{Cloud, Kind};
use crate::pump::{Pump, day, serve, small_world};

const FILE: &str = "sentry/fenix/sentry_rates.csv";

#[tokio::test]
async fn a_file_is_replaced_as_a_whole() {
    for kind in Kind::ALL {
        let cloud = Cloud::new(kind).await;
        let disk = tempfile::tempdir().unwrap();
        let exports = Exports::open(&cloud.settings(disk.path()), &cloud.location).unwrap();
        let lake = cloud.open();
        assert_eq!(exports.put(FILE, "a\n1\n", true).await.unwrap(), Written::Created, "{kind:?}");
        assert!(!lake.exists(FILE).await.unwrap(), "{kind:?}: a plan writes nothing");
        for (text, written) in [("a\n1\n", Written::Created), ("a\n1\n", Written::Unchanged), ("a\n22\n", Written::Replaced)] {
            assert_eq!(exports.put(FILE, text, false).await.unwrap(), written, "{kind:?}");
            // On a disk of its own: the mirror takes objects for unchangeable, which exports are not.
            let reader = tempfile::tempdir().unwrap();
            assert_eq!(cloud.on_disk(reader.path()).get(FILE).await.unwrap(), text, "{kind:?}");
        }
        assert_eq!(exports.put(FILE, "a\n", true).await.unwrap(), Written::Replaced, "{kind:?}");
        assert_eq!(lake.get(FILE).await.unwrap(), "a\n22\n", "{kind:?}: a plan writes nothing");
    }
}

#[tokio::test]
async fn two_writers_leave_one_whole_file() {
    for kind in [Kind::Google, Kind::S3, Kind::Azure] {
        let cloud = Cloud::new(kind).await;
        let disk = tempfile::tempdir().unwrap();
        let exports = Exports::open(&cloud.settings(disk.path()), &cloud.location).unwrap();
        let texts = ["1\n".repeat(5_000), "2\n".repeat(9_000)];
        let (one, two) = tokio::join!(exports.put(FILE, &texts[0], false), exports.put(FILE, &texts[1], false));
        // Whoever finds the other's file says so; both would be new if nobody looked while he wrote.
        let mut written = [one.unwrap().name(), two.unwrap().name()];
        written.sort_unstable();
        assert_eq!(written, [Written::Created.name(), Written::Replaced.name()], "{kind:?}");
        let found = cloud.open().get(FILE).await.unwrap();
        assert!(texts.iter().any(|text| *text == found), "{kind:?}: {} bytes", found.len());
    }
}

#[tokio::test]
async fn the_command_uploads_with_the_credentials_of_a_lake() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let cloud = Cloud::new(Kind::S3).await;
    let mut pump = Pump::of(&simulator, &["sentry", "whattrainisitnow"]);
    for (variable, value) in &cloud.variables {
        pump.set(variable, value.clone());
    }
    pump.at(day(0), "10:00:00");
    pump.ok(&["run", "report_sentry_rates", "--project", "fenix"]);
    let upload = ["publish", "csv", "sentry-rates", "--project", "fenix", "--upload", &cloud.location];
    let name = format!("{}/{FILE}", cloud.location);
    let said = pump.run(&[&upload[..], &["--plan"]].concat());
    assert!(said.code == Some(0) && said.stdout.contains(&name) && said.stdout.contains("new"), "{}{}", said.stdout, said.stderr);
    assert!(!cloud.open().exists(FILE).await.unwrap());
    for state in ["new", "unchanged"] {
        let said = pump.run(&upload);
        assert!(said.code == Some(0) && said.stdout.contains(&name) && said.stdout.contains(state), "{}{}", said.stdout, said.stderr);
    }
    let text = cloud.open().get(FILE).await.unwrap();
    let rows = pump.lines("select 1 from report_sentry_rates where sentry_project_id = '6375561'").len();
    assert_eq!(std::str::from_utf8(&text).unwrap().lines().count(), rows + 1);
    pump.set("ETL_OFFLINE", "1");
    let refused = pump.run(&upload);
    assert!(refused.code == Some(2) && refused.stderr.contains("is a bucket"), "{}", refused.stderr);
}
