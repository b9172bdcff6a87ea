//! `etl publish slack`: from published marts to messages, and to their channels.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::super::context::{Context, Outcome};
use crate::{
    cli::{ConclusionArg, MessageArgs, PostArgs, SlackArgs, SlackVerb, StatusMessageArgs, UnsureArg},
    error::{Error, Kind, Result},
    lake::Run,
    names,
    publish::{
        marts::Marts,
        outcomes::Outcomes,
        product::{Subject, subjects, texts},
        slack::{Conclusion, Known, Manner, NewIssues, OpenIssues, Post, Rates, Unsure, Workflow, alert, deep_dive, rows},
        standing::Standing,
    },
    settings::{ANY, Product},
};

pub(super) async fn run(context: &Context, args: SlackArgs) -> Result<Outcome> {
    match args.verb {
        SlackVerb::Rates(args) => messages(context, "rates", &args).await,
        SlackVerb::NewIssues(args) => messages(context, "new-issues", &args).await,
        SlackVerb::GithubIssues(args) => messages(context, "github-issues", &args).await,
        SlackVerb::DeepDive(args) => messages(context, "deep-dive", &args).await,
        SlackVerb::Status(args) => status(context, &args).await,
    }
}

/// The marts behind a message.
fn tables(kind: &str) -> &'static [&'static str] {
    match kind {
        "rates" => &[rows::RATES],
        "new-issues" => &[rows::NEW_ISSUES],
        "github-issues" => &[rows::OPEN_ISSUES],
        _ => &[rows::RATES, rows::NEW_ISSUES, rows::OPEN_ISSUES],
    }
}

async fn messages(context: &Context, kind: &'static str, args: &MessageArgs) -> Result<Outcome> {
    let chosen = chosen(context, kind, &args.project)?;
    // What is missing in a file or variable is told before anything is posted.
    for subject in &chosen {
        let channel = channel(context, kind, args, subject)?;
        if !args.post.options.plan {
            context.settings.messages.transport(&channel, &context.settings.env).map_err(|error| within(error, kind, Some(subject)))?;
        }
    }
    let marts = super::marts(context, tables(kind)).await?;
    let day = context.settings.clock.now().date_naive();
    let mut desk = Desk::open(context, &args.post).await?;
    for subject in &chosen {
        let (post, standing) = made(context, &marts, kind, args, subject, day).await?;
        let about = format!("{} {}", kind.replace('-', " "), subject.project);
        desk.send(post, Some(subject)).await;
        if !standing.is_whole() {
            context.printer.warn(&format!("the message {about} says that it is incomplete: {}", standing.gaps().join("; ")));
            desk.outcome.failed(Kind::Partial);
            let Ok(channel) = context.settings.messages.receiver("alerts", Some(&subject.project)).map(str::to_owned) else {
                context.printer.warn("nobody is alerted: `publish.slack.to.alerts` in etl.toml names no channel");
                continue;
            };
            let alert = vec![alert(&about, day, &standing)];
            desk.send(Post { kind: "alerts", about, day, channel, messages: alert, threaded: false }, None).await;
        }
    }
    Ok(desk.outcome)
}

fn channel(context: &Context, kind: &str, args: &MessageArgs, subject: &Subject) -> Result<String> {
    match &args.post.channel {
        Some(channel) => Ok(channel.clone()),
        None => context.settings.messages.receiver(kind, Some(&subject.project)).map(str::to_owned),
    }
}

fn within(error: Error, kind: &str, subject: Option<&Subject>) -> Error {
    let about = subject.map(|subject| format!(" about `{}`", subject.project)).unwrap_or_default();
    error.within(format!("the message `{kind}`{about}"))
}

