//! Bitrise's API v0.1: the builds of one app.

use super::{
    BITRISE_APP, BITRISE_TOKEN,
    answer::Answer,
    apis::Call,
    calendar::{Day, appeared, appears, iso},
    json::{Object, Style, Value},
    oddity::{Oddity, style},
    random::Dice,
    world::Today,
};

/// Days that are listed.
const LISTED: Day = 200;
/// Most builds on a page.
const PAGE: i64 = 50;

const WORKFLOWS: [&str; 4] = ["RunTests", "Firefox_build", "SPM_Nightly", "RunSmokeTests"];
const BRANCHES: [&str; 5] = ["main", "main", "release/v143.0", "epic-branch/tabs-🗂️", "mergify/bp/release/v142"];

/// Answers below `/bitrise/v0.1/`.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    // No scheme word before the token.
    if call.authorization != Some(BITRISE_TOKEN) {
        return Answer::json(401, r#"{"message":"Unauthorized"}"#);
    }
    if call.path != format!("apps/{BITRISE_APP}/builds") {
        return Answer::json(404, r#"{"message":"Not Found"}"#);
    }
    let after = call.query.number("after").unwrap_or(i64::MIN);
    let before = call.query.number("before").unwrap_or(i64::MAX);
    let mut builds: Vec<Build> = Build::listed(call.today).filter(|build| after < build.triggered && build.triggered < before).collect();
    builds.sort_by_key(|build| std::cmp::Reverse((build.triggered, build.number)));
    let limit = call.query.number("limit").unwrap_or(PAGE).clamp(1, PAGE).unsigned_abs() as usize;
    let from = match call.query.get("next") {
        None => 0,
        Some(slug) => match builds.iter().position(|build| build.slug() == slug) {
            Some(from) => from,
            None => return Answer::json(400, r#"{"message":"Invalid parameter: next"}"#),
        },
    };
    let mut paging: Object = vec![("total_item_count".into(), (builds.len() as u64).into()), ("page_item_limit".into(), (limit as u64).into())];
    // The first build of the next page; absent on the last one.
    if let Some(next) = builds.get(from + limit) {
        paging.push(("next".into(), next.slug().into()));
    }
    let mut head = b"{\"paging\":".to_vec();
    Value::Object(paging).write(Style::Compact, &mut head);
    let page = builds.iter().skip(from).take(limit).map(|build| build.written(call.today));
    Answer::envelope(&String::from_utf8_lossy(&head), "data", page)
}

struct Build {
    number: u64,
    dice: Dice,
    triggered: i64,
    /// The day on which it ends.
    ends: Day,
}

impl Build {
    /// What was triggered in the last 200 days.
    fn listed(today: Today<'_>) -> impl Iterator<Item = Build> {
        let scale = &today.world.scale;
        let first = appeared(today.day - LISTED - 1, scale.builds, scale.builds_weekly);
        (first..appeared(today.day, scale.builds, scale.builds_weekly)).map(move |number| {
            let dice = today.world.dice("bitrise build", number);
            let day = appears(number, scale.builds, scale.builds_weekly);
            // One in six goes on until the next day, one in forty is on hold for some more.
            let ends = match (dice.one_in("on hold", 40), dice.one_in("long", 6)) {
                (true, _) => day + dice.between("held for", 2, 5).cast_signed(),
                (_, true) => day + 1,
                _ => day,
            };
            Build { number, dice, triggered: today.world.calendar().seconds(day, dice, "triggered"), ends }
        })
    }

    fn slug(&self) -> String {
        let part = |name: &str, bits: u32| self.dice.below(name, 1 << bits);
        format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", part("a", 32), part("b", 16), part("c", 12), part("d", 12), part("e", 48))
    }

    fn written(&self, today: Today<'_>) -> Vec<u8> {
        let dice = self.dice;
        let held = dice.one_in("on hold", 40);
        let finished = self.ends <= today.day;
        let (status, text) = match dice.below("outcome", 20) {
            _ if !finished => (0_u64, if held { "on-hold" } else { "in-progress" }),
            0..=13 => (1, "success"),
            14..=17 => (2, "error"),
            18 => (3, "aborted"),
            _ => (4, "aborted"),
        };
        let started = (!held || finished).then_some(self.triggered + 20);
        let ended = finished.then(|| {
            let latest = today.world.calendar().now(self.ends);
            (self.triggered + dice.between("seconds", 300, 5400).cast_signed() + (self.ends - today.world.calendar().day_of(self.triggered)) * 86_400)
                .min(latest)
                .max(self.triggered + 60)
        });
        let branch = dice.pick("branch", &BRANCHES);
        let workflow = dice.pick("workflow", &WORKFLOWS);
        let oddity = Oddity::of(dice, today.world.scale.odd_one_in);
        let time = |seconds: Option<i64>| Value::from(seconds.map(iso));
        let mut record: Object = vec![
            ("triggered_at".into(), iso(self.triggered).into()),
            ("started_on_worker_at".into(), time(started)),
            ("environment_prepare_finished_at".into(), time(started.map(|seconds| seconds + 5))),
            ("finished_at".into(), time(ended)),
            ("slug".into(), self.slug().into()),
            ("status".into(), status.into()),
            ("status_text".into(), text.into()),
            ("abort_reason".into(), (status == 3).then_some("Build timed out").into()),
            ("is_on_hold".into(), (held && !finished).into()),
            ("is_processed".into(), finished.into()),
            ("is_status_sent".into(), finished.into()),
            ("branch".into(), branch.into()),
            ("build_number".into(), (self.number + 1).into()),
            ("commit_hash".into(), Value::Null),
            ("commit_message".into(), oddity.text("Bug 1900000 - Fix the tabs".to_owned())),
            ("tag".into(), Value::Null),
            ("triggered_workflow".into(), workflow.into()),
            ("triggered_by".into(), dice.pick("by", &["webhook-github/mozilla-mobile", "scheduler", "manual-ana"]).into()),
            ("machine_type_id".into(), "g2.mac.large".into()),
            ("stack_identifier".into(), "osx-xcode-16.4.x".into()),
            ("original_build_params".into(), Value::Object(vec![("branch".into(), branch.into()), ("workflow_id".into(), workflow.into())])),
            ("pipeline_workflow_id".into(), Value::Null),
            ("pull_request_id".into(), dice.below("pull request", 30_000).into()),
            ("pull_request_target_branch".into(), Value::Null),
            ("pull_request_view_url".into(), Value::Null),
            ("commit_view_url".into(), Value::Null),
            ("credit_cost".into(), finished.then(|| dice.between("credits", 1, 60)).into()),
        ];
        oddity.thin_out(&mut record, &["commit_message", "tag", "triggered_by"]);
        let mut out = Vec::new();
        Value::Object(record).write(style(dice, Style::Compact), &mut out);
        out
    }
}
