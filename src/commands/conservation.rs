//! Where rows went, in one line per endpoint and table: recorded in the lake, and part of a job's summary.

use super::context::Context;
use crate::{
    events::Event,
    extract::PullSummary,
    lake::{Census, Flow, Held, Outcome, Pulled, Step, Steps},
    load::TableSummary,
    names::{count, grouped},
    term::{Cell, Report, Rows},
    transform::{self, State},
};

/// Characters of a clause in a summary.
const CLAUSE: usize = 48;

/// Clauses that are named in a summary.
const CLAUSES: usize = 6;

/// Writes down what the run moved, if it moved anything, and shows it in the report.
pub(super) async fn record(context: &Context, mut flow: Flow, report: &mut Report) {
    if flow.is_empty() {
        return;
    }
    flow.finished = context.settings.clock.now();
    report.conservation = summary(&flow);
    // It is for people: a run that did its work does not fail because this could not be written.
    if let Err(error) = context.lake.record_flow(&flow).await {
        context.observer.on(&Event::Warning(format!("where rows went is not recorded: {error}")));
    }
}

/// Adds the pulls of an extract.
pub(super) fn add_pulls(flow: &mut Flow, pulls: &[PullSummary]) {
    for pull in pulls {
        let first = !flow.pulled.contains_key(&pull.endpoint);
        let known = flow.pulled.entry(pull.endpoint.clone()).or_insert_with(|| Pulled { expected: Some(0), ..Pulled::default() });
        let counts = matches!(pull.outcome, Some(Outcome::Complete | Outcome::Partial));
        known.pulls += u64::from(counts);
        known.failed += if pull.outcome == Some(Outcome::Partial) { pull.partitions_failed } else { u64::from(pull.failed()) };
        known.fetched += pull.records;
        known.landed += if counts { pull.records } else { 0 };
        known.expected = if first && pull.outcome.is_none() { None } else { known.expected.zip(pull.expected).map(|(all, one)| all + one) };
    }
}

/// Adds what a transform counted.
pub(super) fn add_models(flow: &mut Flow, summary: &transform::Summary) {
    flow.census.extend(summary.census.clone());
    for model in &summary.models {
        if model.state == State::Failed {
            let error = model.error.as_ref().map(ToString::to_string);
            let rows = flow.marts.get(&model.model).map_or(0, |steps| steps.rows);
            flow.marts.insert(model.model.clone(), Steps { rows, error, ..Steps::default() });
        } else if let Some(steps) = &model.steps {
            flow.marts.insert(model.model.clone(), steps.clone());
        }
    }
}

/// Adds what a load did to tables that it changed, or could not change.
pub(super) fn add_tables(flow: &mut Flow, tables: &[TableSummary]) {
    for table in tables {
        if table.held.is_none() && table.error.is_none() {
            continue;
        }
        let (owned, foreign) = table.held.unwrap_or_default();
        let held = Held {
            transform_id: table.manifest.unwrap_or_default(),
            inserted: table.inserted,
            updated: table.updated,
            deleted: table.deleted,
            unchanged: table.unchanged,
            blocked: table.blocked,
            owned,
            foreign,
            cuts: table.cuts.iter().cloned().collect(),
            error: table.error.as_ref().map(ToString::to_string),
        };
        flow.tables.insert(table.table.clone(), held);
    }
}

/// One line per endpoint and table.
pub(super) fn summary(flow: &Flow) -> Rows {
    let mut rows = Rows::new(["node", "expected", "landed", "keys", "latest", "mart", "in table", "where rows went"]);
    let endpoints: std::collections::BTreeSet<&String> = flow.pulled.keys().chain(flow.census.keys()).collect();
    for name in endpoints {
        let (pulled, census) = (flow.pulled.get(name), flow.census.get(name));
        rows.push([
            Cell::from(name.as_str()),
            pulled.and_then(|pulled| pulled.expected).into(),
            pulled.map(|pulled| pulled.landed).or(census.map(|census| census.landed)).into(),
            census.map(|census| census.keys).into(),
            census.map(|census| census.latest).into(),
            Cell::Null,
            Cell::Null,
            endpoint_story(pulled, census).join("; ").into(),
        ]);
    }
    let tables: std::collections::BTreeSet<&String> = flow.marts.keys().chain(flow.tables.keys()).collect();
    for name in tables {
        let (mart, held) = (flow.marts.get(name), flow.tables.get(name));
        let in_mart = mart.filter(|mart| mart.error.is_none()).map(|mart| mart.rows).or(held.map(|held| held.of_mart() + held.blocked));
        rows.push([
            Cell::from(name.as_str()),
            Cell::Null,
            Cell::Null,
            Cell::Null,
            Cell::Null,
            in_mart.into(),
            held.filter(|held| held.error.is_none()).map(Held::of_mart).into(),
            mart_story(name, mart).into_iter().chain(table_story(held)).collect::<Vec<_>>().join("; ").into(),
        ]);
    }
    rows.without_empty_columns(&["expected", "landed", "keys", "latest", "mart", "in table"])
}

