//! TestRail API v2: credentials, methods, paging.

mod cases;
mod milestones;
mod plans;
mod projects;
mod results;
mod tally;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    TESTRAIL_PASSWORD, TESTRAIL_USER,
    answer::Answer,
    fault::Paging,
    json::{Object, Style, Value},
    query::Query,
    world::{Kind, Today},
};
use cases::Cases;
pub(super) use cases::cases_of_project;
use milestones::Milestone;
use plans::{Plan, Run};
use projects::{PROJECTS, Project};
use results::Test;

/// Records on a page at most, and where `limit` is not given.
const LIMIT: u64 = 250;

/// One request to TestRail.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) kind: &'a Kind,
    /// The day of a seeded world.
    pub(super) day: i64,
    /// What stands after `index.php?`.
    pub(super) query: &'a str,
    pub(super) authorization: Option<&'a str>,
    /// Whether a list may shift by one record between two pages.
    pub(super) duplicates: bool,
    pub(super) paging: Paging,
}

/// A list before it is cut into pages.
struct Listing<'a> {
    name: &'static str,
    len: u64,
    write: Box<dyn Fn(u64) -> Vec<u8> + 'a>,
}

/// The answer to `call`.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    if !authorized(call.authorization) {
        return refusal(401, "Authentication failed: invalid or missing user/password or session cookie.");
    }
    let Some(rest) = call.query.strip_prefix("/api/v2/").or_else(|| call.query.strip_prefix("%2Fapi%2Fv2%2F")) else {
        return refusal(404, "No API method given: expected index.php?/api/v2/<method>");
    };
    let (method, filters) = rest.split_once('&').unwrap_or((rest, ""));
    let method = method.replace("%2F", "/");
    match call.kind {
        Kind::Recorded(recorded) => match recorded.testrail_answer(&method, filters) {
            Some(answer) => answer,
            None => refusal(400, &format!("Field :id is not a valid id ({method} was not recorded).")),
        },
        Kind::Seeded(world) => {
            let today = Today { world, day: call.day };
            let (name, id) = method.split_once('/').unwrap_or((&method, ""));
            seeded(call, today, name, id, filters).unwrap_or_else(|refused| *refused)
        }
    }
}

fn seeded(call: &Call<'_>, today: Today<'_>, method: &str, id: &str, filters: &str) -> Result<Answer, Box<Answer>> {
    let query = Query::parse(filters);
    let number = || id.parse::<u64>().ok();
    let project = || number().and_then(projects::project).ok_or_else(|| invalid("project_id", "project"));
    let listing = match method {
        "get_projects" => projects_list(),
        "get_suites" => suites(today, project()?),
        "get_cases" => cases(today, project()?, &query)?,
        "get_plans" => plans(today, project()?, &query),
        "get_runs" => runs(today, project()?, &query),
        "get_milestones" => milestones(today, project()?, &query),
        "get_users" => users(today, project()?),
        "get_tests" => {
            let run = number().and_then(|id| Run::find(today, id)).ok_or_else(|| invalid("run_id", "test run"))?;
            list("tests", Test::of_run(run), |test| written(test.record(), Style::Php))
        }
        "get_results_for_run" => {
            let run = number().and_then(|id| Run::find(today, id)).ok_or_else(|| invalid("run_id", "test run"))?;
            let mut all: Vec<_> = Test::of_run(run).iter().flat_map(Test::results).collect();
            // The newest first.
            all.sort_by_key(|result| std::cmp::Reverse((result.at, result.id())));
            list("results", all, |result| written(result.record(), Style::Php))
        }
        "get_plan" => {
            let plan = number().and_then(|id| Plan::find(today, id)).ok_or_else(|| invalid("plan_id", "test plan"))?;
            return Ok(Answer::value(&Value::Object(plan.detail()), plan.style()));
        }
        "get_milestone" => {
            let found = number().and_then(|id| Milestone::find(today, id));
            let milestone = found.ok_or_else(|| invalid("milestone_id", "milestone"))?;
            return Ok(Answer::value(&Value::Object(milestone.detail()), milestone.style()));
        }
        _ => return Err(refusal(404, &format!("Unknown method '{method}'")).into()),
    };
    page(call, today, &listing, &query)
}

