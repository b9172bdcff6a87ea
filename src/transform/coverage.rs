//! Which scopes of an endpoint the lake holds completely, which are stale, and which were never read. Pure.
//!
//! What should be there is what the endpoint's `for_each` gives for all projects; what is there, the receipts say. A scope
//! that `for_each` no longer gives (a project that was removed from the seed) is not missed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    catalog::{Endpoint, Replaces},
    engine::Row,
    error::Result,
    lake::{PartitionStatus, ReadState, Receipt, ScopeRead, canonical_scope},
};

/// What is known of the scopes of one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage {
    /// Those that should be there, and those that are.
    pub(super) scopes: Vec<ScopeRead>,
    /// Whether any complete pull is there.
    pub(super) pulled: bool,
    /// Whether there is anything to ask for.
    pub(super) wanted: bool,
    /// What should be there could not be found out.
    pub(super) is_unknown: bool,
}

impl Coverage {
    /// Whether no complete pull is there, and not because there was nothing to ask for.
    pub(super) fn is_never_pulled(&self) -> bool {
        !self.pulled && self.wanted
    }
}

/// What the receipts say of one scope.
struct Seen<'r> {
    scope: &'r Map<String, Value>,
    last_complete: Option<DateTime<Utc>>,
    newest: &'r Receipt,
}

/// A partition of which a pull failed.
#[derive(Default)]
struct Failing {
    last_failed: Option<DateTime<Utc>>,
    last_answered: Option<DateTime<Utc>>,
    error: Option<String>,
}

/// By scope and identity.
type Partitions = BTreeMap<(String, String), Failing>;

/// Computes the coverage of `endpoint` from its receipts, which are in order. `rows` gives the rows of `for_each` for all
/// projects; it is called only where they matter.
pub(super) fn coverage(endpoint: &Endpoint, receipts: &[&Receipt], rows: impl FnOnce() -> Result<Vec<Row>>) -> Coverage {
    let seen = seen(receipts);
    let failing = failing(endpoint, receipts);
    let pulled = seen.values().any(|seen| seen.last_complete.is_some());
    let is_unread = |failing: &Failing| failing.last_answered.is_none();
    let is_asked = endpoint.for_each.is_some() && (!endpoint.scope.is_empty() || !pulled || failing.values().any(is_unread));
    let expected = match is_asked.then(rows) {
        None if endpoint.for_each.is_some() => None,
        None => Some(Expected::one()),
        Some(Ok(rows)) => Some(Expected::of(endpoint, &rows)),
        Some(Err(error)) => {
            // What should be there is not known, so nothing can be called complete.
            let why = Some(error.within("its `for_each` cannot be evaluated").told());
            let read = ScopeRead { error: why, ..scope_read(endpoint, &Map::new(), ReadState::NeverRead) };
            return Coverage { scopes: vec![read], pulled, wanted: true, is_unknown: true };
        }
    };
    let mut scopes = Vec::new();
    for (key, seen) in &seen {
        let is_expected = expected.as_ref().is_none_or(|expected| expected.scopes.contains_key(key));
        if seen.last_complete.is_some() {
            let of_scope = || failing.iter().filter(|((scope, _), _)| scope == key);
            scopes.push(read_scope(endpoint, seen, is_expected, of_scope().map(|(_, failing)| failing)));
            let unread =
                of_scope().filter(|(id, failing)| is_unread(failing) && expected.as_ref().is_none_or(|expected| expected.partitions.contains(id)));
            scopes.extend(unread_partitions(endpoint, seen.scope, unread.map(|(_, failing)| failing)));
        } else if is_expected {
            scopes.push(ScopeRead { error: seen.newest.error.clone(), ..scope_read(endpoint, seen.scope, ReadState::NeverRead) });
        }
    }
    for (key, scope) in expected.iter().flat_map(|expected| &expected.scopes) {
        if !seen.contains_key(key) {
            scopes.push(scope_read(endpoint, scope, ReadState::NeverRead));
        }
    }
    Coverage { scopes, pulled, wanted: expected.is_none_or(|expected| !expected.scopes.is_empty()), is_unknown: false }
}

