//! Messages to Slack, over real HTTP to a simulated one that refuses what Slack refuses: what arrived, once, and in order.

use std::collections::BTreeSet;

use chrono::Days;
use etl::simulator::{Fault, FaultKind, RetryAfter, SLACK_TOKEN, SLACK_WEBHOOK_SECRET, Scale, Simulator, SlackMessage};
use serde_json::Value;

use crate::pump::{Pump, Ran, day, serve, small_world};

const SOURCES: [&str; 4] = ["sentry", "whattrainisitnow", "github", "etl"];

/// A pump that read everything behind the messages on the first day.
async fn scene(bot: bool) -> (Simulator, Pump) {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &SOURCES);
    for (name, value) in simulator.slack_variables(bot) {
        pump.set(name, value);
    }
    pump.at(day(0), "10:00:00");
    pump.ok(&["run", "sentry-rates", "sentry-unhandled-issues", "github-issues"]);
    (simulator, pump)
}

fn in_channel(simulator: &Simulator, channel: &str) -> Vec<SlackMessage> {
    simulator.slack_messages().into_iter().filter(|message| message.channel == channel).collect()
}

fn no_secret(pump: &Pump, ran: &Ran) {
    for secret in [SLACK_TOKEN, SLACK_WEBHOOK_SECRET] {
        assert!(!ran.stderr.contains(secret) && !ran.stdout.contains(secret), "{}", ran.stderr);
        for path in pump.objects().keys() {
            let bytes = fs_err::read(pump.lake().join(path)).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_bot_posts_each_message_once_and_goes_on_with_a_broken_thread() {
    let (simulator, mut pump) = scene(true).await;
    // The doctor says whether messages could be posted, and posts none.
    let doctor = |pump: &Pump| {
        let ran = pump.run(&["doctor"]);
        ran.stdout.lines().find(|line| line.starts_with("publish slack")).unwrap_or_else(|| panic!("{}", ran.stdout)).to_owned()
    };
    let line = doctor(&pump);
    assert!(line.contains(" ok ") && line.contains("the bot is etl of Testers; channels: "), "{line}");
    let token = pump.replace("SLACK_BOT_TOKEN", "xoxb-wrong");
    let line = doctor(&pump);
    assert!(line.contains("FAILED") && line.contains("invalid_auth") && !line.contains("xoxb-wrong"), "{line}");
    pump.set("SLACK_BOT_TOKEN", token);
    // What --plan prints is what is sent.
    let planned = pump.run(&["publish", "slack", "rates", "--plan"]);
    assert_eq!((planned.code, simulator.slack_messages().len()), (Some(0), 0), "{}", planned.stderr);
    let planned: Vec<Value> = planned.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Two publishers at once: whoever is late posts nothing.
    let both = [(); 2].map(|()| pump.command(&["publish", "slack", "rates", "--project", "firefox-ios"]).spawn().unwrap());
    let both = both.map(|child| Ran::of(child.wait_with_output().unwrap()));
    assert!(both.iter().all(|ran| ran.code == Some(0) || ran.code == Some(1)), "{both:?}");
    assert_eq!(simulator.slack_messages().len(), 1, "{both:?}");
    pump.ok(&["publish", "slack", "rates"]);
    let arrived = simulator.slack_messages();
    let channels: Vec<&str> = arrived.iter().map(|message| message.channel.as_str()).collect();
    assert_eq!(channels, ["C0IOS", "C0HEALTH", "C0HEALTH"]);
    for (message, planned) in arrived.iter().zip(&planned) {
        assert_eq!(message.payload["blocks"], planned["payload"]["blocks"]);
    }
    // The versions of the mart with more adoption than one percent, and no others.
    let rows = pump.lines("select release_version from report_sentry_rates where sentry_project_id = '6375561' and adoption_rate_user > 1");
    let table = arrived[1].payload["blocks"].as_array().unwrap().iter().find(|block| block["type"] == "table").unwrap();
    let shown: BTreeSet<String> =
        table["rows"].as_array().unwrap()[1..].iter().map(|row| row[0]["text"].as_str().unwrap().replace(" (Beta)", "")).collect();
    assert_eq!(shown, rows.into_iter().collect());

    assert!(pump.ok(&["publish", "slack", "rates"]).contains("posted before"));
    assert_eq!(simulator.slack_messages().len(), 3, "a retry posts nothing twice");
    pump.ok(&["publish", "slack", "rates", "--project", "FENIX", "--force"]);
    assert_eq!(in_channel(&simulator, "C0HEALTH").len(), 3);

    // A thread: too many requests are waited for; the third reply is refused; the retry posts what is missing.
    let before = in_channel(&simulator, "C0IOS").len();
    let status = |code, retry_after| FaultKind::Status { code, retry_after };
    simulator.script(Fault::new("chat.postMessage", status(429, Some(RetryAfter::Seconds(1)))));
    simulator.script(Fault::new("chat.postMessage", status(400, None)).after(4));
    let broken = pump.run(&["publish", "slack", "deep-dive"]);
    assert_eq!(broken.code, Some(1), "{}", broken.stderr);
    assert_eq!(in_channel(&simulator, "C0IOS").len() - before, 3);
    // Then the server breaks down with the message in hand: it may have arrived, and nobody guesses.
    simulator.script(Fault::new("chat.postMessage", status(500, None)).after(1));
    let unclear = pump.run(&["publish", "slack", "deep-dive"]);
    assert!(unclear.code == Some(1) && unclear.stderr.contains("may have arrived"), "{}", unclear.stderr);
    let refused = pump.run(&["publish", "slack", "deep-dive"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("--unsure"), "{}", refused.stderr);
    pump.ok(&["publish", "slack", "deep-dive", "--unsure", "lost"]);
    let thread: Vec<SlackMessage> = in_channel(&simulator, "C0IOS").split_off(before);
    let expected = pump.run(&["publish", "slack", "deep-dive", "--plan"]);
    let expected: Vec<Value> = expected.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["payload"].clone()).collect();
    assert_eq!(thread.len(), expected.len());
    assert!(thread.len() >= 6, "head, dashboard, rates, heading and versions of new issues, issues of GitHub: {}", thread.len());
    for (number, (message, expected)) in thread.iter().zip(&expected).enumerate() {
        assert_eq!(message.payload["blocks"], expected["blocks"], "{number}");
        assert_eq!(message.thread.as_deref(), (number > 0).then_some(thread[0].ts.as_str()), "{number}");
    }
    let rest = pump.run(&["publish", "slack", "deep-dive"]);
    assert!(rest.stderr.contains("posted before") && in_channel(&simulator, "C0IOS").len() == before + thread.len(), "{}", rest.stderr);
    no_secret(&pump, &refused);
    let recorded = pump.lines("select count(*) from latest.etl_publications where kind like 'slack%' and status = 'published'");
    assert_eq!(recorded, [(3 + thread.len()).to_string()]);
}

#[tokio::test]
async fn a_webhook_posts_the_same_and_its_address_is_told_nowhere() {
    let (simulator, mut pump) = scene(false).await;
    pump.ok(&["publish", "slack", "new-issues", "--longform"]);
    let arrived = in_channel(&simulator, "C0IOS");
    assert!(arrived.len() >= 3 && arrived.iter().all(|message| message.thread.is_none()), "{arrived:?}");
    assert!(arrived.last().unwrap().all_text().contains("Created by Mobile Test Engineering"));
    // The issues of GitHub: as many as the mart has that are open, free and new.
    pump.ok(&["publish", "slack", "github-issues", "--channel", "sandbox"]);
    let open = pump.lines(
        "select bug.github_url from report_github_bugs as bug join latest.github_issues as issue on issue.project = bug.github_project \
         and issue.issue_number = bug.github_number where bug.github_project = 'firefox-ios' and issue.state = 'open' and not issue.is_assigned",
    );
    let text: String = in_channel(&simulator, "C0SANDBOX").iter().map(SlackMessage::all_text).collect();
    assert!(open.iter().all(|url| text.contains(url.as_str())) && text.matches("• <").count() == open.len(), "{open:?}\n{text}");

    // Claims are removed when all is recorded, and nothing is posted twice for it.
    let claims = |pump: &Pump| pump.objects().into_keys().filter(|path| path.starts_with(pump.lake().join("claims"))).count();
    assert!(claims(&pump) > 3, "one for each message");
    let now = pump.replace("ETL_NOW", "2099-01-01T00:00:00Z");
    pump.ok(&["gc"]);
    assert!(claims(&pump) > 3, "they are young");
    pump.ok(&["gc", "--min-age", "0s"]);
    pump.set("ETL_NOW", now);
    assert_eq!(claims(&pump), 0);
    let posted = simulator.slack_messages().len();
    assert!(pump.ok(&["publish", "slack", "new-issues", "--longform"]).contains("posted before") && simulator.slack_messages().len() == posted);

    pump.set("SLACK_WEBHOOK_HEALTH", simulator.slack_variables(false)[1].1.replace("T0", "T1"));
    let ran = pump.run(&["publish", "slack", "rates", "--project", "fenix"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("no_service"), "{}", ran.stderr);
    no_secret(&pump, &ran);
    pump.set("SLACK_WEBHOOK_HEALTH", "");
    let posted = simulator.slack_messages().len();
    let ran = pump.run(&["publish", "slack", "rates"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("`SLACK_WEBHOOK_HEALTH`"), "{}", ran.stderr);
    assert_eq!(simulator.slack_messages().len(), posted, "nor is anything posted to the channels that can be reached");
    let ran = pump.run(&["publish", "slack", "rates", "--project", "fenixx"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("did you mean `fenix`"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_word_of_a_webhook_is_passed_on() {
    for (status, word) in [(200, "no_service"), (404, "no_team"), (410, "channel_is_archived")] {
        let router = axum::Router::new().fallback(move || async move { (axum::http::StatusCode::from_u16(status).unwrap(), word) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let (_simulator, mut pump) = scene(false).await;
        pump.set("SLACK_WEBHOOK_SANDBOX", format!("http://{address}/services/T0/B0/SecretOfTheWebhook"));
        pump.set("GITHUB_WORKFLOW", "w");
        pump.set("GITHUB_REF_NAME", "main");
        pump.set("GITHUB_RUN_ID", "1");
        let ran = pump.run(&["publish", "slack", "status", "--conclusion", "failure", "--channel", "sandbox"]);
        assert!(ran.code == Some(1) && ran.stderr.contains(word) && ran.stderr.contains("create a new webhook"), "{word}: {}", ran.stderr);
        assert!(!ran.stderr.contains("SecretOfTheWebhook"), "{}", ran.stderr);
        server.abort();
    }
}

#[tokio::test]
async fn an_incomplete_report_is_no_all_clear_and_no_green_workflow() {
    let (simulator, mut pump) = scene(true).await;
    let status = |pump: &Pump, run: &str| {
        let ran = pump.run(&[
            "publish",
            "slack",
            "status",
            "--workflow",
            &format!("Daily {run}"),
            "--log-url",
            "https://github.example/runs/1",
            "--branch",
            "main",
        ]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let last = in_channel(&simulator, "C0SANDBOX").pop().unwrap();
        (last.payload["attachments"][0]["color"].as_str().unwrap().to_owned(), last.all_text())
    };
    let (color, text) = status(&pump, "one");
    assert_eq!(color, "#36a64f", "{text}");
    // A load that failed is told until one succeeds.
    pump.at(day(0), "11:00:00");
    let nowhere = format!("sqlite:{}/nowhere/file", pump.root().display());
    assert_ne!(pump.run(&["--database", &nowhere, "load", "report_sentry_rates"]).code, Some(0));
    let (color, text) = status(&pump, "after a load");
    assert!(color == "#FF0000" && text.contains("report_sentry_rates was not loaded: "), "{color} {text}");
    pump.at(day(0), "12:00:00");
    pump.ok(&["load"]);
    assert_eq!(status(&pump, "after another").0, "#36a64f");
    // What is long past is not read: it may be of years, and another version's.
    for path in
        ["runs/date=2020-01-01/0198c0de-0000-7000-8000-000000000000.end.json", "marts/report_sentry_rates/016f5e66-e800-7000-8000-000000000000.json"]
    {
        fs_err::create_dir_all(pump.lake().join(path).parent().unwrap()).unwrap();
        fs_err::write(pump.lake().join(path), "{").unwrap();
    }
    assert_eq!(status(&pump, "with a past").0, "#36a64f");
    // That tables are loaded at all is known from the day before.
    simulator.set_day(day(1));
    pump.at(day(1), "06:00:00");
    pump.ok(&["extract", "sentry-rates"]);
    pump.ok(&["transform", "sentry-rates"]);
    let (color, text) = status(&pump, "without a load");
    assert!(color == "#FF0000" && text.contains("report_sentry_rates was computed and not loaded"), "{color} {text}");
    simulator.set_day(day(2));
    pump.at(day(2), "08:00:00");
    simulator.script(Fault::new("/sessions/?project=6375561", FaultKind::Status { code: 501, retry_after: None }).times(u32::MAX));
    let ran = pump.run(&["run", "sentry-rates"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let ran = pump.run(&["publish", "slack", "rates", "--shortform"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let health = in_channel(&simulator, "C0HEALTH");
    let (fenix, beta) = (health[0].all_text(), health[1].all_text());
    assert!(fenix.contains("*Incomplete:*") && fenix.contains("sentry_sessions of fenix") && !fenix.contains("Crash-Free"), "{fenix}");
    assert!(!beta.contains("*Incomplete:*") && beta.contains("Crash-Free"), "{beta}");
    let alert = in_channel(&simulator, "C0SANDBOX").pop().unwrap().all_text();
    assert!(alert.contains("rates fenix") && alert.contains("is incomplete"), "{alert}");
    let (color, text) = status(&pump, "two");
    assert!(color == "#FFA500" && text.contains("sentry-rates") && text.contains("sentry_sessions of fenix"), "{color} {text}");
    // Nothing at all comes: the report failed.
    simulator.set_day(day(3));
    pump.at(day(3), "08:00:00");
    simulator.script(Fault::new("/sentry/", FaultKind::Status { code: 501, retry_after: None }).times(u32::MAX));
    pump.run(&["run", "sentry-rates"]);
    let (color, text) = status(&pump, "three");
    assert!(color == "#FF0000" && text.contains("sentry-rates"), "{color} {text}");
}

/// Between a major release and the first beta of the next one the beta channel has no live version.
#[tokio::test]
async fn a_channel_without_a_live_release_is_no_gap_and_what_is_not_known_is_one() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["sentry", "whattrainisitnow", "etl"]);
    for (name, value) in simulator.slack_variables(true) {
        pump.set(name, value);
    }
    let rates = |pump: &Pump, code: i32| {
        let ran = pump.run(&["publish", "slack", "rates", "--project", "fenix-beta", "--force"]);
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        in_channel(&simulator, "C0HEALTH").pop().unwrap().all_text()
    };
    let on = |pump: &mut Pump, number: u64, time: &str| {
        let day = Scale::demo().first_day + Days::new(number);
        simulator.set_day(day);
        pump.at(day, time);
        day
    };
    // Three days before the release the beta is live: its sessions are read, and grow old from then on.
    on(&mut pump, 4, "08:00:00");
    pump.ok(&["extract", "report_sentry_rates"]);
    let today = on(&mut pump, 8, "08:00:00");
    pump.ok(&["run", "sentry-rates", "sentry-unhandled-issues"]);
    let text = rates(&pump, 0);
    assert!(text.contains(":warning: No data available: no release is live") && !text.contains("Incomplete"), "{text}");
    assert!(text.contains(&format!("Data as of {today} 08:00")), "what is not asked any more makes nothing old: {text}");
    pump.ok(&["publish", "slack", "new-issues", "--project", "fenix-beta", "--channel", "product-health"]);
    let text = in_channel(&simulator, "C0HEALTH").pop().unwrap().all_text();
    assert!(text.contains("No live version is known"), "{text}");
    assert!(in_channel(&simulator, "C0SANDBOX").is_empty(), "no alert");
    // Nobody knows what is live where the list of releases or the trains were not read, or say nothing.
    for (time, path, kind, part) in [
        ("09:00:00", "/releases/?project=6295551", FaultKind::Status { code: 501, retry_after: None }, "sentry_releases of fenix-beta"),
        ("10:00:00", "/trains/api/firefox/releases/future/", FaultKind::MissingArray, "the release trains name no coming version"),
    ] {
        on(&mut pump, 8, time);
        simulator.script(Fault::new(path, kind));
        pump.run(&["extract", "report_sentry_rates"]);
        let text = rates(&pump, 3);
        assert!(text.contains("*Incomplete:*") && text.contains(part) && !text.contains("No data"), "{text}");
    }
    on(&mut pump, 8, "11:00:00");
    pump.ok(&["extract", "report_sentry_rates"]);
    rates(&pump, 0);
    // The first beta is there, and its sessions were not read.
    on(&mut pump, 11, "08:00:00");
    pump.ok(&["extract", "sentry_releases", "whattrainisitnow_releases", "whattrainisitnow_future_releases"]);
    let text = rates(&pump, 3);
    assert!(text.contains("sentry_sessions of fenix-beta was last pulled at"), "{text}");
}

#[tokio::test]
async fn exports_have_their_columns_and_names() {
    let (simulator, mut pump) = scene(false).await;
    let out = pump.root().join("out");
    let out = out.to_str().unwrap();
    // An export whose mart was never computed holds up no other.
    let ran = pump.run(&["publish", "csv", "--project", "fenix", "-o", out]);
    assert!(ran.code == Some(4) && ran.stderr.contains("`report_sentry_issues` was never computed"), "{}", ran.stderr);
    assert!(ran.stdout.contains("sentry_rates.csv") && ran.stdout.contains("github_new_bugs_fenix"), "{}", ran.stdout);
    pump.ok(&["run", "sentry-issues"]);
    pump.ok(&["publish", "csv", "--project", "fenix", "-o", out]);
    pump.ok(&["publish", "csv", "sentry-rates", "--upload", out]);
    let read = |name: &str| fs_err::read_to_string(format!("{out}/{name}")).unwrap();
    let rates = read("sentry_rates.csv");
    assert!(rates.starts_with("crash_free_rate_user,crash_free_rate_session,adoption_rate_user,release_version,created_at,sentry_project_id\n"));
    assert_eq!(rates.lines().count() - 1, pump.lines("select 1 from report_sentry_rates where sentry_project_id = '6375561'").len());
    assert_eq!(read("sentry/fenix/sentry_rates.csv"), rates);
    assert!(read(&format!("github_new_bugs_fenix_{}.csv", day(0))).starts_with("number,title,url,created_at,user\n"));
    assert!(
        read("sentry_unhandled_issues_fenix.csv")
            .starts_with("sentry_id,culprit,title,count,user_count,release_version,permalink,short_id,sentry_project_id\n")
    );
    for version in pump.lines("select distinct release_version from report_sentry_issues where sentry_project_id = '6375561'") {
        assert!(read(&format!("sentry_issues_fenix_{version}.csv")).lines().count() > 1);
    }
    let ran = pump.run(&["publish", "csv", "sentry-rates", "-o", out]);
    assert!(ran.code == Some(2) && ran.stderr.contains("about one project"), "{}", ran.stderr);
    // A file cannot say that it is incomplete; the command does, for those whom it concerns.
    pump.at(day(0), "12:00:00");
    simulator.script(Fault::new("/sessions/?project=6375561", FaultKind::Status { code: 501, retry_after: None }).times(u32::MAX));
    assert_eq!(pump.run(&["run", "sentry-rates"]).code, Some(3));
    pump.ok(&["publish", "csv", "sentry-rates", "--project", "firefox-ios", "-o", out]);
    let ran = pump.run(&["publish", "csv", "sentry-rates", "--project", "fenix", "-o", out]);
    assert!(
        ran.code == Some(3) && ran.stdout.contains("sentry_rates.csv") && ran.stderr.contains("`report_sentry_rates` may be out of date"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
}