fn projects_list<'a>() -> Listing<'a> {
    let write = |place: u64| written(PROJECTS[place as usize].record(), Style::Php);
    Listing { name: "projects", len: PROJECTS.len() as u64, write: Box::new(write) }
}

fn suites<'a>(today: Today<'a>, project: &'static Project) -> Listing<'a> {
    let all: Vec<_> = project.suites_on(today.day).collect();
    list("suites", all, move |(id, suite)| written(suite.record(*id, project, today), Style::Php))
}

fn cases<'a>(today: Today<'a>, project: &'static Project, query: &Query) -> Result<Listing<'a>, Box<Answer>> {
    let wanted = query.get("suite_id").ok_or_else(|| refusal(400, "Field :suite_id is a required field."))?;
    let known = project.suites_on(today.day).find(|(id, _)| id.to_string() == wanted);
    let (suite_id, _) = known.ok_or_else(|| invalid("suite_id", "test suite"))?;
    let cases = Cases::of_suite(today, suite_id);
    let bytes = move |number| {
        let mut out = Vec::new();
        cases.write(number, &mut out);
        out
    };
    Ok(match cases.filtered(query) {
        Some(numbers) => list("cases", numbers, move |number| bytes(*number)),
        None => {
            let listed = cases.listed();
            Listing { name: "cases", len: listed.len(), write: Box::new(move |place| bytes(listed.number(place))) }
        }
    })
}

fn plans<'a>(today: Today<'a>, project: &'static Project, query: &Query) -> Listing<'a> {
    let filter = Filter::of(query);
    let mut all = plans::plans(today, project);
    all.retain(|plan| filter.holds(plan.created_on(), plan.created_by(), plan.is_completed()));
    if let Some(id) = query.get("milestone_id") {
        all.retain(|plan| plan.milestone_id().is_some_and(|own| own.to_string() == id));
    }
    list("plans", all, |plan| written(plan.record(), plan.style()))
}

fn runs<'a>(today: Today<'a>, project: &'static Project, query: &Query) -> Listing<'a> {
    let filter = Filter::of(query);
    let suites = query.words("suite_id");
    let mut all = plans::lone_runs(today, project);
    all.retain(|run| filter.holds(run.created_on(), run.created_by(), run.is_completed()));
    if !suites.is_empty() {
        all.retain(|run| run.suite_id().is_some_and(|id| suites.contains(&id.to_string())));
    }
    if let Some(milestone) = query.number("milestone_id") {
        // Which runs belong to a milestone is not part of the story: some do.
        all.retain(|run| (run.id.cast_signed() + milestone) % 4 == 0);
    }
    list("runs", all, |run| written(run.record(), run.style()))
}

fn milestones<'a>(today: Today<'a>, project: &'static Project, query: &Query) -> Listing<'a> {
    let (completed, started) = (truth(query, "is_completed"), truth(query, "is_started"));
    let mut all = milestones::milestones(today, project);
    all.retain(|one| completed.is_none_or(|wanted| wanted == one.is_completed()));
    all.retain(|one| started.is_none_or(|wanted| wanted == one.is_started()));
    list("milestones", all, |one| written(one.record(), one.style()))
}

fn users<'a>(today: Today<'a>, project: &'static Project) -> Listing<'a> {
    let all = results::users(|id| today.world.dice("testrail user", id), project.id);
    list("users", all, |user| written(user.clone(), Style::Php))
}

fn list<'a, T: 'a>(name: &'static str, all: Vec<T>, write: impl Fn(&T) -> Vec<u8> + 'a) -> Listing<'a> {
    Listing { name, len: all.len() as u64, write: Box::new(move |place| write(&all[place as usize])) }
}