/// What `for_each` gives.
struct Expected {
    scopes: BTreeMap<String, Map<String, Value>>,
    partitions: BTreeSet<(String, String)>,
}

impl Expected {
    /// One request without parameters.
    fn one() -> Self {
        Self { scopes: BTreeMap::from([("{}".to_owned(), Map::new())]), partitions: BTreeSet::new() }
    }

    fn of(endpoint: &Endpoint, rows: &[Row]) -> Self {
        let mut expected = Self { scopes: BTreeMap::new(), partitions: BTreeSet::new() };
        for row in rows {
            let params: Map<String, Value> = row.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
            let scope = only(&params, &endpoint.scope);
            let key = canonical_scope(&scope);
            if endpoint.replaces == Replaces::Partition {
                expected.partitions.insert((key.clone(), identity(endpoint, &params)));
            }
            expected.scopes.entry(key).or_insert(scope);
        }
        expected
    }
}

fn seen<'r>(receipts: &[&'r Receipt]) -> BTreeMap<String, Seen<'r>> {
    let mut seen: BTreeMap<String, Seen<'r>> = BTreeMap::new();
    for receipt in receipts {
        let known = seen.entry(receipt.scope_key()).or_insert_with(|| Seen { scope: &receipt.scope, last_complete: None, newest: receipt });
        known.newest = receipt;
        if receipt.complete() {
            known.last_complete = Some(receipt.finished);
        }
    }
    seen
}

/// The partitions of which some pull failed, with when they were answered. Empty where `replaces` is not `partition`.
fn failing(endpoint: &Endpoint, receipts: &[&Receipt]) -> Partitions {
    let mut found = Partitions::new();
    if endpoint.replaces != Replaces::Partition {
        return found;
    }
    let has_failed = |receipt: &Receipt, status| !receipt.complete() || matches!(status, PartitionStatus::Failed | PartitionStatus::Forbidden);
    for receipt in receipts {
        for partition in receipt.partitions.iter().filter(|partition| has_failed(receipt, partition.status)) {
            let failing = found.entry((receipt.scope_key(), identity(endpoint, &partition.params))).or_default();
            failing.last_failed = Some(receipt.finished);
            failing.error = partition.error.clone().or_else(|| receipt.error.clone());
        }
    }
    if found.is_empty() {
        return found;
    }
    // Parameters are shared between receipts: each is looked at once.
    let mut identities: HashMap<*const Map<String, Value>, String> = HashMap::new();
    for receipt in receipts.iter().filter(|receipt| receipt.complete()) {
        let scope = receipt.scope_key();
        for partition in receipt.partitions.iter().filter(|partition| !has_failed(receipt, partition.status)) {
            let identity = identities.entry(std::sync::Arc::as_ptr(&partition.params)).or_insert_with(|| identity(endpoint, &partition.params));
            if let Some(failing) = found.get_mut(&(scope.clone(), identity.clone())) {
                failing.last_answered = Some(receipt.finished);
            }
        }
    }
    found
}

/// A scope with a complete pull.
fn read_scope<'f>(endpoint: &Endpoint, seen: &Seen<'_>, is_expected: bool, partitions: impl Iterator<Item = &'f Failing>) -> ScopeRead {
    let mut read = scope_read(endpoint, seen.scope, ReadState::Complete);
    if endpoint.replaces == Replaces::Partition {
        // The partition that has not been answered for the longest time.
        let stale = partitions.filter(|failing| failing.last_answered.is_some() && failing.last_failed > failing.last_answered);
        if let Some(oldest) = stale.min_by_key(|failing| failing.last_answered) {
            (read.state, read.since, read.error) = (ReadState::Stale, oldest.last_answered, oldest.error.clone());
        }
    } else if !seen.newest.complete() && is_expected {
        (read.state, read.since, read.error) = (ReadState::Stale, seen.last_complete, seen.newest.error.clone());
    }
    read
}