/// One message, or thread, about one project, and how far it can be believed.
async fn made(
    context: &Context,
    marts: &Marts,
    kind: &'static str,
    args: &MessageArgs,
    subject: &Subject,
    day: NaiveDate,
) -> Result<(Post, Standing)> {
    let settings = &context.settings;
    let messages = &settings.messages;
    let product = product(context, subject);
    let own_authors = texts(&settings.vars, "github_own_authors");
    let standing_of = |table| rows::standing(marts, table, subject, day);
    let has = |table: &str| tables(kind).contains(&table);

    let (mut rate_rows, mut none, mut coming, mut rates_standing) = (Vec::new(), None, Default::default(), Standing::default());
    if has(rows::RATES) {
        rates_standing = standing_of(rows::RATES).await?;
        rate_rows = rows::rates(marts, subject, day).await?;
        coming = rows::coming(marts).await?;
        if rate_rows.is_empty() {
            none = rows::why_none(marts, subject).await?;
        }
    }
    let (mut versions, mut issues_standing) = (Vec::new(), Standing::default());
    if has(rows::NEW_ISSUES) {
        issues_standing = standing_of(rows::NEW_ISSUES).await?;
        versions = rows::versions(marts, subject, day).await?;
    }
    let (mut open, mut open_standing) = (Vec::new(), Standing::default());
    if has(rows::OPEN_ISSUES) {
        open_standing = standing_of(rows::OPEN_ISSUES).await?;
        open = rows::open_issues(marts, subject).await?;
    }
    let rates =
        Rates { messages, product: &product, subject, day, rates: &rate_rows, none: none.as_deref(), coming: &coming, standing: &rates_standing };
    let issues = NewIssues { messages, product: &product, subject, day, versions: &versions, standing: &issues_standing };
    let open = OpenIssues { messages, subject, name: &product.name, own_authors: &own_authors, day, issues: &open, standing: &open_standing };
    let (form, made) = match kind {
        "rates" if args.shortform => ("short", vec![rates.short()]),
        "rates" => ("full", vec![rates.full()]),
        "new-issues" if args.longform => ("long", issues.long()),
        "new-issues" => ("short", issues.short()),
        "github-issues" => ("full", vec![open.message()]),
        _ => ("thread", deep_dive(&rates, &issues, &open)),
    };
    let channel = channel(context, kind, args, subject)?;
    let threaded = matches!(kind, "new-issues" | "deep-dive");
    let standing = rates_standing.and(&issues_standing).and(&open_standing);
    Ok((Post { kind, about: format!("{} {form}", subject.project), day, channel, messages: made, threaded }, standing))
}

/// A product as etl.toml names it, or by the project's own name.
fn product(context: &Context, subject: &Subject) -> Product {
    context.settings.products.get(&subject.project).cloned().unwrap_or_else(|| Product::unnamed(&subject.project))
}

/// The projects that a message is about: those asked for, else those that etl.toml names a channel for.
fn chosen(context: &Context, kind: &str, asked: &[String]) -> Result<Vec<Subject>> {
    let needs_sentry = kind != "github-issues";
    let fits = |subject: &Subject| !if needs_sentry { &subject.sentry_project_id } else { &subject.repository }.is_empty();
    let known: Vec<Subject> = subjects(&context.settings.vars)?.into_iter().filter(fits).collect();
    let receivers = context.settings.messages.to.get(kind);
    let has_channel = |subject: &Subject| receivers.is_some_and(|to| to.contains_key(&subject.project) || to.contains_key(ANY));
    let is_all = asked.iter().any(|name| name.eq_ignore_ascii_case("all"));
    for name in asked.iter().filter(|name| !name.eq_ignore_ascii_case("all")) {
        if !known.iter().any(|subject| subject.project.eq_ignore_ascii_case(name)) {
            let names: Vec<&str> = known.iter().map(|subject| subject.project.as_str()).collect();
            let near = names::did_you_mean(&name.to_ascii_lowercase(), names.iter().copied());
            return Err(Error::new(Kind::Usage, format!("no `{kind}` message is about a project `{name}`{near}"))
                .hint(format!("projects with one: {}", names.join(", "))));
        }
    }
    let wanted = |subject: &Subject| {
        if asked.is_empty() { has_channel(subject) } else { is_all || asked.iter().any(|name| name.eq_ignore_ascii_case(&subject.project)) }
    };
    let chosen: Vec<Subject> = known.into_iter().filter(wanted).collect();
    if chosen.is_empty() {
        return Err(Error::new(Kind::NothingSelected, format!("etl.toml names no channel for the message `{kind}`"))
            .hint(format!("add a project to `publish.slack.to.{kind}`, or name one with `--project` and `--channel`")));
    }
    Ok(chosen)
}