/// Cuts one page out of a list and puts the envelope around it.
fn page(call: &Call<'_>, today: Today<'_>, listing: &Listing<'_>, query: &Query) -> Result<Answer, Box<Answer>> {
    let limit = match query.get("limit") {
        None => LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=LIMIT).contains(limit))
            .ok_or_else(|| refusal(400, "Field :limit is not valid: must be between 1 and 250."))?,
    };
    let limit = if let Paging::Capped(most) = call.paging { limit.min(u64::from(most)) } else { limit };
    let offset = query.number("offset").map_or(0, |offset| offset.max(0).cast_unsigned());
    let target = link_base(call.query);
    // As when a record is added at the head after the first page was read: all later pages move by one, and the last
    // record of the first page comes again. Nothing is lost.
    let dice = today.world.dice("shifting list", today.day.cast_unsigned()).part(&target, limit);
    let shift = u64::from(call.duplicates && listing.len > limit && dice.one_in("shifts", 2));
    let len = listing.len + shift;
    let first = match call.paging {
        Paging::Plain | Paging::Capped(_) => offset,
        Paging::Endless => 0,
        Paging::Repeated => offset.saturating_sub(limit),
    };
    let end = len.min(first.saturating_add(limit));
    let places = (first..end).map(|place| if place < limit { place } else { place - shift });
    let more = offset.saturating_add(limit) < len || call.paging == Paging::Endless;
    let link = |offset: u64| format!("\"{target}&limit={limit}&offset={offset}\"");
    let next = if more { link(offset + limit) } else { "null".to_owned() };
    let previous = if offset == 0 { "null".to_owned() } else { link(offset.saturating_sub(limit)) };
    let size = end.saturating_sub(first);
    let head = format!(r#"{{"offset":{offset},"limit":{limit},"size":{size},"_links":{{"next":{next},"prev":{previous}}}"#);
    Ok(Answer::envelope(&head, listing.name, places.map(|place| (listing.write)(place))))
}

/// The request as `_links` repeats it: without `index.php?`, without its place in the list.
fn link_base(query: &str) -> String {
    let kept = query.split('&').filter(|part| !part.starts_with("limit=") && !part.starts_with("offset="));
    kept.collect::<Vec<_>>().join("&").replace('"', "%22")
}

fn authorized(header: Option<&str>) -> bool {
    let expected = BASE64_STANDARD.encode(format!("{TESTRAIL_USER}:{TESTRAIL_PASSWORD}"));
    header.and_then(|header| header.strip_prefix("Basic ")).is_some_and(|given| given == expected)
}

/// An error as TestRail words it.
pub(super) fn refusal(status: u16, message: &str) -> Answer {
    let body = Value::Object(vec![("error".into(), message.to_owned().into())]);
    Answer { status, ..Answer::value(&body, Style::Compact) }
}

fn invalid(field: &str, what: &str) -> Box<Answer> {
    let accessible = if what == "project" { "valid or accessible" } else { "valid" };
    refusal(400, &format!("Field :{field} is not a {accessible} {what}.")).into()
}

fn written(record: Object, style: Style) -> Vec<u8> {
    let mut out = Vec::new();
    Value::Object(record).write(style, &mut out);
    out
}

fn truth(query: &Query, name: &str) -> Option<bool> {
    query.get(name).map(|text| matches!(text, "1" | "true"))
}

/// The filters that plans and runs share.
struct Filter {
    created: Window,
    creators: Vec<String>,
    completed: Option<bool>,
}

impl Filter {
    fn of(query: &Query) -> Self {
        Self {
            created: Window::of(query, "created_after", "created_before"),
            creators: query.words("created_by"),
            completed: truth(query, "is_completed"),
        }
    }

    fn holds(&self, created_on: i64, created_by: u64, completed: bool) -> bool {
        self.created.holds(created_on)
            && (self.creators.is_empty() || self.creators.contains(&created_by.to_string()))
            && self.completed.is_none_or(|wanted| wanted == completed)
    }
}

/// A span of time, both ends excluded: whether TestRail includes them is not documented, so a reader must not count on it.
#[derive(Clone, Copy, Debug)]
struct Window {
    after: Option<i64>,
    before: Option<i64>,
}

impl Window {
    fn of(query: &Query, after: &str, before: &str) -> Self {
        Self { after: query.number(after), before: query.number(before) }
    }

    fn is_open(self) -> bool {
        self.after.is_none() && self.before.is_none()
    }

    fn holds(self, seconds: i64) -> bool {
        self.after.is_none_or(|after| after < seconds) && self.before.is_none_or(|before| seconds < before)
    }
}
