//! Pictures of looks.

use etl::simulator::Rendering;

use super::{asked, describe, row};
use crate::pump::{Pump, day, serve, small_world};

const SHORT: &str = "[publish.looker]\npoll = \"5ms\"\nlongest_poll = \"20ms\"\nrendering = \"1s\"\nwhole = \"30s\"\n";

fn picture(pump: &Pump, name: &str) -> Option<String> {
    fs_err::read(pump.root().join("data/images").join(name)).ok().map(|content| String::from_utf8_lossy(&content[8..]).into_owned())
}

#[tokio::test]
async fn looks_are_rendered_or_keep_their_former_picture() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["looker", "confluence"]);
    pump.edit("etl.toml", "[publish.looker]\n", SHORT);
    pump.at(day(0), "02:00:00");
    let early = pump.run(&["publish", "looker"]);
    assert!(early.code == Some(1) && early.stderr.contains("there is no lake at"), "{}", early.stderr);
    pump.ok(&["run", "looker-thumbnails"]);
    let looks: Vec<(String, String)> = pump
        .lines("select look_id || '|' || file_name from report_looker_looks where folder_id = '1820' order by try_cast(look_id as integer)")
        .iter()
        .map(|line| line.split_once('|').map(|(id, file)| (id.to_owned(), file.to_owned())).unwrap())
        .collect();
    assert!(looks.len() > 8, "{looks:?}");
    describe(&pump, "yaml/a.yaml", "1471774758", "Charts", &[row("a", &looks[0].1), row("b", "autmation-coverage.png")]);

    let before = simulator.requests().len();
    let plan = pump.run(&["publish", "looker", "--plan", "--folder", "1820"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    assert!(looks.iter().all(|(_, file)| plan.stdout.contains(file)) && simulator.requests().len() == before, "{}", plan.stdout);
    assert!(plan.stderr.contains("yaml/a.yaml: no look makes `autmation-coverage.png`"), "{}", plan.stderr);
    assert!(
        plan.stderr.contains(&format!("no page shows `{}`", looks[1].1)) && !plan.stderr.contains(&format!("`{}`", looks[0].1)),
        "{}",
        plan.stderr
    );

    let failing = [Rendering::Fails, Rendering::Stuck("rendering"), Rendering::Stuck("expired"), Rendering::Expired, Rendering::NoPicture];
    let reasons = ["the query failed", "still `rendering` after", "status is `expired`", "it expired before", "is no PNG"];
    for ((look, _), rendering) in looks.iter().zip(failing) {
        simulator.script_rendering(look, rendering);
    }
    simulator.script_rendering(&looks[5].0, Rendering::Late(2));
    let before = simulator.requests().len();
    let ran = pump.run(&["publish", "looker", "--folder", "1820"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    for reason in reasons {
        assert!(ran.stdout.contains(reason), "{reason}\n{}", ran.stdout);
    }
    assert_eq!((asked(&simulator, before, "POST", "/login"), asked(&simulator, before, "DELETE", "/logout")), (1, 1));
    assert_eq!(asked(&simulator, before, "POST", "width=400&height=400"), looks.len());
    let number = (day(0) - small_world().first_day()).num_days();
    for (position, (look, file)) in looks.iter().enumerate() {
        let expected = (position >= 5).then(|| format!("look {look} of day {number}"));
        assert_eq!(picture(&pump, file), expected, "{file}");
    }

    // Again on the same day: only what failed. One of them is well now.
    simulator.script_rendering(&looks[0].0, Rendering::Late(0));
    let before = simulator.requests().len();
    assert_eq!(pump.run(&["publish", "looker", "--folder", "1820"]).code, Some(1));
    assert_eq!(asked(&simulator, before, "POST", "/render_tasks/"), 5);
    assert!(picture(&pump, &looks[0].1).is_some());

    // The next day, on an empty machine: a picture that cannot be made is the former one.
    simulator.set_day(day(1));
    pump.at(day(1), "02:00:00");
    fs_err::remove_dir_all(pump.root().join("data/images")).unwrap();
    simulator.script_rendering(&looks[6].0, Rendering::Fails);
    assert_eq!(pump.run(&["publish", "looker", "--folder", "1820"]).code, Some(1));
    assert_eq!(picture(&pump, &looks[6].1), Some(format!("look {} of day {number}", looks[6].0)));
    assert_eq!(picture(&pump, &looks[7].1), Some(format!("look {} of day {}", looks[7].0, number + 1)));
    pump.ok(&["run", "looker-thumbnails"]);
    let shown = |look: &str| {
        let sql =
            "cast(rendered_at as date) || ' ' || render_status || ' ' || (image_bytes > 8) || ' ' || length(image_sha256) || ' ' || (error is null)";
        pump.lines(&format!("select {sql} from report_looker_looks where look_id = '{look}'")).remove(0)
    };
    assert_eq!(shown(&looks[6].0), format!("{} failure true 64 false", day(0)));
    assert_eq!(shown(&looks[7].0), format!("{} success true 64 true", day(1)));
    let never =
        pump.lines(&format!("select render_status || ' ' || (rendered_at is null) from report_looker_looks where look_id = '{}'", looks[1].0));
    assert_eq!(never, ["failure true"]);

    // A page says of when its pictures are, and names those that are older. When nothing changed it is not written for that.
    const PAGE: &str = "1471774758";
    describe(&pump, "yaml/a.yaml", PAGE, "Charts", &[row("a", &looks[6].1), row("b", &looks[7].1)]);
    let line = |simulator: &etl::simulator::Simulator| {
        let page = simulator.page(PAGE).unwrap();
        let (_, line) = page.split_once("<p><em>").unwrap_or_else(|| panic!("{page}"));
        line.split_once("</em></p>").unwrap().0.to_owned()
    };
    pump.ok(&["publish", "confluence"]);
    let told = line(&simulator);
    assert!(
        told.starts_with(&format!("Data as of {} 02:0", day(1))) && told.contains(&format!("; older: a ({} 02:0", day(0))) && told.ends_with("UTC)"),
        "{told}"
    );
    pump.at(day(2), "02:00:00");
    simulator.script_rendering(&looks[6].0, Rendering::Late(0));
    let render = |pump: &Pump| pump.run(&["publish", "looker", "--folder", "1820"]);
    assert_eq!(render(&pump).code, Some(1), "others fail still");
    let before = simulator.requests().len();
    pump.ok(&["publish", "confluence"]);
    assert!(
        asked(&simulator, before, "PUT", PAGE) == 1 && line(&simulator).starts_with(&format!("Data as of {} 02:0", day(2))),
        "{}",
        line(&simulator)
    );
    assert!(!line(&simulator).contains("older"), "{}", line(&simulator));
    let newest = line(&simulator);
    // Rendered anew on another day, and the same: the page stands.
    pump.at(day(3), "02:00:00");
    render(&pump);
    let before = simulator.requests().len();
    pump.ok(&["publish", "confluence"]);
    assert_eq!((asked(&simulator, before, "PUT", ""), line(&simulator)), (0, newest));
}

#[tokio::test]
async fn wrong_credentials_are_told_once() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["looker"]);
    pump.at(day(0), "02:00:00");
    pump.ok(&["run", "looker-thumbnails"]);
    pump.set("LOOKER_SECRET", "wrong-secret");
    let before = simulator.requests().len();
    let ran = pump.run(&["publish", "looker"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("answered with 404") && ran.stderr.contains("check the variables of the source's login"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("wrong-secret"), "{}", ran.stderr);
    assert_eq!((asked(&simulator, before, "POST", "/login"), asked(&simulator, before, "POST", "/render_tasks")), (1, 0));
}