async fn status(context: &Context, args: &StatusMessageArgs) -> Result<Outcome> {
    let env = &context.settings.env;
    let now = context.settings.clock.now();
    let since = args.since.unwrap_or_else(|| now.date_naive().and_time(NaiveTime::MIN).and_utc());
    let or_env = |given: &Option<String>, variable: &str| given.clone().or_else(|| env.get(variable).map(str::to_owned)).unwrap_or_default();
    let run_page = || match (env.get("GITHUB_SERVER_URL"), env.get("GITHUB_REPOSITORY"), env.get("GITHUB_RUN_ID")) {
        (Some(server), Some(repository), Some(id)) => format!("{server}/{repository}/actions/runs/{id}"),
        _ => String::new(),
    };
    let name = or_env(&args.workflow, "GITHUB_WORKFLOW");
    let (branch, log_url) = (or_env(&args.branch, "GITHUB_REF_NAME"), args.log_url.clone().unwrap_or_else(run_page));
    let (runs, graph) = (runs(context, since).await?, context.engine.graph());
    let mut manifests = BTreeMap::new();
    let known = Known { project: &context.project, graph, receipts: &[], runs: &runs, manifests: &manifests };
    let tables: Vec<String> = known.tables(since).into_iter().collect();
    let receipts = if tables.is_empty() { Vec::new() } else { context.receipts_behind(&tables).await? };
    for table in tables {
        if let Some(manifest) = context.lake.newest_manifest(&table).await? {
            manifests.insert(table, manifest);
        }
    }
    let troubles = Known { project: &context.project, graph, receipts: &receipts, runs: &runs, manifests: &manifests }.troubles(since);
    let workflow = Workflow {
        name: if name.is_empty() { "etl" } else { &name },
        branch: &branch,
        log_url: &log_url,
        conclusion: match args.conclusion {
            ConclusionArg::Success => Conclusion::Success,
            ConclusionArg::Failure => Conclusion::Failure,
            ConclusionArg::Cancelled => Conclusion::Cancelled,
        },
        troubles: &troubles,
        footer: &context.settings.messages.footer,
    };
    let channel = match &args.post.channel {
        Some(channel) => channel.clone(),
        None => context.settings.messages.receiver("status", None)?.to_owned(),
    };
    // Each run of a workflow has its own message, each attempt too.
    let id = [env.get("GITHUB_RUN_ID"), env.get("GITHUB_RUN_ATTEMPT")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let about = format!("{} {id}", workflow.name).trim().to_owned();
    let post = Post { kind: "status", about, day: now.date_naive(), channel, messages: vec![workflow.message()], threaded: false };
    let mut desk = Desk::open(context, &args.post).await?;
    desk.send(post, None).await;
    Ok(desk.outcome)
}

/// The runs since then. Whether anybody loads from this lake, a day without a load does not say: then some days before are read too.
async fn runs(context: &Context, since: DateTime<Utc>) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for days in [0, 2, 8, 35] {
        runs = context.lake.runs_since((since - TimeDelta::days(days)).date_naive()).await?;
        let any = |command: &str| runs.iter().any(|run| run.start.command == command);
        if any("load") || !any("transform") {
            break;
        }
    }
    Ok(runs)
}

/// Where messages leave, or are shown.
struct Desk<'a> {
    context: &'a Context,
    plan: bool,
    manner: Manner,
    outcomes: Option<Outcomes>,
    outcome: Outcome,
}

impl<'a> Desk<'a> {
    async fn open(context: &'a Context, args: &PostArgs) -> Result<Self> {
        let unsure = args.unsure.map(|unsure| match unsure {
            UnsureArg::Sent => Unsure::Sent,
            UnsureArg::Lost => Unsure::Lost,
        });
        let plan = args.options.plan;
        let outcomes = if plan { None } else { Some(Outcomes::open(&context.project, &context.lake, &context.settings).await?) };
        Ok(Self { context, plan, manner: Manner { force: args.options.force, unsure }, outcomes, outcome: Outcome::default() })
    }

    /// Posts, or prints the payloads. What fails is told and stops no other message.
    async fn send(&mut self, post: Post, subject: Option<&Subject>) {
        let printer = &self.context.printer;
        if let Err(error) = self.try_send(&post).await {
            self.outcome.failed(error.kind());
            printer.error(&within(error, post.kind, subject));
        }
    }

    async fn try_send(&mut self, post: &Post) -> Result<()> {
        let printer = &self.context.printer;
        let Some(outcomes) = self.outcomes.as_mut().filter(|_| !self.plan) else {
            for payload in post.payloads() {
                let shown = serde_json::json!({"channel": post.channel, "message": post.kind, "about": post.about, "payload": payload});
                printer.data(&format!("{shown}\n"))?;
            }
            return Ok(());
        };
        let posted = post.send(&self.context.settings, outcomes, Arc::clone(&self.context.observer), self.manner).await?;
        let told = match (posted.now, posted.before) {
            (0, before) => format!("posted before ({}); `--force` posts again", names::count(before as u64, "message")),
            (now, 0) => format!("{} posted", names::count(now as u64, "message")),
            (now, before) => format!("{} posted, {before} before", names::count(now as u64, "message")),
        };
        printer.say(&format!("{} {} → `{}`: {told}", post.kind, post.about, post.channel));
        Ok(())
    }
}