/// The partitions of a scope that were never answered, as one entry.
fn unread_partitions<'f>(endpoint: &Endpoint, scope: &Map<String, Value>, unread: impl Iterator<Item = &'f Failing>) -> Option<ScopeRead> {
    let unread: Vec<&Failing> = unread.collect();
    let last = unread.last()?;
    let (partitions, error) = (Some(unread.len() as u64), last.error.clone());
    Some(ScopeRead { partitions, error, ..scope_read(endpoint, scope, ReadState::NeverRead) })
}

fn scope_read(endpoint: &Endpoint, scope: &Map<String, Value>, state: ReadState) -> ScopeRead {
    ScopeRead { endpoint: endpoint.id.clone(), scope: scope.clone(), state, name: None, since: None, error: None, partitions: None }
}

/// What identifies a partition: its `partition` columns, else all of them.
fn identity(endpoint: &Endpoint, params: &Map<String, Value>) -> String {
    if endpoint.partition.is_empty() { canonical_scope(params) } else { canonical_scope(&only(params, &endpoint.partition)) }
}

fn only(params: &Map<String, Value>, columns: &[String]) -> Map<String, Value> {
    columns.iter().map(|column| (column.clone(), params.get(column).cloned().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        catalog::Project,
        engine::Value as Cell,
        error::{Error, Kind},
    };

    /// The endpoint `demo_things` with these keys.
    fn endpoint(keys: &str) -> Endpoint {
        let folder = tempfile::tempdir().unwrap();
        let head = "version = 1\ndescription = \"x\"\n[client]\nbase_url = \"http://127.0.0.1:1\"\nrate_limit = { requests = 0, per = \"1s\", concurrency = 4 }\n";
        let text = format!("{head}[[endpoint]]\nname = \"things\"\npath = \"things\"\nrecords = \"\"\nkey = [\"/id\"]\n{keys}\n");
        for (path, text) in [("sources/demo.toml", text.as_str()), ("sql/staging/demo/demo_things.sql", "-- description: x.\nselect 1\n")] {
            fs_err::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs_err::write(folder.path().join(path), text).unwrap();
        }
        Project::read(folder.path()).unwrap().sources.remove(0).endpoints.remove(0)
    }

    /// Scope, outcome, and the partitions with their statuses.
    type Pulled<'a> = (Value, &'a str, &'a [(i64, &'a str)]);

    /// Receipts at hours 1, 2, …
    fn receipts(pulls: &[Pulled<'_>]) -> Vec<Receipt> {
        let one = |(hour, (scope, outcome, partitions)): (usize, &Pulled<'_>)| {
            let partitions: Vec<Value> =
                (0..).zip(*partitions).map(|(no, (id, status))| json!({"no": no, "params": {"id": id}, "status": status, "records": 0})).collect();
            let at = format!("2026-01-01T{:02}:00:00Z", hour + 1);
            let text = json!({
                "version": 1, "run_id": uuid::Uuid::nil(), "pull_id": uuid::Uuid::from_u128(hour as u128), "source": "demo", "endpoint": "demo_things",
                "scope": scope, "part": 0, "mode": "full", "outcome": outcome, "stop": "single", "error": (*outcome == "incomplete").then_some("403"),
                "records": 0, "defects": 0, "requests": 1, "retries": 0, "bytes": 0, "partitions": partitions, "files": [], "host": "h",
                "definition": "d", "etl": "0", "run_at": at, "started": at, "finished": at,
            });
            serde_json::from_value(text).unwrap()
        };
        pulls.iter().enumerate().map(one).collect()
    }

    /// Scope, state, hour since which it is stale, and number of partitions that were never read.
    type Line = (String, ReadState, Option<u32>, Option<u64>);

    fn lines(found: &Coverage) -> Vec<Line> {
        use chrono::Timelike;
        let line = |read: &ScopeRead| (canonical_scope(&read.scope), read.state, read.since.map(|since| since.hour()), read.partitions);
        found.scopes.iter().map(line).collect()
    }

    fn rows(name: &str, values: &[i64]) -> Vec<Row> {
        values.iter().map(|value| vec![(name.to_owned(), Cell::Int(*value))]).collect()
    }

    const SCOPED: &str = "scope = [\"p\"]\nreplaces = \"scope\"\nfor_each = \"x\"";
    const FAN: &str = "partition = [\"id\"]\nreplaces = \"partition\"\nfor_each = \"x\"";

    #[test]
    fn each_scope_is_complete_stale_or_never_read() {
        use ReadState::{Complete, NeverRead, Stale};
        let scope = |p: i64| json!({ "p": p });
        let pulls = receipts(&[
            (scope(1), "complete", &[]),
            (scope(2), "complete", &[]),
            (scope(2), "incomplete", &[]),
            (scope(3), "incomplete", &[]),
            (scope(5), "incomplete", &[]),
            (scope(6), "complete", &[]),
        ]);
        let pulls: Vec<&Receipt> = pulls.iter().collect();
        let found = coverage(&endpoint(SCOPED), &pulls, || Ok(rows("p", &[1, 2, 3, 4])));
        let line = |p: i64, state, since| (format!("{{\"p\":{p}}}"), state, since, None);
        // 5 is not asked for any more, and 6 is there all the same.
        let want = [line(1, Complete, None), line(2, Stale, Some(2)), line(3, NeverRead, None), line(6, Complete, None), line(4, NeverRead, None)];
        assert_eq!(lines(&found), want);
        assert_eq!(found.scopes[2].error.as_deref(), Some("403"));
        assert!(found.pulled && !found.is_never_pulled());
    }

    #[test]
    fn nothing_to_ask_for_is_not_unread() {
        let none = coverage(&endpoint(SCOPED), &[], || Ok(Vec::new()));
        assert!(none.scopes.is_empty() && !none.is_never_pulled());
        let some = coverage(&endpoint(SCOPED), &[], || Ok(rows("p", &[1])));
        assert!(some.is_never_pulled());
        let single = coverage(&endpoint("replaces = \"scope\""), &[], || panic!("it has no query"));
        assert_eq!(lines(&single), [("{}".to_owned(), ReadState::NeverRead, None, None)]);
        assert!(single.is_never_pulled());
    }

    #[test]
    fn a_query_that_fails_leaves_the_endpoint_unread() {
        let pulls = receipts(&[(json!({ "p": 1 }), "complete", &[])]);
        let found = coverage(&endpoint(SCOPED), &pulls.iter().collect::<Vec<_>>(), || Err(Error::new(Kind::Sql, "no such column")));
        assert_eq!(lines(&found), [("{}".to_owned(), ReadState::NeverRead, None, None)]);
        assert!(found.is_unknown && !found.is_never_pulled());
    }

    #[test]
    fn failed_partitions_are_stale_or_never_read() {
        let pulls = receipts(&[
            (json!({}), "complete", &[(1, "ok"), (2, "ok"), (3, "forbidden"), (4, "failed"), (5, "gone"), (6, "failed")]),
            (json!({}), "partial", &[(1, "failed"), (2, "ok"), (4, "ok")]),
        ]);
        let pulls: Vec<&Receipt> = pulls.iter().collect();
        // 6 is not asked for any more.
        let found = coverage(&endpoint(FAN), &pulls, || Ok(rows("id", &[1, 3])));
        assert_eq!(lines(&found), [("{}".to_owned(), ReadState::Stale, Some(1), None), ("{}".to_owned(), ReadState::NeverRead, None, Some(1))]);
        // Where nothing failed the query is not needed.
        let whole = receipts(&[(json!({}), "complete", &[(1, "ok"), (2, "gone")])]);
        let found = coverage(&endpoint(FAN), &whole.iter().collect::<Vec<_>>(), || panic!("not needed"));
        assert_eq!(lines(&found), [("{}".to_owned(), ReadState::Complete, None, None)]);
    }
}
