//! Hostile pages: nothing of a person's is ever lost.

use proptest::prelude::*;

use super::*;

const CONTENT: &str = "<h1>Charts</h1><table><tbody><tr><td><p><strong>a &amp; b</strong></p></td></tr></tbody></table>";
const SECTIONS: [&str; 2] = ["Charts", "Old charts"];

fn put(page: &str) -> Result<Merged, Damage> {
    merge(page, CONTENT, "abc", &SECTIONS)
}

fn region() -> String {
    format!("{}{}{CONTENT}{}", anchor(START), anchor("managed-region-sha256-abc"), anchor(END))
}

fn first_run(page: &str) -> String {
    format!("{page}<h2>Notes</h2><p><br /></p><hr />{}", region())
}

/// An anchor inside what a person wrote.
fn block(name: &str, before: &str, after: &str) -> String {
    let bare = anchor(name).replace("<p>", "").replace("</p>", "");
    format!("<p class='x > y'>{before}{bare}{after}</p>")
}

/// Things that look like marks and are none.
fn leaves() -> impl Strategy<Value = String> {
    let fake = anchor(START);
    let leaves = vec![
        "plain &amp; text &nbsp;&#8217; Zoë 🦊 ]]&gt; --&gt;".to_owned(),
        "managed-region-start".to_owned(),
        "\n  \t".to_owned(),
        String::new(),
        "<br/>".to_owned(),
        "<hr />".to_owned(),
        "<BR />".to_owned(),
        "<!-- managed-region-end > <p> -->".to_owned(),
        format!("<!-- {fake} -->"),
        format!("<![CDATA[{fake} <div data-managed-region=\"true\"> <!-- BEGIN MANAGED --> </p>]]>"),
        format!(
            "<ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"title\">managed-region-start</ac:parameter><ac:plain-text-body><![CDATA[{fake}]]></ac:plain-text-body></ac:structured-macro>"
        ),
        "<ac:structured-macro ac:name=\"anchor\"><ac:parameter ac:name=\"\">mine</ac:parameter></ac:structured-macro>".to_owned(),
        "<ac:link><ri:page ri:content-title=\"a &gt; b > c\" /><ac:link-body>x</ac:link-body></ac:link>".to_owned(),
        "<p title='<![CDATA['>quoted</p>".replace("<![", "&lt;!["),
        "<h3>Notes</h3>".to_owned(),
        "<p>managed-region-sha256-abc</p>".to_owned(),
        "<time datetime=\"2026-01-01\"/>".to_owned(),
        "<ac:emoticon ac:name=\"smile\" ac:emoji-id=\"1f642\"/>".to_owned(),
    ];
    prop::sample::select(leaves)
}

/// Well-formed pieces of a page without marks.
fn fragments() -> impl Strategy<Value = String> {
    let around = |(name, inside): (&str, Vec<String>)| {
        let name_only = name.split(' ').next().unwrap_or_default();
        format!("<{name}>{}</{name_only}>", inside.concat())
    };
    let names = prop::sample::select(vec![
        "p",
        "div",
        "DIV",
        "td",
        "h1 id=\"a\"",
        "ac:layout",
        "ac:layout-section ac:type=\"single\"",
        "ac:layout-cell",
        "ac:structured-macro ac:name=\"expand\"",
        "ac:rich-text-body",
        "table data-layout='wide'",
    ]);
    let tree = leaves().prop_recursive(4, 24, 5, move |inner| (names.clone(), prop::collection::vec(inner, 0..5)).prop_map(around));
    prop::collection::vec(tree, 0..5).prop_map(|parts| parts.concat())
}

/// Containers in which a region has a place, as what stands before and after.
fn containers() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("", ""),
        ("<ac:layout><ac:layout-section><ac:layout-cell>", "</ac:layout-cell></ac:layout-section></ac:layout>"),
        ("<ac:structured-macro ac:name=\"expand\"><ac:rich-text-body>", "</ac:rich-text-body></ac:structured-macro>"),
        ("<div class=\"mine\">", "</div>"),
    ])
}

