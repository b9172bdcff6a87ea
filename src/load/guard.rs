//! What a load refuses although it could: removing too much, going back in time, and another lake. Pure.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::diff::Diff;
use crate::{
    catalog::Contract,
    error::{Error, Kind, Result},
    names::count,
    settings::LoadLimits,
};

/// Refuses a load after which far fewer rows would be owned than before.
///
/// # Errors
/// [`Kind::Guard`].
pub(super) fn shrink<K>(contract: &Contract, diff: &Diff<K>, limits: LoadLimits, accepted: bool) -> Result<()> {
    let (before, after) = (diff.owned, diff.owned_after());
    let table = &contract.table;
    let refused = |what: String| {
        Err(Error::new(Kind::Guard, what).hint(format!("look at `etl load {table} --plan`; if it is right, add `--accept-shrink {table}`")))
    };
    if accepted || after >= before {
        return Ok(());
    }
    if after == 0 {
        return refused(format!("`{table}` would be emptied: all of its {} would go", count(before, "row")));
    }
    // Counts of rows are far below 2^52, where this would lose digits.
    let share = (before - after) as f64 * 100.0 / before as f64;
    if !contract.size_free && before > limits.shrink_rows && share > limits.shrink_percent {
        return refused(format!(
            "`{table}` would shrink from {before} to {}, by {share:.1}%, and {}% is the limit",
            count(after, "row"),
            limits.shrink_percent
        ));
    }
    Ok(())
}

/// Refuses a mart that shows an earlier time than the one that was loaded last, unless that time was asked for.
///
/// # Errors
/// [`Kind::Guard`].
pub(super) fn older(table: &str, mart: DateTime<Utc>, loaded: Option<DateTime<Utc>>, asked_for: bool) -> Result<()> {
    // The ledger keeps whole seconds.
    match loaded {
        Some(loaded) if !asked_for && mart.trunc_subsecs(0) < loaded => Err(Error::new(
            Kind::Guard,
            format!("`{table}` shows {} already, and the mart shows {}", loaded.format("%Y-%m-%dT%H:%M:%SZ"), mart.format("%Y-%m-%dT%H:%M:%SZ")),
        )
        .hint("run `etl transform` for a newer mart, or ask for the earlier time with `--as-of`")),
        _ => Ok(()),
    }
}

/// Refuses a mart of another lake than the one that was loaded last. A table whose lake is not known (an older `etl` loaded it)
/// takes any.
///
/// # Errors
/// [`Kind::Guard`].
pub(super) fn other_lake(table: &str, lake: Option<Uuid>, loaded: Option<Uuid>, accepted: bool) -> Result<()> {
    let Some(loaded) = loaded.filter(|loaded| !accepted && lake != Some(*loaded)) else { return Ok(()) };
    let this = lake.map_or_else(|| "has no identity".to_owned(), |lake| format!("is {lake}"));
    Err(Error::new(Kind::Guard, format!("`{table}` was loaded from the lake {loaded}, and this lake {this}"))
        .hint("check `ETL_LAKE` or `--lake`; if this lake is meant to replace the other one, look at the plan, then add `--accept-lake`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Grain, OnMissing},
        load::canonical::SetDigest,
    };

    const LIMITS: LoadLimits = LoadLimits { shrink_rows: 50, shrink_percent: 20.0 };

    fn contract(size_free: bool) -> Contract {
        Contract {
            table: "t".to_owned(),
            description: String::new(),
            columns: Vec::new(),
            key: Vec::new(),
            grain: Grain::State,
            on_missing: OnMissing::Delete,
            size_free,
            identity: None,
            reports: Vec::new(),
            schedule: None,
        }
    }

    fn losing(before: u64, gone: u64, new: usize) -> Diff<u64> {
        Diff {
            insert: (0..new as u32).collect(),
            update: vec![],
            delete: (0..gone).collect(),
            kept: 0,
            spared: 0,
            unchanged: before - gone,
            blocked: vec![],
            owned: before,
            after: SetDigest::default(),
        }
    }

    #[test]
    fn shrinking_is_guarded_by_size_and_share() {
        for (before, gone, new, free, fine) in [
            (100, 20, 0, false, true),
            (100, 21, 0, false, false),
            (100, 21, 1, false, true),
            (100, 99, 0, true, true),
            (50, 49, 0, false, true),
            (51, 50, 0, false, false),
            (1, 1, 0, false, false),
            (100, 100, 0, true, false),
            (100, 100, 100, false, true),
            (0, 0, 0, false, true),
        ] {
            let got = shrink(&contract(free), &losing(before, gone, new), LIMITS, false);
            assert_eq!(got.is_ok(), fine, "{before} {gone} {new} {free}: {got:?}");
            assert!(shrink(&contract(free), &losing(before, gone, new), LIMITS, true).is_ok());
        }
    }

    #[test]
    fn another_lake_is_refused_until_accepted() {
        let [one, two] = [1, 2].map(|id| Some(Uuid::from_u128(id)));
        for (lake, loaded, accepted, fine) in [
            (one, one, false, true),
            (one, None, false, true),
            (None, None, false, true),
            (one, two, false, false),
            (None, two, false, false),
            (one, two, true, true),
        ] {
            assert_eq!(other_lake("t", lake, loaded, accepted).is_ok(), fine, "{lake:?} {loaded:?} {accepted}");
        }
    }

    #[test]
    fn time_goes_forward_unless_asked() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let loaded = Some(at("2025-01-02T00:00:00Z"));
        assert!(older("t", at("2025-01-01T23:59:59Z"), loaded, false).is_err());
        assert!(older("t", at("2025-01-01T23:59:59Z"), loaded, true).is_ok());
        assert!(older("t", at("2025-01-02T00:00:00.5Z"), loaded, false).is_ok());
        assert!(older("t", at("2025-01-01T00:00:00Z"), None, false).is_ok());
    }
}
