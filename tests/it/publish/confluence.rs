//! Pages that people edit too.

use etl::simulator::{Fault, FaultKind, Simulator};

use super::{asked, describe, row};
use crate::pump::{Pump, Ran, day, serve, small_world};

const FIRST: &str = "1471774758";
const SECOND: &str = "1346961433";
const THIRD: &str = "1436811681";

const BY_HAND: &str = "<h1>Mine</h1><p>Zoë &amp; Ana &nbsp;🦊</p><ac:structured-macro ac:name=\"code\"><ac:plain-text-body><![CDATA[<p>managed-region-start</p>]]></ac:plain-text-body></ac:structured-macro>";

fn anchor(name: &str) -> String {
    format!("<p><ac:structured-macro ac:name=\"anchor\"><ac:parameter ac:name=\"\">managed-region-{name}</ac:parameter></ac:structured-macro></p>")
}

async fn scene() -> (Simulator, Pump) {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["confluence"]);
    pump.at(day(0), "02:00:00");
    put_image(&pump, "a.png", "one");
    (simulator, pump)
}

fn put_image(pump: &Pump, name: &str, content: &str) {
    let folder = pump.root().join("data/images");
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join(name), content).unwrap();
}

fn publish(pump: &Pump, more: &[&str]) -> Ran {
    pump.run(&[&["publish", "confluence"], more].concat())
}

#[track_caller]
fn succeeds(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

/// Page, title, comment and size of the files.
fn files(simulator: &Simulator, page: &str) -> Vec<(String, String, usize)> {
    simulator.attachments(page)
}

#[tokio::test]
async fn pages_are_written_once_and_nothing_of_a_person_is_lost() {
    let (simulator, pump) = scene().await;
    describe(&pump, "yaml/a.yaml", FIRST, "Health 🦊", &[row("one", "a.png"), row("two", "missing.png")]);
    describe(&pump, "yaml/b.yaml", SECOND, "Second", &[row("one", "a.png")]);
    describe(&pump, "yaml/c.yaml", THIRD, "Third", &[row("one", "a.png")]);
    describe(&pump, "yaml/archive/d.yaml", "9", "Not read", &[]);
    simulator.edit_page(FIRST, BY_HAND);
    let with_region = format!("{BY_HAND}{}<p>old</p>{}<p>below</p>", anchor("start"), anchor("end"));
    simulator.edit_page(SECOND, &with_region);
    let damaged = format!("{BY_HAND}{}", anchor("start"));
    simulator.edit_page(THIRD, &damaged);
    // Files of theirs, more than one page of the list, and one of ours that no page shows any more.
    for name in ["x.png", "y.pdf", "z.png"] {
        simulator.attach(FIRST, name, "by hand", "theirs");
    }
    simulator.attach(FIRST, "gone.png", "etl sha256:abc", "ours");

    let before = simulator.requests().len();
    let plan = publish(&pump, &["--plan"]);
    assert_eq!(plan.code, Some(1), "the damaged page: {}", plan.stderr);
    for method in ["PUT", "POST", "DELETE"] {
        assert_eq!(asked(&simulator, before, method, "/confluence/"), 0, "{method}");
    }
    assert!(plan.stdout.contains("would write") && plan.stdout.contains("ri:filename=\"a.png\"") && plan.stdout.contains(BY_HAND), "{}", plan.stdout);

    let ran = publish(&pump, &[]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("the managed region is damaged, the page was not touched") && ran.stderr.contains("there is no picture missing.png"),
        "{}",
        ran.stderr
    );
    let first = simulator.page(FIRST).unwrap();
    assert!(first.starts_with(&format!("{BY_HAND}<h2>Notes</h2>")), "{first}");
    assert!(first.contains("<strong>one</strong>") && first.contains("says &amp; means") && first.contains("ri:filename=\"404.png\""), "{first}");
    let second = simulator.page(SECOND).unwrap();
    assert!(second.starts_with(&format!("{BY_HAND}{}", anchor("start"))) && second.ends_with(&format!("{}<p>below</p>", anchor("end"))), "{second}");
    assert!(!second.contains("<p>old</p>") && second.contains("<h1>Charts</h1>"), "{second}");
    assert_eq!(simulator.page(THIRD).unwrap(), damaged);
    let names: Vec<String> = files(&simulator, FIRST).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["x.png", "y.pdf", "z.png", "a.png", "404.png"], "theirs stay, ours that nothing names goes");

    // Again: nothing is written, also not by the page that fails.
    let before = simulator.requests().len();
    assert_eq!(publish(&pump, &[]).code, Some(1));
    for method in ["PUT", "POST", "DELETE"] {
        assert_eq!(asked(&simulator, before, method, "/confluence/"), 0, "{method}");
    }
    // A person edits above the region, and a picture changes: one new version, and their text is there.
    simulator.edit_page(SECOND, &second.replace("<h1>Mine</h1>", "<h1>Mine, edited</h1>"));
    put_image(&pump, "a.png", "another");
    simulator.edit_page(THIRD, "<p>mended</p>");
    let before = simulator.requests().len();
    succeeds(&publish(&pump, &[]));
    assert_eq!(asked(&simulator, before, "PUT", "/confluence/"), 3);
    assert!(simulator.page(SECOND).unwrap().starts_with("<h1>Mine, edited</h1>"));
    assert!(files(&simulator, SECOND).iter().any(|(name, comment, size)| name == "a.png" && comment.starts_with("etl sha256:") && *size == 7));
    // Only what was asked for, and by force.
    let before = simulator.requests().len();
    succeeds(&publish(&pump, &["--page", FIRST, "--force"]));
    assert_eq!(asked(&simulator, before, "PUT", ""), 1);

    pump.ok(&["run", "confluence-updates"]);
    let sql = "select page_id || ' ' || region_state || ' ' || cast(published_at as date) || ' ' || length(published_sha256) || ' ' || missing_images \
               from report_confluence_pages where published_at is not null order by page_id";
    let expected = [format!("{SECOND} ok {} 32 0", day(0)), format!("{THIRD} ok {} 32 0", day(0)), format!("{FIRST} ok {} 32 1", day(0))];
    assert_eq!(pump.lines(sql), expected);
}