/// Another parser than ours must find the page well-formed too.
fn well_formed(page: &str) -> bool {
    let mut reader = quick_xml::Reader::from_str(page);
    reader.config_mut().check_end_names = true;
    let mut open = 0_i64;
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => return open == 0,
            Ok(quick_xml::events::Event::Start(_)) => open += 1,
            Ok(quick_xml::events::Event::End(_)) => open -= 1,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_first_run_keeps_the_whole_page(page in fragments()) {
        let merged = put(&page).unwrap();
        prop_assert_eq!(&merged.state, &State::Missing);
        prop_assert_eq!(&merged.page, &first_run(&page));
        prop_assert!(well_formed(&merged.page));
        let again = put(&merged.page).unwrap();
        prop_assert_eq!(again.state, State::Ok { hash: Some("abc".to_owned()) });
        prop_assert_eq!(again.page, merged.page);
    }

    #[test]
    fn only_what_lies_between_the_blocks_changes(
        (open, close) in containers(), before in fragments(), mine in leaves(), inside in fragments(), yours in leaves(), after in fragments(),
    ) {
        let (first, last) = (block(START, &mine, "x &lt; y"), block(END, "", &yours));
        let page = format!("{open}{before}{first}{inside}{last}{after}{close}");
        let merged = put(&page).unwrap();
        let hash = anchor("managed-region-sha256-abc");
        prop_assert_eq!(&merged.page, &format!("{open}{before}{first}{hash}{CONTENT}{last}{after}{close}"));
        prop_assert!(well_formed(&merged.page));
        prop_assert_eq!(put(&merged.page).unwrap().page, merged.page);
    }

    #[test]
    fn of_an_old_region_only_the_generated_block_changes(
        (open, close) in containers(), before in fragments(), inside in fragments(), after in fragments(), kind in 0..5_usize,
    ) {
        let generated = match kind {
            0 => format!("<div data-managed-region=\"true\" class=\"auto-managed-region\">{inside}</div>"),
            1 => format!("<div class=\"wide auto-managed-region\"><div>{inside}</div></div>"),
            2 => format!("<!-- BEGIN MANAGED -->{inside}<!-- END MANAGED -->"),
            3 => format!("<!-- BEGIN MANAGED --><div data-managed-region=\"true\">{inside}</div>\n<!-- END MANAGED -->"),
            _ => format!("<div data-managed-region='yes'><!-- BEGIN MANAGED: x -->{inside}<!-- END MANAGED --></div>"),
        };
        let page = format!("{open}{before}{generated}{after}{close}");
        let merged = put(&page).unwrap();
        prop_assert_eq!(&merged.state, &State::Old);
        prop_assert_eq!(&merged.page, &format!("{open}{before}{}{after}{close}", region()));
        prop_assert_eq!(put(&merged.page).unwrap().page, merged.page);
    }

    #[test]
    fn a_damaged_page_is_never_written(
        parts in prop::collection::vec(fragments(), 6), marks in prop::collection::vec((0..6_usize, prop::bool::ANY), 1..5),
    ) {
        let mut marks = marks;
        marks.sort_by_key(|(place, _)| *place);
        let sequence: Vec<bool> = marks.iter().map(|(_, start)| *start).collect();
        prop_assume!(sequence != [true, false]);
        let page: String = parts.iter().enumerate().map(|(place, part)| {
            let here = marks.iter().filter(|(own, _)| *own == place);
            format!("{part}{}", here.map(|(_, start)| anchor(if *start { START } else { END })).collect::<String>())
        }).collect();
        prop_assert!(put(&page).is_err());
    }

    /// Whatever bytes a page has: no panic, and what is outside of the replaced bytes is still there.
    #[test]
    fn cut_and_spoilt_pages_lose_nothing(before in fragments(), inside in fragments(), after in fragments(), at in 0.0..1.0_f64, cut in 0..9_usize, dirt in "[<>&/\"'a\\[\\]!-]{0,4}") {
        let page = format!("{before}{}{inside}{}{after}", anchor(START), anchor(END));
        let place = |wanted: usize| (wanted.min(page.len())..=page.len()).find(|at| page.is_char_boundary(*at)).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "any place will do")]
        let from = place((at * page.len() as f64) as usize);
        let spoilt = format!("{}{dirt}{}", &page[..from], &page[place(from + cut)..]);
        if let Ok(merged) = put(&spoilt) {
            prop_assert!(merged.page.starts_with(&spoilt[..merged.replaced.start]));
            prop_assert!(merged.page.ends_with(&spoilt[merged.replaced.end..]));
            let starts = spoilt[..merged.replaced.start].matches(START).count() + spoilt[merged.replaced.end..].matches(START).count();
            prop_assert!(merged.page.matches(START).count() >= starts);
            prop_assert!(merged.replaced.is_empty() || merged.state != State::Missing);
            prop_assert_eq!(put(&merged.page).unwrap().page, merged.page);
        }
    }
}

