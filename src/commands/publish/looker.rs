//! `etl publish looker`: renders the looks of `report_looker_looks`.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    cli::LookerArgs,
    commands::context::{Context, Outcome, nothing},
    error::{Error, Result},
    publish::{
        Journal,
        confluence::page_file,
        images::Images,
        looker::{self, Look, Rendered},
    },
    term::{Cell, Format, Rows, seconds},
};

const TABLE: &str = "report_looker_looks";

pub(super) async fn run(context: &Context, args: &LookerArgs) -> Result<Outcome> {
    let marts = super::marts(context, &[TABLE], &[]).await?;
    let folders: Vec<String> = match context.settings.env.get("LOOKER_FOLDER_ID") {
        Some(text) if args.folder.is_empty() => text.split(',').map(|id| id.trim().to_owned()).collect(),
        _ => args.folder.clone(),
    };
    let all: Vec<Look> = marts.rows(Look::QUERY).await?.iter().filter_map(|row| Look::of(row, &[])).collect();
    let looks: Vec<Look> = marts.rows(Look::QUERY).await?.iter().filter_map(|row| Look::of(row, &folders)).collect();
    if looks.is_empty() {
        return Err(nothing("render").hint("`etl run looker-thumbnails` reads the looks; `looker_folders` in etl.toml names the folders"));
    }
    super::tell(context, TABLE, &marts.health(TABLE, None, &BTreeSet::new(), |_| true));
    for warning in looker::collisions(&looks).iter().chain(&unknown_names(context, &all)) {
        context.printer.warn(warning);
    }
    let mut rows = Rows::new(["look", "title", "file", "result", "time", "bytes", "error"]);
    if args.options.plan {
        for look in &looks {
            rows.push(line(look, "would render", "".into(), "".into(), String::new()));
        }
        context.printer.rows(&rows, Format::Table)?;
        return Ok(Outcome::default());
    }
    let mut renders = Journal::open(&context.project, &context.lake, &context.settings, looker::RENDERS).await?;
    let settings = &context.settings.publish;
    let images = Images::open(&settings.images, &context.lake, &renders);
    let client = super::client(context, "looker").await?;
    let job = looker::Job {
        client: &client,
        renders: &mut renders,
        images: &images,
        limits: &settings.looker,
        force: args.options.force,
        observer: Arc::clone(&context.observer),
    };
    let rendered = looker::render(job, looks).await;
    client.close().await;
    let mut outcome = Outcome::default();
    for Rendered { look, seconds: taken, bytes, error } in rendered? {
        let result = match (&error, taken) {
            (Some(_), _) => "failed",
            (None, Some(_)) => "rendered",
            (None, None) => "of today",
        };
        if let Some(error) = &error {
            outcome.failed(error.kind());
        }
        let size = if bytes > 0 { bytes.into() } else { "".into() };
        rows.push(line(&look, result, taken.map_or("".into(), |taken| seconds(taken).into()), size, told(error.as_ref())));
    }
    context.printer.rows(&rows, Format::Table)?;
    Ok(outcome)
}

fn told(error: Option<&Error>) -> String {
    error.map_or_else(String::new, |error| error.told())
}

fn line(look: &Look, result: &str, taken: Cell, bytes: Cell, error: String) -> [Cell; 7] {
    [look.id.as_str().into(), look.title.as_str().into(), look.file_name.as_str().into(), result.into(), taken, bytes, error.into()]
}

/// Names that a page shows and no look makes, and the other way round. Names are compared exactly: a misspelt one shows nothing.
fn unknown_names(context: &Context, looks: &[Look]) -> Vec<String> {
    let folder = &context.settings.publish.confluence;
    let teams = fs_err::read_dir(folder.join("yaml")).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    // Only upper-case folders are teams; others, such as `archive` and `examples`, are not read.
    let teams = teams.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase()));
    let pages: Vec<_> =
        std::iter::once("MTE".to_owned()).chain(teams).filter_map(|team| page_file::read(folder, &team).ok()).flat_map(|(pages, _)| pages).collect();
    if pages.is_empty() {
        return Vec::new();
    }
    let made: BTreeSet<&str> = looks.iter().map(|look| look.file_name.as_str()).collect();
    let mut shown = BTreeSet::new();
    let mut warnings = Vec::new();
    for file in &pages {
        for row in file.page.sections.iter().flat_map(|section| &section.reports) {
            let name = row.attachment_filename.as_str();
            if shown.insert(name) && !made.contains(name) {
                let near = crate::names::did_you_mean(name, made.iter().copied());
                warnings.push(format!("{}: no look makes `{name}`{near}", file.file.display()));
            }
        }
    }
    warnings.extend(
        looks
            .iter()
            .filter(|look| !shown.contains(look.file_name.as_str()))
            .map(|look| format!("no page shows `{}` of the look {}", look.file_name, look.id)),
    );
    warnings
}
