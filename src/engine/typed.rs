//! `latest.<model>` and `history.<model>`: the typed rows of an endpoint, with the moments from which they are no longer live.

use std::path::PathBuf;

use duckdb::Connection;

use super::{
    live::Cover,
    session::{execute, instant, literal, parquet},
    staged,
};
use crate::{
    catalog::{Endpoint, Model, Replaces},
    error::Result,
};

/// Which of the two views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// The live rows.
    Latest,
    /// Every fetched version.
    History,
}

impl View {
    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::History => "history",
        }
    }
}

/// What covers a row: this decides which relations say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    /// `etl.parts_…` (`pull_id, partition_no, cover_at`): a later answer of the same partition.
    Partition,
    /// `etl.pulls_…` (`pull_id, cover_at`): a later list.
    Pull,
    /// The same, and `etl.windows_…` (`scope, pulled_at, pull_id, window_from, window_to`): a later list of the row's time.
    Window,
}

impl Covered {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        match endpoint.replaces {
            Replaces::Partition => Self::Partition,
            Replaces::Scope | Replaces::Keys if endpoint.window.is_some() => Self::Window,
            Replaces::Scope | Replaces::Keys => Self::Pull,
        }
    }
}

/// What the names of a view's cover tables end with.
pub(super) fn suffix(view: View, name: &str) -> String {
    format!("{}_{name}", view.schema())
}

/// Creates the view over the staged `files`. Where there are none, `landed.<model>` must be in the session: the columns
/// then come from the model itself, run over nothing.
pub(super) fn create(connection: &Connection, view: View, endpoint: &Endpoint, model: &Model, cover: &Cover, files: &[PathBuf]) -> Result<()> {
    let covered = Covered::of(endpoint);
    let schema = view.schema();
    let name = &model.name;
    let suffix = suffix(view, name);
    cover_tables(connection, &suffix, covered, cover)?;
    let rows = if files.is_empty() {
        execute(connection, &format!("create table etl.none_{suffix} as select * from ({}) limit 0", staged::select(model)))?;
        format!("(from etl.none_{suffix})")
    } else {
        parquet(files, "")
    };
    let body = select(view, &rows, covered, &suffix);
    execute(connection, &format!("create view {schema}.{name} as {body}"))
        .map_err(|error| error.within(format!("{}: cannot make `{schema}.{name}`", model.file.display())))
}

/// The SELECT of the view over these rows. Needs the cover relations of `suffix`.
pub(super) fn select(view: View, rows: &str, covered: Covered, suffix: &str) -> String {
    match view {
        View::Latest => latest_sql(rows, covered, suffix),
        View::History => history_sql(rows, covered, suffix),
    }
}

fn cover_tables(connection: &Connection, suffix: &str, covered: Covered, cover: &Cover) -> Result<()> {
    let optional = |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or_else(|| "null".to_owned(), instant);
    let mut statements = String::new();
    let mut table = |table: &str, columns: &str, rows: Vec<String>| {
        statements.push_str(&format!("create table etl.{table}_{suffix} ({columns});"));
        for rows in rows.chunks(1_000) {
            statements.push_str(&format!("insert into etl.{table}_{suffix} values {};", rows.join(", ")));
        }
    };
    if covered == Covered::Partition {
        let rows = cover.partitions.iter().map(|(pull, no, at)| format!("('{pull}', {no}, {})", optional(*at)));
        table("parts", "pull_id varchar, partition_no integer, cover_at timestamp", rows.collect());
        return execute(connection, &statements);
    }
    let rows = cover.pulls.iter().map(|(pull, at)| format!("('{pull}', {})", optional(*at)));
    table("pulls", "pull_id varchar, cover_at timestamp", rows.collect());
    if covered == Covered::Window {
        let rows = cover.windows.iter().map(|window| {
            let (from, to) = (optional(window.from), optional(window.to));
            format!("({}, {}, '{}', {from}, {to})", literal(&window.scope), instant(window.pulled_at), window.pull_id)
        });
        table("windows", "scope varchar, pulled_at timestamp, pull_id varchar, window_from timestamp, window_to timestamp", rows.collect());
    }
    execute(connection, &statements)
}

/// The rows of the files with `cover_at`, the moment from which a row is no longer live. Needs the cover relations of `suffix`.
pub(super) fn covered_sql(rows: &str, covered: Covered, suffix: &str) -> String {
    if covered == Covered::Partition {
        return format!(
            "select version.*, part.cover_at as cover_at from {rows} as version join etl.parts_{suffix} as part \
             on part.pull_id = version._pull_id and part.partition_no = version._partition_no"
        );
    }
    if covered == Covered::Pull {
        return format!(
            "select version.*, pull.cover_at as cover_at from {rows} as version join etl.pulls_{suffix} as pull on pull.pull_id = version._pull_id"
        );
    }
    format!(
        "select version.*, least(pull.cover_at, (select min(later.pulled_at) from etl.windows_{suffix} as later \
           where later.scope = version._scope::varchar \
             and (later.pulled_at > version._pulled_at or (later.pulled_at = version._pulled_at and later.pull_id > version._pull_id)) \
             and (later.window_from is null or version._window_at >= later.window_from) \
             and (later.window_to is null or version._window_at < later.window_to))) as cover_at \
         from {rows} as version join etl.pulls_{suffix} as pull on pull.pull_id = version._pull_id"
    )
}

/// Order of versions of one key inside a pull: the last one wins.
const LAST: &str = "_partition_no desc, _request_no desc, _record_no desc";

fn latest_sql(rows: &str, covered: Covered, suffix: &str) -> String {
    format!(
        "select * exclude (cover_at) from ({}) where cover_at is null \
         qualify row_number() over (partition by _scope, _record_key order by _pulled_at desc, _pull_id desc, {LAST}) = 1",
        covered_sql(rows, covered, suffix)
    )
}

fn history_sql(rows: &str, covered: Covered, suffix: &str) -> String {
    format!(
        "select * exclude (cover_at), _pulled_at as valid_from, \
           least(cover_at, lead(_pulled_at) over (partition by _scope, _record_key order by _pulled_at, _pull_id)) as valid_to \
         from (select * from ({}) qualify row_number() over (partition by _scope, _record_key, _pull_id order by {LAST}) = 1)",
        covered_sql(rows, covered, suffix)
    )
}
