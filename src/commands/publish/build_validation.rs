//! `etl publish build-validation`: the page with the validation of a project's newest build.

use std::collections::BTreeSet;

use super::confluence;
use crate::{
    catalog::read_text,
    cli::BuildValidationArgs,
    commands::context::{Context, Outcome, nothing},
    engine::Row,
    error::{Error, Kind, Result},
    lake::Receipt,
    publish::{
        confluence::{
            build_validation::{RUNS, milestones, text, values},
            template,
            write::{Content, Draft},
        },
        marts::Marts,
        standing::Standing,
    },
    settings::BuildValidation,
};

const TABLE: &str = "report_testrail_milestones";

/// No mart reads it.
const RUNS_ENDPOINT: &str = "testrail_milestone_runs";

pub(super) async fn run(context: &Context, args: &BuildValidationArgs) -> Result<Outcome> {
    let wanted = chosen(context, &args.project)?;
    let marts = super::marts(context, &[TABLE], &[RUNS_ENDPOINT]).await?;
    let milestones = marts.rows(&milestones(args.milestone)).await?;
    let runs = marts.rows(RUNS).await?;
    let mut drafts = Vec::new();
    let mut outcome = Outcome::default();
    for page in wanted {
        let Some(milestone) = milestones.iter().find(|row| text(row, "project") == page.project) else {
            let id = args.milestone.map_or_else(|| "build under test".to_owned(), |id| format!("milestone {id}"));
            let error =
                Error::new(Kind::NotFound, format!("`{}` has no {id} in `{TABLE}`", page.project)).hint("run `etl run testrail-milestones` first");
            context.printer.error(&error);
            outcome.failed(error.kind());
            continue;
        };
        let id = text(milestone, "testrail_milestone_id");
        let of_it: Vec<&Row> = runs.iter().filter(|run| text(run, "milestone_id") == id).collect();
        let project = testrail_id(&marts, &page.project).await?;
        let concerns = |receipt: &Receipt| receipt.scope.get("project_id").is_none_or(|id| id.as_i64() == project);
        let mut health = marts.health(TABLE, None, &BTreeSet::new(), concerns);
        health.problems.extend(marts.failures(RUNS_ENDPOINT, concerns));
        for problem in &health.problems {
            context.printer.warn(&format!("`{}`: {problem}", page.project));
            outcome.failed(Kind::Partial);
        }
        // A page has room for what people can read, and gets no new version because a request took longer this time.
        drafts.push(draft(context, page, &id, milestone, &of_it, Standing::from(health).gaps())?);
    }
    if !drafts.is_empty() {
        let written = confluence::write(context, &drafts, &args.options).await?;
        outcome.extend(written);
    }
    Ok(outcome)
}

async fn testrail_id(marts: &Marts, project: &str) -> Result<Option<i64>> {
    let rows = marts.rows("select project_name_abbrev as project, cast(testrail_project_id as varchar) as id from projects").await?;
    Ok(rows.iter().find(|row| text(row, "project") == project).and_then(|row| text(row, "id").parse().ok()))
}

/// The pages of the wanted projects; of all without a name.
fn chosen<'a>(context: &'a Context, projects: &[String]) -> Result<Vec<&'a BuildValidation>> {
    let pages = &context.settings.publish.build_validation;
    let is_all = projects.is_empty() || projects.iter().any(|project| project.eq_ignore_ascii_case("all"));
    if let Some(unknown) = projects.iter().filter(|_| !is_all).find(|project| !pages.iter().any(|page| page.project.eq_ignore_ascii_case(project))) {
        return Err(Error::new(Kind::Usage, format!("no page is configured for the project `{unknown}`"))
            .hint("`[[publish.build_validation]]` in etl.toml names project and page"));
    }
    let wanted: Vec<&BuildValidation> =
        pages.iter().filter(|page| is_all || projects.iter().any(|project| page.project.eq_ignore_ascii_case(project))).collect();
    if wanted.is_empty() {
        return Err(nothing("publish").hint("`[[publish.build_validation]]` in etl.toml names project and page"));
    }
    Ok(wanted)
}

fn draft(context: &Context, page: &BuildValidation, milestone_id: &str, milestone: &Row, runs: &[&Row], problems: &[String]) -> Result<Draft> {
    let path = context.settings.publish.confluence.join(&page.template);
    let place = page.template.display().to_string();
    let body = template::fill(&place, &read_text(&path)?, &values(page, milestone, runs, problems))?;
    Ok(Draft {
        kind: "confluence_build_validation",
        page_id: page.page_id.clone(),
        title: None,
        config_file: format!("{place} of milestone {milestone_id}"),
        as_of: None,
        content: Content::Whole(body),
        images: Vec::new(),
        missing: Vec::new(),
    })
}