#[test]
fn the_notes_of_the_former_tool() {
    let head = "<p>mine</p><h3>Notes</h3>\n<div><p>Ask Zoë.</p></div>\n<hr />";
    let table = "<table><tbody><tr><td>1</td></tr></tbody></table>";
    let own = format!("\n<h1>Charts</h1>{table}\n<h1>Old charts</h1>\n{table}");
    let mine = format!("<h1>By hand</h1>{table}<p>end</p>");
    // What was generated moves into the region, also where a person wrote below it.
    assert_eq!(put(&format!("{head}{own}{mine}")).unwrap().page, format!("{head}{}{mine}", region()));
    // A table under another heading is a person's.
    assert_eq!(put(&format!("{head}{mine}")).unwrap().page, format!("{head}{}{mine}", region()));
    assert_eq!(put(&format!("{head}{mine}{own}")).unwrap().page, format!("{head}{}{mine}{own}", region()));
    // A heading alone, or a rule that belongs to something else, is no mark.
    let page = "<h3>Notes</h3><p>mine</p><hr/>";
    assert_eq!(put(page).unwrap().page, first_run(page));
    assert!(put(&format!("{head}{head}")).unwrap_err().0.contains("several headings"));
    assert_eq!(put(&format!("{head}{head}{own}")).unwrap().page, format!("{head}{head}{}", region()));
}

#[test]
fn a_page_as_the_former_tool_left_it() {
    let marks = |name: &str| {
        format!(
            "<ac:structured-macro ac:name=\"anchor\" ac:schema-version=\"1\" ac:macro-id=\"7\"><ac:parameter ac:name=\"id\">{name}</ac:parameter></ac:structured-macro>"
        )
    };
    let (start, end) = (marks(START), marks(END));
    let page =
        format!("<p>mine</p><!-- BEGIN MANAGED -->\n{start}\n<div data-managed-region=\"true\">old</div>\n{end}\n<!-- END MANAGED --><p>x</p>");
    let hash = anchor("managed-region-sha256-abc");
    assert_eq!(put(&page).unwrap().page, format!("<p>mine</p><!-- BEGIN MANAGED -->\n{start}{hash}{CONTENT}{end}\n<!-- END MANAGED --><p>x</p>"));
}

#[test]
fn what_is_damaged_and_why() {
    let (start, end) = (anchor(START), anchor(END));
    let bare = |name: &str| anchor(name).replace("<p>", "").replace("</p>", "");
    let cells = format!(
        "<ac:layout><ac:layout-section><ac:layout-cell>{start}</ac:layout-cell><ac:layout-cell>{end}</ac:layout-cell></ac:layout-section></ac:layout>"
    );
    for (page, part) in [
        (start.clone(), "1 anchors `managed-region-start` and 0"),
        (end.clone(), "0 anchors `managed-region-start` and 1"),
        (format!("{end}{start}"), "stands before"),
        (format!("{start}{end}{start}{end}"), "2 anchors"),
        (format!("<p>{}x{}</p>", bare(START), bare(END)), "both anchors stand in one `p`"),
        (cells, "both anchors stand in one `ac:layout-section`"),
        (format!("{start}<p>{end}"), "not well-formed: an element is never closed (byte"),
        (format!("{start}<p></P>{end}"), "`</P>` stands where `</p>` is due"),
        ("x</p>".to_owned(), "`</p>` closes nothing"),
        ("<![CDATA[x]]".to_owned(), "a CDATA section is never closed"),
        ("<!-- x --".to_owned(), "a comment is never closed"),
        ("<p title=\"x>".to_owned(), "`<p` is never closed"),
        ("a < b".to_owned(), "begins no tag"),
        ("<!-- END MANAGED --><!-- BEGIN MANAGED -->".to_owned(), "are no pair"),
        ("<p><!-- BEGIN MANAGED --></p><!-- END MANAGED -->".to_owned(), "are no pair"),
        ("<div data-managed-region=\"true\"/><div data-managed-region=\"true\"/>".to_owned(), "several managed regions"),
        ("<div data-managed-region=\"true\"/><!-- BEGIN MANAGED --><!-- END MANAGED -->".to_owned(), "in several places"),
        ("<table><div data-managed-region=\"true\"/></table>".to_owned(), "stands in a `table`"),
    ] {
        let damage = put(&page).unwrap_err().0;
        assert!(damage.contains(part), "{damage}\ninstead of\n{part}");
    }
    assert!(merge("", "<p>", "abc", &[]).unwrap_err().0.contains("merged page would not be well-formed"));
}
