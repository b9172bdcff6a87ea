//! Audits of tables that a transform leaves as they are.

use crate::pump::{Pump, day, serve, small_world};

#[tokio::test]
async fn audits_run_when_nothing_was_computed() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["testrail"]);
    let audit = |name: &str, sql: &str| {
        let text = format!("-- description: {name} finds nothing.\n-- severity: warn\n{sql}\n");
        fs_err::write(pump.root().join(format!("sql/audits/report_testrail_users__{name}.sql")), text).unwrap();
    };
    audit("of_inputs", "select account.* from latest.testrail_users as account");
    audit("of_rows", "select * from report_testrail_users");
    simulator.set_day(day(0));
    pump.at(day(0), "04:00:00");
    let transform = ["transform", "report_testrail_users"];
    pump.ok(&["extract", "report_testrail_users"]);
    let first = pump.run(&transform);
    assert!(first.stderr.contains("of_inputs finds nothing") && first.stderr.contains("of_rows finds nothing"), "{first:?}");
    let second = pump.run(&transform);
    assert!(format!("{}{}", second.stdout, second.stderr).contains("unchanged"), "{second:?}");
    assert!(second.stderr.contains("of_inputs finds nothing") && !second.stderr.contains("of_rows"), "{second:?}");
}
