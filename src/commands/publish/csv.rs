//! `etl publish csv`: exports as files.

use std::path::{Path, PathBuf};

use super::super::context::{Context, Outcome};
use crate::{
    cli::{CsvArgs, ExportArg},
    error::{Error, Kind, Result},
    publish::{
        csv::Export,
        product::{Subject, subjects},
    },
    term::{Format, Rows},
};

pub(super) async fn run(context: &Context, args: CsvArgs) -> Result<Outcome> {
    let base = args.upload.as_deref().map(folder).transpose()?;
    let chosen = chosen(context, &args.project)?;
    let day = context.settings.clock.now().date_naive();
    let all = [ExportArg::SentryRates, ExportArg::SentryIssues, ExportArg::SentryUnhandledIssues, ExportArg::GithubNewBugs];
    let exports = if args.exports.is_empty() { all.to_vec() } else { args.exports.clone() };
    let mut written = Rows::new(["file", "project", "rows"]);
    for export in exports {
        let export = match export {
            ExportArg::SentryRates => Export::Rates,
            ExportArg::SentryIssues => Export::Issues,
            ExportArg::SentryUnhandledIssues => Export::NewIssues { long: args.longform },
            ExportArg::GithubNewBugs => Export::OpenIssues,
        };
        let marts = super::marts(context, &[export.table()]).await?;
        let of: Vec<&Subject> = chosen.iter().filter(|subject| export.concerns(subject)).collect();
        if export == Export::Rates && base.is_none() && of.len() > 1 {
            return Err(Error::new(Kind::Usage, "sentry_rates.csv is about one project, and several are chosen")
                .hint("name one with `--project`, or use `--upload`, which has a folder for each"));
        }
        for subject in of {
            let target = match &base {
                Some(base) => base.join("sentry").join(&subject.project),
                None => args.out.clone(),
            };
            for file in export.files(&marts, subject, day).await? {
                let path = if args.plan { target.join(&file.name) } else { file.write(&target)? };
                written.push([path.display().to_string().into(), subject.project.as_str().into(), (file.rows as u64).into()]);
            }
        }
    }
    context.printer.rows(&written, Format::Table)?;
    Ok(Outcome::default())
}

/// The folder that files are put below.
fn folder(location: &str) -> Result<PathBuf> {
    match location.split_once("://") {
        None => Ok(Path::new(location).to_owned()),
        Some(("file", path)) => Ok(PathBuf::from(path)),
        Some((scheme, _)) => {
            Err(Error::new(Kind::Config, format!("`{scheme}://` cannot be written to yet"))
                .hint("name a folder, and copy it with the bucket's own tool"))
        }
    }
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
