//! What covers a row, as views over `pulls` and `partitions`: the rules of [`super::live`] in SQL.
//!
//! For a file that lies about: what it would have to hold of every pull of a year is worked out when somebody asks.

use super::{session::literal, typed::Covered};
use crate::catalog::Endpoint;

/// The relations that [`super::typed::select`] needs, by name and query; their names end with the endpoint's.
pub(super) fn of(endpoint: &Endpoint) -> Vec<(String, String)> {
    let id = &endpoint.id;
    let relation = |kind: &str, sql: String| (format!("etl.{kind}_{id}"), sql);
    match Covered::of(endpoint) {
        Covered::Partition => vec![relation("parts", parts(endpoint))],
        Covered::Pull => vec![relation("pulls", pulls(id))],
        Covered::Window => vec![relation("pulls", pulls(id)), relation("windows", windows(id))],
    }
}

/// Each partition that was read, until the next pull that answered the same one.
fn parts(endpoint: &Endpoint) -> String {
    let identity: String = endpoint.partition.iter().map(|column| format!(", coalesce((params -> {})::varchar, 'null')", literal(column))).collect();
    format!(
        "select pull_id, partition_no, cover_at from (\
           select pull_id, partition_no, status, first_value(finished) over (partition by scope::varchar{identity} order by finished, pull_id \
             groups between 1 following and 1 following) as cover_at \
           from partitions where endpoint = {} and complete and status in ('ok', 'gone')) where status = 'ok'",
        literal(&endpoint.id)
    )
}

/// Each pull, until the first later full list that has all that it was asked for.
fn pulls(id: &str) -> String {
    format!(
        "select pull.pull_id, (select min(later.finished) from pulls as later \
           where later.endpoint = {id} and later.complete and later.mode = 'full' and later.scope::varchar = pull.scope::varchar \
             and (later.finished > pull.finished or (later.finished = pull.finished and later.pull_id > pull.pull_id)) \
             and (later.window_from is null or later.window_from <= pull.window_from) \
             and (later.window_to is null or later.window_to >= pull.window_to)) as cover_at \
         from pulls as pull where pull.endpoint = {id} and pull.complete",
        id = literal(id)
    )
}

fn windows(id: &str) -> String {
    format!(
        "select scope::varchar as scope, finished as pulled_at, pull_id, window_from, window_to from pulls where endpoint = {} and complete",
        literal(id)
    )
}
