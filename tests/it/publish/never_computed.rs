//! What a publisher says when the marts that it reads were never computed: nothing to publish, and what to do; not "all is well".

use std::collections::BTreeSet;

use crate::pump::{Pump, Ran, day, serve, small_world};

/// Every publisher with the mart that it misses first; none = it reads no mart.
const PUBLISHERS: [(&[&str], Option<&str>); 13] = [
    (&["looker"], Some("report_looker_looks")),
    (&["build-validation"], Some("report_testrail_milestones")),
    (&["slack", "rates"], Some("report_sentry_rates")),
    (&["slack", "new-issues"], Some("report_sentry_unhandled_issues")),
    (&["slack", "github-issues"], Some("report_github_bugs")),
    (&["slack", "deep-dive"], Some("report_sentry_rates")),
    (&["csv", "sentry-rates", "--project", "fenix"], Some("report_sentry_rates")),
    (&["csv", "sentry-issues"], Some("report_sentry_issues")),
    (&["csv", "sentry-unhandled-issues"], Some("report_sentry_unhandled_issues")),
    (&["csv", "github-new-bugs"], Some("report_github_bugs")),
    // Pages show pictures, views what the database has, the workflow's message what the run log has.
    (&["confluence"], None),
    (&["bigquery"], None),
    (&["slack", "status"], None),
];

#[tokio::test]
async fn a_publisher_without_its_marts_publishes_nothing_and_says_what_to_run() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["looker", "confluence", "testrail", "sentry", "whattrainisitnow", "github"]);
    for (name, value) in simulator.slack_variables(true) {
        pump.set(name, value);
    }
    let settings = pump.root().join("etl.toml");
    let block = "\n[[publish.build_validation]]\nproject = \"firefox-ios\"\npage_id = \"2208628737\"\n";
    fs_err::write(&settings, fs_err::read_to_string(&settings).unwrap() + block).unwrap();
    pump.at(day(0), "10:00:00");
    // Pulled and not computed is not computed.
    pump.ok(&["extract", "sentry-rates"]);
    let (asked, before) = (simulator.requests().len(), pump.objects());
    for (arguments, missing) in PUBLISHERS {
        let Some(table) = missing else { continue };
        for more in [&[][..], &["--plan"]] {
            let Ran { code, stdout, stderr } = pump.run(&[&["publish"], arguments, more].concat());
            assert_eq!(code, Some(4), "{arguments:?} {more:?}\n{stdout}{stderr}");
            assert!(
                stderr.contains(&format!("`{table}` was never computed")) && stderr.contains(&format!("`etl run {table}`")),
                "{arguments:?}\n{stderr}"
            );
            assert_eq!(stdout, "", "{arguments:?}");
        }
    }
    assert_eq!(simulator.requests().len(), asked, "nobody was asked, and nothing posted");
    assert_eq!(pump.objects(), before, "nothing was recorded");
}

#[test]
fn no_publisher_is_forgotten() {
    let verbs = |arguments: &[&str]| -> Vec<String> {
        let help = std::process::Command::new(env!("CARGO_BIN_EXE_etl")).args(arguments).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let lines = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1).take_while(|line| !line.is_empty());
        let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
        names.filter(|name| *name != "help").map(str::to_owned).collect()
    };
    let mut all: BTreeSet<String> = verbs(&["publish"]).into_iter().filter(|verb| verb != "slack").collect();
    all.extend(verbs(&["publish", "slack"]).into_iter().map(|verb| format!("slack {verb}")));
    let known: BTreeSet<String> =
        PUBLISHERS.iter().map(|(arguments, _)| if arguments[0] == "slack" { arguments.join(" ") } else { arguments[0].to_owned() }).collect();
    assert_eq!(all, known);
}
