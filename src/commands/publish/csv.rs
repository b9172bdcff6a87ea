//! `etl publish csv`: exports as files.

use std::collections::BTreeSet;

use super::super::context::{Context, Outcome};
use crate::{
    cli::{CsvArgs, ExportArg},
    error::{Error, Kind, Result},
    lake::Exports,
    publish::{
        csv::Export,
        product::{Subject, subjects},
    },
    term::{Format, Rows},
};

pub(super) async fn run(context: &Context, args: CsvArgs) -> Result<Outcome> {
    let target = match &args.upload {
        Some(location) => Exports::open(&context.settings, location)?,
        None => Exports::open(&context.settings, &args.out.display().to_string())?,
    };
    let chosen = chosen(context, &args.project)?;
    let day = context.settings.clock.now().date_naive();
    let all = [ExportArg::SentryRates, ExportArg::SentryIssues, ExportArg::SentryUnhandledIssues, ExportArg::GithubNewBugs];
    let exports = if args.exports.is_empty() { all.to_vec() } else { args.exports.clone() };
    let mut written = Rows::new(["file", "project", "rows", "state"]);
    let mut outcome = Outcome::default();
    let mut gaps: BTreeSet<(&str, String)> = BTreeSet::new();
    for export in exports {
        let export = match export {
            ExportArg::SentryRates => Export::Rates,
            ExportArg::SentryIssues => Export::Issues,
            ExportArg::SentryUnhandledIssues => Export::NewIssues { long: args.longform },
            ExportArg::GithubNewBugs => Export::OpenIssues,
        };
        let marts = match super::marts(context, &[export.table()]).await {
            Ok(marts) => marts,
            // The others are written all the same.
            Err(error) if error.kind() == Kind::NothingSelected => {
                context.printer.error(&error);
                outcome.failed(error.kind());
                continue;
            }
            Err(error) => return Err(error),
        };
        let of: Vec<&Subject> = chosen.iter().filter(|subject| export.concerns(subject)).collect();
        if export == Export::Rates && args.upload.is_none() && of.len() > 1 {
            return Err(Error::new(Kind::Usage, "sentry_rates.csv is about one project, and several are chosen")
                .hint("name one with `--project`, or use `--upload`, which has a folder for each"));
        }
        for subject in of {
            let health = export.health(&marts, subject, day).await?;
            gaps.extend(health.problems.into_iter().map(|problem| (export.table(), problem)));
            for file in export.files(&marts, subject, day).await? {
                let path = match &args.upload {
                    Some(_) => format!("sentry/{}/{}", subject.project, file.name),
                    None => file.name.clone(),
                };
                let state = target.put(&path, &file.text, args.plan).await?.name();
                written.push([target.shown(&path).into(), subject.project.as_str().into(), (file.rows as u64).into(), state.into()]);
            }
        }
    }
    if !written.is_empty() {
        context.printer.rows(&written, Format::Table)?;
    }
    // A file has no place for it.
    for (table, problem) in gaps {
        context.printer.warn(&format!("the exports of `{table}` may be out of date: {problem}"));
        outcome.failed(Kind::Partial);
    }
    Ok(outcome)
}

fn chosen(context: &Context, asked: &[String]) -> Result<Vec<Subject>> {
    let known = subjects(&context.settings.vars)?;
    let is_all = asked.is_empty() || asked.iter().any(|name| name.eq_ignore_ascii_case("all"));
    for name in asked.iter().filter(|name| !name.eq_ignore_ascii_case("all")) {
        if !known.iter().any(|subject| subject.project.eq_ignore_ascii_case(name)) {
            let names: Vec<&str> = known.iter().map(|subject| subject.project.as_str()).collect();
            return Err(
                Error::new(Kind::Usage, format!("no export is about a project `{name}`")).hint(format!("known projects: {}", names.join(", ")))
            );
        }
    }
    Ok(known.into_iter().filter(|subject| is_all || asked.iter().any(|name| name.eq_ignore_ascii_case(&subject.project))).collect())
}
