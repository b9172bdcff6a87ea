//! The options of the three stages and of all three in order.

use chrono::{DateTime, Utc};
use clap::Args;

use super::{SelectionArgs, as_of};

/// `etl extract`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXTRACT_HELP)]
pub struct ExtractArgs {
    /// What to work on.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Forget cursors and what is known to be final: ask for every list in full
    #[arg(long)]
    pub full_refresh: bool,
    /// Resume the unfinished run of the same selection, if it began in the last 12 hours: keep what it committed; else start a new one
    #[arg(long)]
    pub resume: bool,
    /// Do part I of N, so that several machines share the work: first 0/N alone (what says what to ask for), then 1/N to N/N
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<(u32, u32)>,
}

/// `2/8` as (2, 8).
fn shard(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((number, of)) if of > 0 && number <= of => Ok((number, of)),
        _ => Err("write it as I/N with I from 0 to N, for example 2/8".to_owned()),
    }
}

const EXTRACT_HELP: &str = "\
Examples:
  etl extract                                        every endpoint of every source
  etl extract testrail_cases --project fenix         one endpoint and its parents, one project
  etl extract bugzilla                               one source
  etl extract --report-type test-run-counts --start-date 2026-01-01 --end-date 2026-01-31
  etl extract --resume                               after an interruption
  etl extract --shard 0/4                            alone; then 1/4 to 4/4 on four machines

A pull becomes visible when its receipt is written, last. A killed extract leaves nothing
half-visible: run it again, with --resume to keep what was committed. A pull that could not
prove that it is whole is kept for diagnosis only.";

/// `etl transform`.
#[derive(Args, Clone, Debug)]
#[command(after_help = TRANSFORM_HELP)]
pub struct TransformArgs {
    /// What to work on.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Compute the state as of a time: only pulls that were finished by then count. A day stands for its end
    /// [default: the newest finished pull]
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub as_of: Option<DateTime<Utc>>,
    /// Compute every model and every day of every snapshot anew, without the staged cache
    #[arg(long)]
    pub full_refresh: bool,
}

const TRANSFORM_HELP: &str = "\
Examples:
  etl transform                                      every model that has something new
  etl transform report_test_case_coverage            one table and what it needs
  etl transform --as-of 2026-01-31                   the state at that day's end

A model is published only after its contract and its audits hold; else the last good result
stays. Nothing is ever overwritten, so an interrupted transform is simply run again.";

/// `etl load`.
#[derive(Args, Clone, Debug)]
#[command(after_help = LOAD_HELP)]
pub struct LoadArgs {
    /// What to work on.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Load the results that stood at a time, also if they are older than what is loaded. A day stands for its end
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub as_of: Option<DateTime<Utc>>,
    /// Print what would be inserted, updated and deleted; change nothing
    #[arg(long)]
    pub plan: bool,
    /// Compare all values instead of row hashes: finds rows that somebody else changed
    #[arg(long)]
    pub verify: bool,
    /// Take over a MySQL database that the old scripts have filled; with --plan, show what that takes
    #[arg(long, conflicts_with_all = ["verify", "as_of"])]
    pub adopt: bool,
    /// With --adopt: columns that are there may be widened and converted to utf8mb4
    #[arg(long, requires = "adopt")]
    pub adopt_widen: bool,
    /// Let this table shrink this once although the guard refuses; may be repeated
    #[arg(long, value_name = "TABLE")]
    pub accept_shrink: Vec<String>,
    /// Load from this lake although the tables were last loaded from another one
    #[arg(long)]
    pub accept_lake: bool,
}

const LOAD_HELP: &str = "\
Examples:
  etl load --plan                                    first look
  etl load                                           then apply
  etl load report_testrail_milestones --verify
  etl load --accept-shrink report_testrail_milestones
  etl load --adopt --plan                       a MySQL database of the old scripts: first look
  etl load --adopt --adopt-widen                then take it over; killed, it is run again

Each table is loaded in one transaction with its ledger row: a killed load changes nothing, a
repeated one finds nothing to do. Rows that etl did not write are never touched; where their
key is in the way the plan shows them as blocked.";

/// `etl run`.
#[derive(Args, Clone, Debug)]
#[command(after_help = RUN_HELP)]
pub struct RunArgs {
    /// What to work on.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Only there to say what to do instead
    #[arg(long, value_name = "TIME", value_parser = as_of, hide = true)]
    pub as_of: Option<DateTime<Utc>>,
    /// Forget cursors, what is known to be final, and the staged cache
    #[arg(long)]
    pub full_refresh: bool,
    /// Go on with the last run that did not end: keep the pulls and partitions that it committed
    #[arg(long)]
    pub resume: bool,
    /// Let this table shrink this once although the guard refuses; may be repeated
    #[arg(long, value_name = "TABLE")]
    pub accept_shrink: Vec<String>,
    /// Load from this lake although the tables were last loaded from another one
    #[arg(long)]
    pub accept_lake: bool,
}

const RUN_HELP: &str = "\
Examples:
  etl run                                            everything
  etl run report_test_case_coverage --platform mobile
  etl run --report-type testrail-milestones --report-type bugzilla-desktop-bugs
  etl run --resume                                   after an interruption

When some scopes fail, the others are still computed and loaded; the run then ends with exit
code 3 and names what is stale. Running the same command again is always safe.";
