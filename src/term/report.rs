//! What a run did, as tables for people and for a GitHub job's summary.

use std::collections::BTreeMap;

use super::{Cell, ModelLine, PullLine, Rows, TableLine, Verdict, color::tame, units};
use crate::names;

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The command as the summary's heading names it: `etl run`.
    pub title: String,
    /// In order.
    pub pulls: Vec<PullLine>,
    /// In order.
    pub models: Vec<ModelLine>,
    /// In order.
    pub tables: Vec<TableLine>,
    /// Tables and models that show an older state because something they need failed.
    pub stale: Vec<String>,
    /// Reports that show an older state, or only a part, with what is known of that: one line each.
    pub stale_reports: BTreeMap<String, String>,
    /// What to do about the problems: each thing once, in their order.
    pub hints: Vec<String>,
    /// Where rows went, one line per endpoint and table; part of a job's summary only.
    pub conservation: Rows,
    /// What was exchanged with the bucket that holds the lake.
    pub lake: Option<String>,
    /// The whole run.
    pub seconds: f64,
    /// Its stages, in order.
    pub stages: Vec<(&'static str, f64)>,
}

impl Report {
    /// Adds what to do about a failure, unless it was said already.
    pub fn hint(&mut self, remedy: Option<&str>) {
        if let Some(remedy) = remedy.filter(|remedy| !self.hints.iter().any(|said| said == remedy)) {
            self.hints.push(remedy.to_owned());
        }
    }

    /// The pulls as rows.
    pub fn pull_rows(&self) -> Rows {
        let mut rows = Rows::new(["endpoint", "scope", "expected", "fetched", "stop", "requests", "retries", "bytes", "time", "verdict"]);
        for pull in &self.pulls {
            rows.push([
                pull.endpoint.as_str().into(),
                scope(&pull.scope).into(),
                pull.expected.map_or(Cell::from(""), Cell::from),
                pull.records.into(),
                pull.stop.as_str().into(),
                pull.requests.into(),
                pull.retries.into(),
                units::bytes(pull.bytes).into(),
                units::seconds(pull.seconds).into(),
                pull.verdict.name().into(),
            ]);
        }
        rows.without_empty_columns(&["expected", "retries"])
    }

    /// The models as rows.
    pub fn model_rows(&self) -> Rows {
        let mut rows = Rows::new(["model", "rows", "state", "inputs", "time", "verdict"]);
        for model in &self.models {
            rows.push([
                model.model.as_str().into(),
                model.rows.into(),
                model.state.as_str().into(),
                Cell::from(model.inputs.as_deref().unwrap_or_default()),
                units::seconds(model.seconds).into(),
                model.verdict.name().into(),
            ]);
        }
        rows.without_empty_columns(&["inputs"])
    }

    /// The tables as rows. A plan has the same columns.
    pub fn table_rows(&self) -> Rows {
        let mut rows = Rows::new(["table", "insert", "update", "delete", "unchanged", "blocked", "as of", "inputs", "verdict"]);
        for table in &self.tables {
            rows.push([
                table.table.as_str().into(),
                table.inserted.into(),
                table.updated.into(),
                table.deleted.into(),
                table.unchanged.into(),
                table.blocked.into(),
                Cell::from(table.as_of.as_deref()),
                Cell::from(table.inputs.as_deref().unwrap_or_default()),
                table.verdict.name().into(),
            ]);
        }
        rows.without_empty_columns(&["blocked", "as of", "inputs"])
    }