#[tokio::test]
async fn conflicts_are_merged_and_lost_answers_write_nothing_twice() {
    let (simulator, pump) = scene().await;
    describe(&pump, "yaml/a.yaml", FIRST, "Health", &[row("one", "a.png")]);
    simulator.edit_page(FIRST, "<p>one</p>");
    for text in ["<p>two</p>", "<p>three</p>", "<p>four</p>"] {
        simulator.edit_before_write(FIRST, text);
    }
    let before = simulator.requests().len();
    succeeds(&publish(&pump, &[]));
    assert!(simulator.page(FIRST).unwrap().starts_with("<p>four</p><h2>Notes</h2>"));
    assert_eq!(asked(&simulator, before, "PUT", ""), 4);
    assert_eq!(asked(&simulator, before, "POST", "child/attachment"), 1, "the picture is uploaded once");

    // Somebody saves again and again: given up, and theirs is what stands.
    for number in 0..9 {
        simulator.edit_before_write(FIRST, &format!("<p>again {number}</p>"));
    }
    put_image(&pump, "a.png", "changed");
    let before = simulator.requests().len();
    let ran = publish(&pump, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("saved by others 5 times"), "{}", ran.stderr);
    assert_eq!((asked(&simulator, before, "PUT", ""), simulator.page(FIRST).unwrap().as_str()), (6, "<p>again 5</p>"));
    simulator.drop_edits(FIRST);

    // The write arrives and its answer is lost: the page says itself that it was written.
    let version = |simulator: &Simulator| simulator.page_version(FIRST).unwrap();
    let (before, was) = (simulator.requests().len(), version(&simulator));
    simulator.script(Fault::new(format!("content/{FIRST}"), FaultKind::ResetBeforeAnswer).after(2));
    succeeds(&publish(&pump, &[]));
    assert_eq!((asked(&simulator, before, "PUT", ""), version(&simulator)), (2, was + 1));

    // Killed between the write and its record: the next run finds the page as it should be, and records when it was written.
    fs_err::remove_dir_all(pump.lake().join("receipts/etl")).unwrap();
    let before = simulator.requests().len();
    succeeds(&publish(&pump, &[]));
    assert_eq!(asked(&simulator, before, "PUT", ""), 0);
    let sql =
        "select status || ' ' || (published_sha256 = sha256) || ' ' || (published_at < attempted_at + interval 1 day) from latest.etl_publications";
    assert_eq!(pump.lines(sql), ["unchanged true true"]);
    // A version that a person restored is written anew.
    simulator.edit_page(FIRST, "<p>restored</p>");
    succeeds(&publish(&pump, &[]));
    assert!(simulator.page(FIRST).unwrap().starts_with("<p>restored</p><h2>Notes</h2>"));
}

#[tokio::test]
async fn a_wrong_file_stops_everything_and_a_strange_answer_only_its_page() {
    let (simulator, pump) = scene().await;
    describe(&pump, "yaml/a.yaml", FIRST, "Health", &[row("one", "a.png")]);
    describe(&pump, "yaml/b.yaml", SECOND, "Second", &[row("one", "a.png").replace("report-title", "report_title")]);
    let before = simulator.requests().len();
    let ran = publish(&pump, &[]);
    assert_eq!((ran.code, simulator.requests().len()), (Some(2), before), "{}", ran.stderr);
    assert!(ran.stderr.contains("yaml/b.yaml:7: "), "{}", ran.stderr);
    describe(&pump, "yaml/b.yaml", FIRST, "Second", &[row("one", "a.png")]);
    assert!(publish(&pump, &[]).stderr.contains("yaml/b.yaml: the page 1471774758 is also described in yaml/a.yaml"));
    assert_eq!(publish(&pump, &["--team", "DTE"]).code, Some(2));

    describe(&pump, "yaml/b.yaml", SECOND, "Second", &[row("one", "a.png")]);
    let untouched = simulator.page(FIRST);
    for fault in [FaultKind::LoginPage, FaultKind::CutJson] {
        simulator.script(Fault::new(format!("content/{FIRST}?"), fault));
        let ran = publish(&pump, &[]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert_eq!(simulator.page(FIRST), untouched, "a page that could not be read is not written");
    }
    assert!(simulator.page(SECOND).unwrap().contains("<h1>Charts</h1>"), "the other page was written");
}