fn endpoint_story(pulled: Option<&Pulled>, census: Option<&Census>) -> Vec<String> {
    let mut story = Vec::new();
    if let Some(pulled) = pulled {
        if pulled.failed > 0 {
            story.push(format!("{} failed", count(pulled.failed, "pull or partition").replace("pull or partitions", "pulls or partitions")));
        }
        if pulled.fetched > pulled.landed {
            story.push(format!("-{} in failed pulls", grouped(pulled.fetched - pulled.landed)));
        }
    }
    if let Some(census) = census {
        if census.landed > census.keys {
            story.push(format!("-{} read twice", grouped(census.landed - census.keys)));
        }
        if census.latest != census.keys {
            let (ever, replaced, older) = (grouped(census.ever), grouped(census.replaced), grouped(census.older));
            story.push(format!("of {ever} landed so far {replaced} replaced, {older} older"));
        }
    }
    story
}

/// The clauses of a mart's query that changed the number of rows.
fn mart_story(name: &str, mart: Option<&Steps>) -> Vec<String> {
    let Some(mart) = mart else { return Vec::new() };
    if let Some(error) = &mart.error {
        return vec![format!("not published: {error}")];
    }
    let changing: Vec<&Step> = mart.steps.iter().filter(|step| step.change.is_some_and(|change| change != 0)).collect();
    let mut story: Vec<String> = changing.iter().take(CLAUSES).map(|step| clause(name, step)).collect();
    if changing.len() > CLAUSES {
        story.push(format!("{} more", changing.len() - CLAUSES));
    }
    if let Some(day) = mart.day {
        story.push(format!("steps of {day}, rows of all days"));
    }
    story
}

fn clause(name: &str, step: &Step) -> String {
    let place = step.of.strip_prefix(name).map_or(step.of.as_str(), |rest| rest.trim_start_matches([':', ',', ' ']));
    let text = step.clause.split(" on ").next().unwrap_or_default();
    let text: String = match text.char_indices().nth(CLAUSE) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    };
    let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    format!("{} {place}{text}", signed(step.change.unwrap_or_default()))
}

fn table_story(held: Option<&Held>) -> Vec<String> {
    let Some(held) = held else { return Vec::new() };
    if let Some(error) = &held.error {
        return vec![format!("not loaded: {error}")];
    }
    let mut story = Vec::new();
    for (number, what) in
        [(-held.blocked.cast_signed(), "blocked"), (held.kept().cast_signed(), "kept of earlier marts"), (held.foreign.cast_signed(), "not owned")]
    {
        if number != 0 {
            story.push(format!("{} {what}", signed(number)));
        }
    }
    story.extend(held.cuts.iter().map(|(column, number)| format!("{} cut in {column}", count(*number, "text"))));
    story
}

/// `+12`, `-1,345`.
fn signed(number: i64) -> String {
    format!("{}{}", if number < 0 { "-" } else { "+" }, grouped(number.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_rows_went() {
        let mut flow = Flow::of(uuid::Uuid::nil(), chrono::DateTime::UNIX_EPOCH, "run");
        flow.pulled.insert("a_things".to_owned(), Pulled { pulls: 2, failed: 1, expected: Some(1_990), fetched: 1_990, landed: 1_900 });
        let census = Census { landed: 1_900, keys: 1_895, ever: 5_000, replaced: 3_000, older: 5, latest: 1_995, ..Census::default() };
        flow.census.insert("a_things".to_owned(), census);
        let step = |of: &str, clause: &str, rows, change| Step { of: of.to_owned(), clause: clause.to_owned(), rows, change };
        let steps = vec![
            step("report_a: things", "from latest.a_things", 1_995, None),
            step("report_a: things", "join projects on (x = y)", 1_995, Some(0)),
            step("report_a: things", "where (NOT is_deleted)", 1_600, Some(-395)),
            step("report_a", "from things", 1_600, None),
            step("report_a", "group by", 1_120, Some(-480)),
        ];
        flow.marts.insert("report_a".to_owned(), Steps { steps, rows: 1_120, ..Steps::default() });
        let held = Held { inserted: 1_115, blocked: 5, owned: 1_120, foreign: 7, cuts: [("title".to_owned(), 1)].into(), ..Held::default() };
        flow.tables.insert("report_a".to_owned(), held);
        insta::assert_snapshot!(summary(&flow).to_markdown(), @r"
        | node | expected | landed | keys | latest | mart | in table | where rows went |
        | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
        | a_things | 1,990 | 1,900 | 1,895 | 1,995 |  |  | 1 pull or partition failed; -90 in failed pulls; -5 read twice; of 5,000 landed so far 3,000 replaced, 5 older |
        | report_a |  |  |  |  | 1,120 | 1,115 | -395 things: where (NOT is_deleted); -480 group by; -5 blocked; +5 kept of earlier marts; +7 not owned; 1 text cut in title |
        ");
    }
}