    /// What failed, what is missing and what is stale: one line each.
    pub fn problems(&self) -> Vec<String> {
        let pulls = pull_problems(&self.pulls);
        let models = self.models.iter().filter_map(|model| problem(&model.model, model.verdict, model.error.as_deref()));
        let tables = self.tables.iter().filter_map(|table| problem(&table.table, table.verdict, table.error.as_deref()));
        let mut problems: Vec<String> = Vec::new();
        for problem in pulls.into_iter().chain(models).chain(tables) {
            // A model and its table may have the same one.
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        if !self.stale.is_empty() {
            problems.push(format!("stale: {}", self.stale.join(", ")));
        }
        problems
    }

    /// What a person should know although nothing failed: one line each.
    pub fn notes(&self) -> Vec<String> {
        let models = self.models.iter().flat_map(|model| model.warnings.iter().map(move |warning| (model.model.as_str(), warning)));
        let tables = self.tables.iter().flat_map(|table| table.notes.iter().map(move |note| (table.table.as_str(), note)));
        // What is true of several stands once.
        let mut notes: Vec<(&str, Vec<&str>)> = Vec::new();
        for (name, note) in models.chain(tables) {
            match notes.iter_mut().find(|(known, _)| known == note) {
                Some((_, names)) => names.push(name),
                None => notes.push((note, vec![name])),
            }
        }
        notes.into_iter().map(|(note, names)| format!("{}: {note}", names.join(", "))).collect()
    }

    /// One line for all reports that are not up to date: `1 report is stale: bugzilla-desktop-bugs (last good …)`.
    pub fn staleness(&self) -> Option<String> {
        let (number, verb) = match self.stale_reports.len() {
            0 => return None,
            1 => ("1 report".to_owned(), "is"),
            number => (names::count(number as u64, "report"), "are"),
        };
        let list: Vec<String> = self.stale_reports.iter().map(|(report, why)| format!("{report} ({why})")).collect();
        Some(format!("{number} {verb} stale: {}", list.join(", ")))
    }

    /// One sentence: `3 pulls, 12 models, 5 tables in 4.2 s; 1 failed`.
    pub fn headline(&self) -> String {
        let counts = [(self.pulls.len(), "pull"), (self.models.len(), "model"), (self.tables.len(), "table")];
        let parts: Vec<String> = counts.iter().filter(|(number, _)| *number > 0).map(|(number, noun)| names::count(*number as u64, noun)).collect();
        let verdicts = || {
            let pulls = self.pulls.iter().map(|pull| pull.verdict);
            pulls.chain(self.models.iter().map(|model| model.verdict)).chain(self.tables.iter().map(|table| table.verdict))
        };
        let count = |wanted: Verdict| verdicts().filter(|verdict| *verdict == wanted).count();
        let mut headline =
            if parts.is_empty() { "nothing to do".to_owned() } else { format!("{} in {}", parts.join(", "), units::seconds(self.seconds)) };
        for (wanted, word) in [(Verdict::Failed, "failed"), (Verdict::Partial, "partial"), (Verdict::Skipped, "skipped")] {
            match count(wanted) {
                0 => {}
                number => headline.push_str(&format!("; {number} {word}")),
            }
        }
        headline
    }

    /// All tables, notes and problems for people; `width` is the terminal's.
    pub fn to_text(&self, width: Option<u16>) -> String {
        let mut out = String::new();
        for rows in self.sections().into_iter().map(|(_, rows)| rows) {
            out.push_str(&rows.to_table(width));
            out.push('\n');
        }
        for (word, lines) in
            [("stale", self.staleness().into_iter().collect()), ("note", self.notes()), ("problem", self.problems()), ("hint", self.hints.clone())]
        {
            for line in lines {
                out.push_str(&format!("{word}: {}\n", tame(&line).replace('\n', "\n  ")));
            }
        }
        if let Some(lake) = &self.lake {
            out.push_str(&format!("lake: {lake}\n"));
        }
        out.push_str(&self.headline());
        out.push('\n');
        out
    }

    /// The same in Markdown, for `$GITHUB_STEP_SUMMARY`.
    pub fn to_markdown(&self) -> String {
        let mut out = format!("### {}: {}\n\n", self.title, self.headline());
        if let Some(stale) = self.staleness() {
            out.push_str(&format!("**{}**\n\n", in_line(&stale)));
        }
        if let Some(lake) = &self.lake {
            out.push_str(&format!("Lake: {lake}.\n\n"));
        }
        let list = |lines: Vec<String>| lines.iter().map(|line| format!("- {}\n", in_line(line))).collect::<String>();
        for (heading, lines) in [("Problems", self.problems()), ("What to do", self.hints.clone()), ("Notes", self.notes())] {
            if !lines.is_empty() {
                out.push_str(&format!("**{heading}**\n\n{}\n", list(lines)));
            }
        }
        let conservation = Some(("Where rows went", self.conservation.clone())).filter(|(_, rows)| !rows.is_empty());
        for (heading, rows) in self.sections().into_iter().chain(conservation) {
            out.push_str(&format!("<details><summary>{heading}</summary>\n\n{}\n</details>\n\n", rows.to_markdown()));
        }
        out
    }

    fn sections(&self) -> Vec<(&'static str, Rows)> {
        let all = [("Pulls", self.pull_rows()), ("Models", self.model_rows()), ("Tables", self.table_rows())];
        all.into_iter().filter(|(_, rows)| !rows.is_empty()).collect()
    }
}

/// One line per cause: pulls that failed for the same one share a line, the cause first.
fn pull_problems(pulls: &[PullLine]) -> Vec<String> {
    let mut lines: Vec<(Option<&str>, String, usize)> = Vec::new();
    for pull in pulls {
        let scope = scope(&pull.scope);
        let place = if scope.is_empty() { pull.endpoint.clone() } else { format!("{} ({scope})", pull.endpoint) };
        let Some(line) = problem(&place, pull.verdict, pull.error.as_deref()) else { continue };
        let cause = pull.cause.as_deref();
        match lines.iter_mut().find(|(known, ..)| cause.is_some() && *known == cause) {
            Some((_, _, number)) => *number += 1,
            None => lines.push((cause, line, 1)),
        }
    }
    let told = |(cause, line, number): (Option<&str>, String, usize)| match cause {
        Some(cause) if number > 1 => format!("{cause}: {} failed, the first is {line}", names::count(number as u64, "pull")),
        _ => line,
    };
    lines.into_iter().map(told).collect()
}

fn problem(place: &str, verdict: Verdict, error: Option<&str>) -> Option<String> {
    match (verdict, error) {
        (Verdict::Done | Verdict::Skipped, _) => None,
        (verdict, None) => Some(format!("{place}: {}", verdict.name().to_lowercase())),
        (_, Some(error)) => Some(format!("{place}: {error}")),
    }
}

/// `{"project_id":17}` as `project_id 17`.
pub(super) fn scope(json: &str) -> String {
    let Ok(serde_json::Value::Object(columns)) = serde_json::from_str(json) else { return json.to_owned() };
    let shown = columns.iter().map(|(name, value)| match value {
        serde_json::Value::String(text) => format!("{name} {text}"),
        value => format!("{name} {value}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Text that Markdown leaves as it is, on one line.
pub(super) fn in_line(text: &str) -> String {
    tame(text).replace('\n', " ").replace('&', "&amp;").replace('<', "&lt;").replace('`', "'").replace('*', "\\*").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let pull = |scope: &str, verdict, error: Option<&str>| PullLine {
            endpoint: "testrail_cases".to_owned(),
            scope: scope.to_owned(),
            expected: None,
            records: 12_345,
            stop: "short_page".to_owned(),
            requests: 50,
            retries: u64::from(verdict == Verdict::Failed),
            bytes: 17_400_000,
            seconds: 12.3,
            verdict,
            error: error.map(str::to_owned),
            cause: None,
        };
        Report {
            stages: Vec::new(),
            title: "etl run".to_owned(),
            pulls: vec![pull("{\"project_id\":17}", Verdict::Done, None), pull("{}", Verdict::Failed, Some("no <answer>\nin time"))],
            models: vec![ModelLine {
                model: "report_a".to_owned(),
                rows: 7,
                state: "unchanged".to_owned(),
                inputs: None,
                seconds: 0.04,
                verdict: Verdict::Done,
                warnings: vec!["audit `x` found 2 rows".to_owned()],
                error: None,
            }],
            tables: vec![TableLine {
                table: "report_a".to_owned(),
                inserted: 1,
                updated: 2,
                deleted: 0,
                unchanged: 4,
                blocked: 0,
                notes: vec!["`title` cut in 3 rows".to_owned()],
                inputs: None,
                as_of: Some("2026-01-31 04:00:00".to_owned()),
                verdict: Verdict::Done,
                error: None,
            }],
            stale: vec!["report_b".to_owned()],
            stale_reports: BTreeMap::new(),
            hints: vec!["run again".to_owned()],
            conservation: Rows::default(),
            lake: Some("31 requests, 2 MB down, 1 MB up".to_owned()),
            seconds: 14.0,
        }
    }

    #[test]
    fn text_for_people() {
        insta::assert_snapshot!(report().to_text(None), @r#"
        endpoint        scope          fetched  stop        requests  retries  bytes  time  verdict
        ─────────────── ────────────── ──────── ─────────── ───────── ──────── ────── ───── ────────
        testrail_cases  project_id 17   12,345  short_page        50        0  17 MB  12 s  done
        testrail_cases                  12,345  short_page        50        1  17 MB  12 s  FAILED

        model     rows  state      time   verdict
        ───────── ───── ────────── ────── ────────
        report_a     7  unchanged  0.0 s  done

        table     insert  update  delete  unchanged  as of                verdict
        ───────── ─────── ─────── ─────── ────────── ──────────────────── ────────
        report_a       1       2       0          4  2026-01-31 04:00:00  done

        note: report_a: audit `x` found 2 rows
        note: report_a: `title` cut in 3 rows
        problem: testrail_cases: no <answer>
          in time
        problem: stale: report_b
        hint: run again
        lake: 31 requests, 2 MB down, 1 MB up
        2 pulls, 1 model, 1 table in 14 s; 1 failed
        "#);
    }

    #[test]
    fn markdown_for_the_job_summary() {
        insta::assert_snapshot!(report().to_markdown(), @r#"
        ### etl run: 2 pulls, 1 model, 1 table in 14 s; 1 failed

        Lake: 31 requests, 2 MB down, 1 MB up.

        **Problems**

        - testrail\_cases: no &lt;answer> in time
        - stale: report\_b

        **What to do**

        - run again

        **Notes**

        - report\_a: audit 'x' found 2 rows
        - report\_a: 'title' cut in 3 rows

        <details><summary>Pulls</summary>

        | endpoint | scope | fetched | stop | requests | retries | bytes | time | verdict |
        | --- | --- | ---: | --- | ---: | ---: | --- | --- | --- |
        | testrail_cases | project_id 17 | 12,345 | short_page | 50 | 0 | 17 MB | 12 s | done |
        | testrail_cases |  | 12,345 | short_page | 50 | 1 | 17 MB | 12 s | FAILED |

        </details>

        <details><summary>Models</summary>

        | model | rows | state | time | verdict |
        | --- | ---: | --- | --- | --- |
        | report_a | 7 | unchanged | 0.0 s | done |

        </details>

        <details><summary>Tables</summary>

        | table | insert | update | delete | unchanged | as of | verdict |
        | --- | ---: | ---: | ---: | ---: | --- | --- |
        | report_a | 1 | 2 | 0 | 4 | 2026-01-31 04:00:00 | done |

        </details>
        "#);
    }

    #[test]
    fn a_cause_is_one_line() {
        let mut report = report();
        let failed = PullLine { cause: Some("testrail refused access".to_owned()), ..report.pulls[1].clone() };
        report.pulls = vec![failed.clone(), report.pulls[0].clone(), failed.clone(), PullLine { cause: None, ..failed }];
        let problems = report.problems();
        assert_eq!(problems[0], "testrail refused access: 2 pulls failed, the first is testrail_cases: no <answer>\nin time");
        assert_eq!(problems[1], "testrail_cases: no <answer>\nin time");
    }

    #[test]
    fn stale_data_comes_first_in_the_summary() {
        let mut report = report();
        report.tables[0].inputs = Some("stale since 2026-11-30 04:10".to_owned());
        report.stale_reports.insert("bugzilla-desktop-bugs".to_owned(), "last good 2026-11-30 04:10".to_owned());
        let markdown = report.to_markdown();
        assert_eq!(markdown.lines().nth(2), Some("**1 report is stale: bugzilla-desktop-bugs (last good 2026-11-30 04:10)**"));
        assert!(markdown.contains("| 2026-01-31 04:00:00 | stale since 2026-11-30 04:10 | done |"), "{markdown}");
        assert!(report.to_text(None).contains("stale: 1 report is stale: bugzilla-desktop-bugs"), "{}", report.to_text(None));
    }

    #[test]
    fn nothing_to_do() {
        assert_eq!(Report { title: "etl load".to_owned(), ..Report::default() }.to_text(None), "nothing to do\n");
    }
}
