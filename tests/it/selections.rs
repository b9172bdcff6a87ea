//! What a command reads of the lake is what its selection needs, and what a table shows does not depend on what else is computed.

use std::{path::Path, sync::Arc};

use etl::{
    catalog::Project,
    engine::{Engine, RunRow},
    events::Silent,
    lake::{Lake, Manifest, Receipt},
    settings::{Env, Settings},
};
use tokio::runtime::Handle;

use crate::pump::{Pump, day, files, serve, small_world};

const RUN: [&str; 3] = ["run", "--project", "fenix"];
const MART: &str = "report_test_run_counts";
const SEED: &str = "test_sub_suites";

/// The published results of a table, in their order.
fn manifests(pump: &Pump, table: &str) -> Vec<Manifest> {
    let documents = files(&pump.lake().join("marts").join(table)).into_iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
    let mut found: Vec<Manifest> = documents.map(|path| serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()).collect();
    found.sort_by_key(|manifest| (manifest.created, manifest.transform_id));
    found
}

/// The newest end of a pull of endpoints, each as `source/name`, or of a whole source.
fn newest(pump: &Pump, of: &[&str]) -> chrono::DateTime<chrono::Utc> {
    let receipts = of.iter().flat_map(|of| files(&pump.lake().join("receipts").join(of)));
    receipts.map(|path| serde_json::from_slice::<Receipt>(&fs_err::read(path).unwrap()).unwrap().finished).max().unwrap()
}

#[tokio::test]
async fn what_a_table_shows_does_not_depend_on_what_else_is_pulled_or_computed() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::new(&simulator);
    simulator.set_day(day(0));
    pump.at(day(0), "04:00:00");
    pump.ok(&RUN);
    let first = manifests(&pump, MART);
    assert_eq!(
        first.iter().map(|manifest| manifest.as_of).collect::<Vec<_>>(),
        [newest(&pump, &["testrail/runs", "testrail/plan_details"])],
        "the moment is that of its own pulls"
    );

    // The mart reads `run`, and nothing of Bugzilla.
    pump.at(day(0), "09:00:00");
    pump.ok(&["extract", "bugzilla"]);
    pump.ok(&["transform"]);
    assert_eq!(manifests(&pump, MART), first);

    // A seed is as new as the lake, and with a part of it no older.
    pump.edit(&format!("sql/seeds/{SEED}.csv"), "smoke", "smoke tests");
    pump.ok(&["transform"]);
    pump.ok(&["load"]);
    let shown = manifests(&pump, SEED).last().unwrap().as_of;
    assert_eq!(shown, newest(&pump, &["bugzilla"]));
    pump.edit(&format!("sql/seeds/{SEED}.csv"), "smoke tests", "smoke");
    pump.at(day(0), "10:00:00");
    pump.ok(&["transform", MART]);
    pump.ok(&["load", MART]);
    assert_eq!(manifests(&pump, SEED).len(), 3);
    assert_eq!(manifests(&pump, SEED).last().unwrap().as_of, shown);
}

#[tokio::test]
async fn nobody_reads_the_receipts_of_what_is_not_asked_for() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::new(&simulator);
    simulator.set_day(day(0));
    pump.at(day(0), "04:00:00");
    pump.ok(&RUN);
    let cases = pump.lines("select count(*) from latest.testrail_cases");
    for receipt in files(&pump.lake().join("receipts/bugzilla")) {
        fs_err::write(receipt, "{").unwrap();
    }
    pump.at(day(0), "09:00:00");
    assert_eq!(pump.lines("select count(*) from latest.testrail_cases"), cases);
    for command in [
        &["extract", "testrail_cases", "--project", "fenix"][..],
        &["transform", "report_testrail_milestones"],
        &["load", "report_testrail_milestones"],
        &["diff", "testrail_cases", "--from", "2020-01-01"],
        &["replay", "report_testrail_milestones", "--as-of", &day(0).to_string(), "--plan"],
        &["status", "report_testrail_milestones"],
    ] {
        pump.ok(command);
    }
    for command in [&["query", "from latest.bugzilla_flag_bugs"][..], &["query", "select as_of from run"], &["transform"], &["status"]] {
        let ran = pump.run(command);
        assert_eq!(ran.code, Some(1), "{command:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("receipts/bugzilla/") && ran.stderr.contains("is damaged"), "{command:?}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_read_does_not_pass_for_empty() {
    let (root, data) = (Path::new(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir().unwrap());
    let settings = Settings::read(root, Env::of([("ETL_DATA", data.path().to_str().unwrap())])).unwrap();
    let (project, lake) = (Arc::new(Project::read(root).unwrap()), Lake::of(&settings).unwrap());
    let engine = Engine::open(project, lake.clone(), settings, Arc::new(Silent), Handle::current()).unwrap();
    let receipts = lake.receipts(Some(&["testrail_cases".to_owned()].into())).await.unwrap();
    tokio::task::block_in_place(|| {
        let moment = engine.moment(&RunRow::of([], None), &receipts).unwrap();
        moment.require_for("from latest.testrail_cases").unwrap();
        for (sql, what) in [("from latest.testrail_plans", "`testrail_plans`"), ("from pulls", "`pulls`")] {
            let error = moment.require_for(sql).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("was not read"), "{error}");
        }
    });
}
