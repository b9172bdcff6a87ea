//! Whether a pull counts, and what a person should know about it. Pure.

use std::collections::BTreeMap;

use super::{call::Ended, plan::Pull};
use crate::{
    catalog::{Endpoint, Replaces},
    error::{Error, Kind},
    lake::{Outcome, Partition, PartitionStatus, Stop, canonical_scope},
    names,
};

/// What the calls amount to.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) stop: Stop,
    pub(super) error: Option<Error>,
    pub(super) partitions: Vec<Partition>,
    pub(super) warnings: Vec<String>,
}

/// Decides whether the pull counts. For `replaces = "partition"` each partition counts on its own; otherwise all must be whole.
pub(super) fn verdict(endpoint: &Endpoint, pull: &Pull, calls: &[Ended], full_refresh: bool) -> Verdict {
    let mut partitions = Vec::with_capacity(pull.partitions.len());
    for (call, ended) in pull.calls.iter().zip(calls) {
        let error = ended.error.as_ref().map(Error::told);
        for (index, position) in call.partitions.clone().enumerate() {
            partitions.push(Partition {
                no: u32::try_from(position).unwrap_or(u32::MAX),
                params: pull.partitions[position].params.clone().into(),
                status: ended.statuses[index],
                records: ended.records[index],
                error: error.clone(),
            });
        }
    }
    let count = |status: PartitionStatus| partitions.iter().filter(|partition| partition.status == status).count();
    let (failed, forbidden, gone) = (count(PartitionStatus::Failed), count(PartitionStatus::Forbidden), count(PartitionStatus::Gone));
    let single = endpoint.replaces == Replaces::Partition;
    // One thing may be closed to us. All of them: the credentials are wrong. And a list from which parts are hidden is not whole.
    let shut_out = forbidden > 0 && (!single || (forbidden > 1 && forbidden == partitions.len()));
    // One thing may be deleted. All of them: the address or the rights are wrong.
    let all_gone = gone > 0 && partitions.len() > 1 && gone + forbidden == partitions.len();
    let first = calls.iter().filter_map(|call| call.error.as_ref()).find(|error| !error.to_string().starts_with("not asked"));
    let about = format!("`{}` {}", endpoint.id, pull.scope_key);
    let error = if shut_out {
        let what = format!("{about}: {} may not be read", names::count(forbidden as u64, "partition"));
        Some(Error::new(Kind::Unauthorized, what))
    } else if all_gone {
        let what = format!("{about}: the API says of all {} partitions that they do not exist", partitions.len());
        Some(Error::new(Kind::NotFound, what).hint("check the source's base URL and the rights of its account; nothing was changed"))
    } else if first.is_none() && !full_refresh && is_unproved_empty(endpoint, pull, calls) {
        let what = format!("{about}: the response is `[]` alone, and the last complete list had records");
        Some(Error::new(Kind::Incomplete, what).hint("if the list really is empty now, run the same command once with `--full-refresh`"))
    } else {
        first.map(|error| {
            let all = names::count(partitions.len() as u64, "partition");
            match partitions.len() {
                // It says for itself what was asked.
                1 => Error::new(error.kind(), error.told()),
                _ => Error::new(error.kind(), format!("{about}: {failed} of {all} failed, the first one")).because(error.told()),
            }
        })
    };
    let whole = partitions.len() - failed;
    let outcome = match (&error, single) {
        (None, _) => Outcome::Complete,
        (Some(_), true) if whole > 0 && !shut_out && !all_gone => Outcome::Partial,
        (Some(_), _) => Outcome::Incomplete,
    };
    let stop = if error.is_some() {
        calls.iter().find(|call| call.error.is_some()).and_then(|call| call.stop).unwrap_or(Stop::Error)
    } else {
        // A partition that is gone shows nothing about paging.
        let read = calls.iter().find(|call| call.statuses.contains(&PartitionStatus::Ok)).or(calls.first());
        read.and_then(|call| call.stop).unwrap_or(Stop::NoPartitions)
    };
    let mut warnings: Vec<String> = calls.iter().flat_map(|call| call.warnings.iter().cloned()).collect();
    if gone > 0 && !all_gone {
        let all = names::count(partitions.len() as u64, "partition");
        warnings.push(format!("{about}: {gone} of {all} gone: the API says that they do not exist"));
    }
    if outcome == Outcome::Complete {
        warnings.extend(shrunk(pull, &partitions).map(|what| format!("{about}: {what}")));
    }
    Verdict { outcome, stop, error, partitions, warnings }
}

/// Whether everything that came is `[]` without any further word, where the last complete list had records: a proxy or a broken
/// server answers so too.
fn is_unproved_empty(endpoint: &Endpoint, pull: &Pull, calls: &[Ended]) -> bool {
    let had_records = pull.previous.as_ref().is_some_and(|previous| previous.partitions.iter().any(|partition| partition.records > 0));
    endpoint.replaces != Replaces::Partition && had_records && !calls.is_empty() && calls.iter().all(|call| call.is_empty_array)
}

