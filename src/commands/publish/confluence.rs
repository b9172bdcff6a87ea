//! `etl publish confluence`: pages described in YAML.

use std::collections::BTreeMap;

use crate::{
    cli::ConfluenceArgs,
    commands::context::{Context, Outcome, nothing},
    error::Result,
    publish::{
        Journal,
        confluence::{
            page_file::{self, PageFile},
            render,
            write::{Content, Draft, Writer, Written},
        },
        images::Images,
        looker::RENDERS,
        outcomes::Outcomes,
    },
    term::{Cell, Format, Rows},
};

pub(super) async fn run(context: &Context, args: &ConfluenceArgs) -> Result<Outcome> {
    let team = args.team.as_deref().or_else(|| context.settings.env.get("TEAM_ID")).unwrap_or("MTE");
    // All files are read before any page is touched.
    let (mut pages, warnings) = page_file::read(&context.settings.publish.confluence, team)?;
    for warning in warnings.iter().chain(&unlisted(context, &pages)) {
        context.printer.warn(warning);
    }
    pages.retain(|file| args.page.is_empty() || args.page.contains(&file.page.page_id));
    if pages.is_empty() {
        return Err(nothing("publish").hint("docs/publishing.md shows the description of a page"));
    }
    let renders = Journal::open(&context.project, &context.lake, &context.settings, RENDERS).await?;
    let images = Images::open(&context.settings.publish.images, &context.lake, &renders);
    let mut drafts = Vec::new();
    for page in &pages {
        drafts.push(draft(page, &images).await?);
    }
    write(context, &drafts, &args.options).await
}

/// Writes drafts and shows what came of them.
pub(super) async fn write(context: &Context, drafts: &[Draft], options: &crate::cli::PublishOptions) -> Result<Outcome> {
    let mut outcomes = Outcomes::open(&context.project, &context.lake, &context.settings).await?;
    let client = super::client(context, "confluence").await?;
    let writer = Writer { client: &client, plan: options.plan, force: options.force };
    let written = writer.publish(drafts, &mut outcomes).await?;
    let mut outcome = Outcome::default();
    let mut rows = Rows::new(["page", "title", "file", "result", "region", "uploaded", "deleted", "missing images", "error"]);
    for page in &written {
        if let Some(error) = &page.error {
            outcome.failed(error.kind());
            context.printer.error(error);
        }
        if !page.missing.is_empty() {
            context.printer.warn(&format!("{}: there is no picture {}", page.config_file, page.missing.join(", ")));
        }
        rows.push(line(page));
    }
    context.printer.rows(&rows, Format::Table)?;
    for page in &written {
        if let Some(preview) = &page.preview {
            context.printer.data(&format!("\npage {} {}\n{preview}\n", page.page_id, page.title))?;
        }
    }
    Ok(outcome)
}

fn line(page: &Written) -> [Cell; 9] {
    [
        page.page_id.as_str().into(),
        page.title.as_str().into(),
        page.config_file.as_str().into(),
        page.result.into(),
        page.region.into(),
        page.uploaded.join(", ").into(),
        page.deleted.join(", ").into(),
        (page.missing.len() as u64).into(),
        page.error.as_ref().map_or_else(String::new, |error| error.told()).into(),
    ]
}

async fn draft(file: &PageFile, images: &Images) -> Result<Draft> {
    let mut found = BTreeMap::new();
    for row in file.page.sections.iter().flat_map(|section| &section.reports) {
        if let Some(image) = images.find(&row.attachment_filename).await? {
            found.insert(row.attachment_filename.clone(), image);
        }
    }
    let rendered = render::region(&file.page, |name| found.contains_key(name));
    let as_of = render::as_of(&file.page, |name| found.get(name)?.rendered_at);
    let images = rendered.files.iter().filter_map(|name| Some((name.clone(), found.get(name)?.clone()))).collect();
    let draft = Draft {
        kind: "confluence_page",
        page_id: file.page.page_id.clone(),
        title: Some(file.page.page_title.clone()),
        config_file: file.file.display().to_string(),
        content: Content::Region {
            text: rendered.content,
            headings: file.page.sections.iter().map(|section| section.name.trim().to_owned()).collect(),
        },
        as_of,
        images,
        missing: rendered.missing,
    };
    Ok(draft.with_placeholder())
}

/// Pages that `report_confluence_pages` will not show, because `confluence_pages` in `etl.toml` does not list them.
fn unlisted(context: &Context, pages: &[PageFile]) -> Vec<String> {
    let listed = context.settings.vars.get("confluence_pages").and_then(toml::Value::as_array);
    let Some(listed) = listed else { return Vec::new() };
    let has = |id: &str| listed.iter().any(|item| item.get("page_id").and_then(toml::Value::as_str) == Some(id));
    let missing = pages.iter().filter(|file| !has(&file.page.page_id));
    missing.map(|file| format!("{}: `confluence_pages` in etl.toml does not list the page {}", file.file.display(), file.page.page_id)).collect()
}
