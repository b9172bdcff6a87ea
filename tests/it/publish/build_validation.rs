//! The page with the validation of a build.

use std::path::Path;

use etl::simulator::{Fault, FaultKind};

use super::asked;
use crate::pump::{Pump, day, serve, small_world};

const PAGE: &str = "2208628737";

#[tokio::test]
async fn the_newest_build_is_shown_and_never_as_good_when_a_pull_failed() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["testrail", "confluence"]);
    let template = "config/confluence/templates/build-validation.xml";
    fs_err::create_dir_all(pump.root().join(template).parent().unwrap()).unwrap();
    fs_err::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(template), pump.root().join(template)).unwrap();
    pump.at(day(0), "04:00:00");
    let publish = |pump: &Pump, more: &[&str]| pump.run(&[&["publish", "build-validation"], more].concat());
    assert_eq!(publish(&pump, &[]).code, Some(4), "no page is configured");
    let settings = pump.root().join("etl.toml");
    let block = format!(
        "\n[[publish.build_validation]]\nproject = \"firefox-ios\"\npage_id = \"{PAGE}\"\ncontacts = [{{ name = \"Zoë & Co\", mail = \"z@example.test\" }}]\n"
    );
    fs_err::write(&settings, fs_err::read_to_string(&settings).unwrap() + &block).unwrap();
    pump.edit("sources/testrail.toml", "attempts = 6", "attempts = 1");
    let project = ["--project", "firefox-ios"];
    pump.ok(&[&["run", "report_testrail_milestones", "testrail_milestone_runs"][..], &project].concat());
    let newest = "select milestone.name from report_testrail_milestones as milestone join projects as project on project.id = milestone.projects_id \
                  where project.project_name_abbrev = 'firefox-ios' and milestone.build_name is not null \
                  order by milestone.started_on desc nulls last, milestone.testrail_milestone_id desc limit 1";
    let name = pump.lines(newest).remove(0).trim_matches('"').replace("\"\"", "\"");
    assert_eq!(publish(&pump, &["--project", "fenix"]).code, Some(2));
    assert_eq!(publish(&pump, &["--milestone", "1"]).code, Some(1));

    let before = simulator.requests().len();
    let ran = publish(&pump, &[&project[..], &["--plan"]].concat());
    assert_eq!((ran.code, asked(&simulator, before, "PUT", "")), (Some(0), 0), "{}{}", ran.stdout, ran.stderr);
    let ran = publish(&pump, &project);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let page = simulator.page(PAGE).unwrap();
    let escaped = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;");
    for part in [escaped.as_str(), "Firefox for iOS", "<a href=\"mailto:z@example.test\">Zoë &amp; Co</a>", "TestRail report", "N/A"] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("{{") && !page.contains("may be out of date"), "{page}");
    let before = simulator.requests().len();
    assert_eq!(publish(&pump, &project).code, Some(0));
    assert_eq!(asked(&simulator, before, "PUT", ""), 0, "unchanged");

    // The next pull of the milestones fails: what is shown says so, and is grey.
    pump.at(day(0), "06:00:00");
    simulator.script(Fault::new("get_milestones/", FaultKind::Status { code: 500, retry_after: None }).times(u32::MAX));
    assert_ne!(pump.run(&[&["extract", "testrail_milestones"][..], &project].concat()).code, Some(0));
    let ran = publish(&pump, &project);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("`testrail_milestones`") && ran.stderr.contains("the last pull failed"), "{}", ran.stderr);
    let page = simulator.page(PAGE).unwrap();
    assert!(page.contains("The data may be out of date: testrail_milestones of project_id ") && !page.contains("http://127"), "{page}");
    assert!(page.contains("<ac:parameter ac:name=\"colour\">Grey</ac:parameter>"), "{page}");

    // It fails again, in another time: that is no news for a page.
    assert_ne!(pump.run(&[&["extract", "testrail_milestones"][..], &project].concat()).code, Some(0));
    let before = simulator.requests().len();
    assert_eq!((publish(&pump, &project).code, asked(&simulator, before, "PUT", "")), (Some(3), 0));

    // A template with a placeholder that nobody knows touches nothing.
    pump.edit(template, "{{ data_note }}", "{{ data_not }}");
    let before = simulator.requests().len();
    let ran = publish(&pump, &project);
    assert_eq!((ran.code, asked(&simulator, before, "PUT", "")), (Some(2), 0));
    assert!(ran.stderr.contains("templates/build-validation.xml:2: there is no placeholder `data_not`; did you mean `data_note`?"), "{}", ran.stderr);
}