/// Says so where a list is more than a fifth shorter than the one before. Only the same questions are compared.
fn shrunk(pull: &Pull, partitions: &[Partition]) -> Option<String> {
    let previous = pull.previous.as_ref()?;
    let now: BTreeMap<String, u64> = partitions.iter().map(|partition| (canonical_scope(&partition.params), partition.records)).collect();
    let (mut before, mut after) = (0, 0);
    for partition in &previous.partitions {
        before += partition.records;
        after += now.get(&canonical_scope(&partition.params))?;
    }
    let time = previous.finished.format("%Y-%m-%d %H:%M");
    (after * 5 < before * 4)
        .then(|| format!("the list has {} where the pull of {time} UTC had {before}: more than a fifth is missing", names::count(after, "record")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Row, RunRow, Value},
        extract::{
            known::{Known, Previous},
            plan::plan,
            samples::endpoint,
        },
    };

    const FAN: &str = "path = \"p/{s}\"\npartition = [\"s\"]\nreplaces = \"partition\"\nfor_each = \"x\"";
    const LIST: &str = "path = \"p/{s}\"\nfor_each = \"x\"";

    fn pull(endpoint: &Endpoint, partitions: i64) -> Pull {
        let rows: Vec<Row> = (0..partitions).map(|s| vec![("s".to_owned(), Value::Int(s))]).collect();
        let run_at = "2026-03-10T04:00:00Z".parse().unwrap();
        let run = RunRow { run_at, as_of: run_at, projects: vec![], window_start: None, window_end: None, full_refresh: false };
        plan(endpoint, "", rows, &run, &Known::default(), 500).unwrap().remove(0)
    }

    fn ended(status: PartitionStatus, records: u64) -> Ended {
        let stop = Some(if status == PartitionStatus::Ok { Stop::NoNext } else { Stop::Single });
        Ended { stop, statuses: vec![status], records: vec![records], ..Ended::default() }
    }

    #[test]
    fn all_gone_fails_and_some_gone_warns() {
        use PartitionStatus::{Forbidden, Gone, Ok};
        let endpoint = endpoint(FAN);
        for (statuses, outcome, warnings) in [
            (vec![Gone, Gone], Outcome::Incomplete, 0),
            (vec![Gone, Forbidden], Outcome::Incomplete, 0),
            (vec![Gone, Ok], Outcome::Complete, 1),
            (vec![Gone], Outcome::Complete, 1),
            (vec![Ok, Ok], Outcome::Complete, 0),
        ] {
            let pull = pull(&endpoint, i64::try_from(statuses.len()).unwrap());
            let calls: Vec<Ended> = statuses.iter().map(|status| ended(*status, 0)).collect();
            let verdict = verdict(&endpoint, &pull, &calls, false);
            assert_eq!((verdict.outcome, verdict.warnings.len()), (outcome, warnings), "{statuses:?}: {:?}", verdict.warnings);
            assert_eq!(verdict.error.is_some(), outcome == Outcome::Incomplete);
            if statuses == [Gone, Ok] {
                assert_eq!(verdict.stop, Stop::NoNext, "the partition that is gone shows nothing about paging");
                assert!(verdict.warnings[0].contains("1 of 2 partitions gone"), "{:?}", verdict.warnings);
            }
        }
    }

    /// A pull whose previous list had these records, one number per partition.
    fn after(endpoint: &Endpoint, partitions: i64, previous: &[u64]) -> Pull {
        let mut pull = pull(endpoint, partitions);
        let before = self::pull(endpoint, i64::try_from(previous.len()).unwrap());
        let calls: Vec<Ended> = previous.iter().map(|records| ended(PartitionStatus::Ok, *records)).collect();
        let partitions = verdict(endpoint, &before, &calls, false).partitions;
        pull.previous = Some(Previous { finished: "2026-03-09T04:00:00Z".parse().unwrap(), partitions });
        pull
    }

    #[test]
    fn lists_that_shrink_by_a_fifth_are_warned_about() {
        let endpoint = endpoint(LIST);
        for (now, before, warns) in [
            (vec![80], vec![100], false),
            (vec![79], vec![100], true),
            (vec![500], vec![100], false),
            // A new partition hides nothing, and partitions that are no longer asked for are not missing.
            (vec![10, 200], vec![100], true),
            (vec![10], vec![100, 5], false),
        ] {
            let pull = after(&endpoint, i64::try_from(now.len()).unwrap(), &before);
            let calls: Vec<Ended> = now.iter().map(|records| ended(PartitionStatus::Ok, *records)).collect();
            let verdict = verdict(&endpoint, &pull, &calls, false);
            assert_eq!((verdict.outcome, verdict.warnings.len()), (Outcome::Complete, usize::from(warns)), "{now:?} after {before:?}");
            assert!(verdict.warnings.iter().all(|warning| warning.contains("of 2026-03-09 04:00 UTC had 100")), "{:?}", verdict.warnings);
        }
    }

    #[test]
    fn an_empty_array_is_not_an_empty_list() {
        let endpoint = endpoint(LIST);
        let empty = || Ended { is_empty_array: true, ..ended(PartitionStatus::Ok, 0) };
        let outcome = |pull: &Pull, calls: &[Ended], full_refresh| verdict(&endpoint, pull, calls, full_refresh).outcome;
        let pull = after(&endpoint, 1, &[31]);
        assert_eq!(outcome(&pull, &[empty()], false), Outcome::Incomplete);
        assert_eq!(outcome(&pull, &[empty()], true), Outcome::Complete);
        assert_eq!(outcome(&pull, &[ended(PartitionStatus::Ok, 0)], false), Outcome::Complete, "the response says that this is the end");
        assert_eq!(outcome(&after(&endpoint, 1, &[0]), &[empty()], false), Outcome::Complete);
        let two = after(&endpoint, 2, &[31, 4]);
        assert_eq!(outcome(&two, &[ended(PartitionStatus::Ok, 31), empty()], false), Outcome::Complete);
    }
}
