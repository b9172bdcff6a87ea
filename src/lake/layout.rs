//! Where things lie in the lake: pure functions from what an object is to its path, and back.
//!
//! The layout is public (`docs/lake.md`); a change of it is a new [`LAYOUT_VERSION`].

use std::fmt;

use chrono::NaiveDate;
use uuid::Uuid;

use crate::{
    error::{Error, Kind, Result},
    names::is_identifier,
};

/// Version of paths and columns; every Parquet file carries it as key-value metadata [`LAYOUT_KEY`].
pub const LAYOUT_VERSION: u32 = 1;

/// Key of the layout version in a Parquet footer.
pub const LAYOUT_KEY: &str = "etl.layout";

/// Path of the lake's identity.
pub const IDENTITY: &str = "lake.json";

/// Folder of uploads that are not published yet. No listing shows it.
pub(super) const UPLOADS: &str = ".uploads";

/// What an object of the lake is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The identity of the lake.
    Identity,
    /// Records of one pull.
    Records { source: String, endpoint: String, day: NaiveDate, pull_id: Uuid },
    /// HTTP exchanges of one pull.
    Requests { source: String, endpoint: String, day: NaiveDate, pull_id: Uuid },
    /// The commit of one pull.
    Receipt { source: String, endpoint: String, day: NaiveDate, pull_id: Uuid },
    /// Many receipts of an endpoint in one file; `receipts` is how many.
    Checkpoint { source: String, endpoint: String, receipts: u64 },
    /// Typed rows of one pull under one definition of the staging model.
    Staged { model: String, hash: String, pull_id: Uuid },
    /// Typed rows of many pulls, for a `view` of the model: `latest` or `history`. `pull_id` is the newest of them.
    Packed { model: String, hash: String, view: String, pull_id: Uuid },
    /// Rows of a mart, of one day where it is a snapshot.
    MartPart { table: String, transform_id: Uuid, day: Option<NaiveDate> },
    /// What one transform run published of a mart.
    Manifest { table: String, transform_id: Uuid },
    /// A picture, by its content.
    Image { sha256: String },
    /// Which run alone makes an attempt to publish, by what the attempt is.
    Claim { sha256: String },
    /// The start of a run.
    RunStart { day: NaiveDate, run_id: Uuid },
    /// The end of a run.
    RunEnd { day: NaiveDate, run_id: Uuid },
    /// The rows that a run moved.
    RunFlow { day: NaiveDate, run_id: Uuid },
    /// An upload that was not published yet.
    Upload { upload_id: Uuid },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str(IDENTITY),
            Self::Records { source, endpoint, day, pull_id } => write!(f, "landed/{source}/{endpoint}/date={day}/{pull_id}.parquet"),
            Self::Requests { source, endpoint, day, pull_id } => write!(f, "landed/{source}/{endpoint}/date={day}/{pull_id}.requests.parquet"),
            Self::Receipt { source, endpoint, day, pull_id } => write!(f, "receipts/{source}/{endpoint}/date={day}/{pull_id}.json"),
            Self::Checkpoint { source, endpoint, receipts } => write!(f, "checkpoints/{source}/{endpoint}/{receipts}.parquet"),
            Self::Staged { model, hash, pull_id } => write!(f, "staged/{model}/{hash}/{pull_id}.parquet"),
            Self::Packed { model, hash, view, pull_id } => write!(f, "packed/{model}/{hash}/{view}/{pull_id}.parquet"),
            Self::MartPart { table, transform_id, day: None } => write!(f, "marts/{table}/{transform_id}.parquet"),
            Self::MartPart { table, transform_id, day: Some(day) } => write!(f, "marts/{table}/{transform_id}/{day}.parquet"),
            Self::Manifest { table, transform_id } => write!(f, "marts/{table}/{transform_id}.json"),
            Self::Image { sha256 } => write!(f, "images/{sha256}"),
            Self::Claim { sha256 } => write!(f, "claims/{sha256}"),
            Self::RunStart { day, run_id } => write!(f, "runs/date={day}/{run_id}.start.json"),
            Self::RunEnd { day, run_id } => write!(f, "runs/date={day}/{run_id}.end.json"),
            Self::RunFlow { day, run_id } => write!(f, "runs/date={day}/{run_id}.flow.json"),
            Self::Upload { upload_id } => write!(f, "{UPLOADS}/{upload_id}"),
        }
    }
}

/// What the object at `path` is, or `None` for a path that the lake would not write.
pub fn parse(path: &str) -> Option<Place> {
    let parts: Vec<&str> = path.split('/').collect();
    let place = match parts.as_slice() {
        [file] if *file == IDENTITY => Place::Identity,
        ["landed", source, endpoint, day, file] => {
            let (source, endpoint, day) = (name(source)?, name(endpoint)?, dated(day)?);
            match file.strip_suffix(".requests.parquet") {
                Some(id) => Place::Requests { source, endpoint, day, pull_id: uuid(id)? },
                None => Place::Records { source, endpoint, day, pull_id: uuid(file.strip_suffix(".parquet")?)? },
            }
        }
        ["receipts", source, endpoint, day, file] => {
            let pull_id = uuid(file.strip_suffix(".json")?)?;
            Place::Receipt { source: name(source)?, endpoint: name(endpoint)?, day: dated(day)?, pull_id }
        }
        ["checkpoints", source, endpoint, file] => {
            let receipts = file.strip_suffix(".parquet")?.parse().ok()?;
            Place::Checkpoint { source: name(source)?, endpoint: name(endpoint)?, receipts }
        }
        ["staged", model, hash, file] => Place::Staged { model: name(model)?, hash: hashed(hash)?, pull_id: uuid(file.strip_suffix(".parquet")?)? },
        ["packed", model, hash, view @ ("latest" | "history"), file] => {
            let pull_id = uuid(file.strip_suffix(".parquet")?)?;
            Place::Packed { model: name(model)?, hash: hashed(hash)?, view: (*view).to_owned(), pull_id }
        }
        ["marts", table, file] => match file.strip_suffix(".json") {
            Some(id) => Place::Manifest { table: name(table)?, transform_id: uuid(id)? },
            None => Place::MartPart { table: name(table)?, transform_id: uuid(file.strip_suffix(".parquet")?)?, day: None },
        },
        ["marts", table, transform, file] => {
            let day = Some(date(file.strip_suffix(".parquet")?)?);
            Place::MartPart { table: name(table)?, transform_id: uuid(transform)?, day }
        }
        ["images", sha256] => Place::Image { sha256: digest(sha256)? },
        ["claims", sha256] => Place::Claim { sha256: digest(sha256)? },
        ["runs", day, file] => {
            let (id, what) = file.strip_suffix(".json")?.split_once('.')?;
            let (day, run_id) = (dated(day)?, uuid(id)?);
            match what {
                "start" => Place::RunStart { day, run_id },
                "end" => Place::RunEnd { day, run_id },
                "flow" => Place::RunFlow { day, run_id },
                _ => return None,
            }
        }
        [folder, id] if *folder == UPLOADS => Place::Upload { upload_id: uuid(id)? },
        _ => return None,
    };
    // Only the one spelling that we write counts: no `01.parquet`, no upper-case UUID, no year 0012345.
    (place.to_string() == path).then_some(place)
}

fn name(text: &str) -> Option<String> {
    is_identifier(text).then(|| text.to_owned())
}

fn digest(text: &str) -> Option<String> {
    (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_owned())
}

fn hashed(text: &str) -> Option<String> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| text.to_owned())
}

fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

fn date(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

fn dated(text: &str) -> Option<NaiveDate> {
    date(text.strip_prefix("date=")?)
}

/// The endpoint's name inside its source: `cases` of `testrail_cases`.
///
/// # Errors
/// [`Kind::Internal`] if `endpoint` does not begin with `source` and an underscore.
pub fn endpoint_name<'a>(source: &str, endpoint: &'a str) -> Result<&'a str> {
    endpoint
        .strip_prefix(source)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|name| is_identifier(name))
        .ok_or_else(|| Error::new(Kind::Internal, format!("endpoint `{endpoint}` is not named `{source}_…`")))
}

/// Records of a pull. `endpoint` is the name inside the source (`cases`), `run_date` the UTC date of `run_at`.
pub fn records(source: &str, endpoint: &str, run_date: NaiveDate, pull_id: Uuid) -> String {
    Place::Records { source: source.into(), endpoint: endpoint.into(), day: run_date, pull_id }.to_string()
}

/// HTTP exchanges of a pull; arguments as for [`records`].
pub fn requests(source: &str, endpoint: &str, run_date: NaiveDate, pull_id: Uuid) -> String {
    Place::Requests { source: source.into(), endpoint: endpoint.into(), day: run_date, pull_id }.to_string()
}

/// The receipt of a pull; arguments as for [`records`].
pub fn receipt(source: &str, endpoint: &str, run_date: NaiveDate, pull_id: Uuid) -> String {
    Place::Receipt { source: source.into(), endpoint: endpoint.into(), day: run_date, pull_id }.to_string()
}

/// A checkpoint that holds `receipts` receipts.
pub fn checkpoint(source: &str, endpoint: &str, receipts: u64) -> String {
    Place::Checkpoint { source: source.into(), endpoint: endpoint.into(), receipts }.to_string()
}

/// Typed rows of a pull; `hash` is the staging definition's (letters and digits).
pub fn staged(model: &str, hash: &str, pull_id: Uuid) -> String {
    Place::Staged { model: model.into(), hash: hash.into(), pull_id }.to_string()
}

/// Typed rows of pulls up to `pull_id`, for the `view` `latest` or `history`; `hash` as for [`staged`].
pub fn packed(model: &str, hash: &str, view: &str, pull_id: Uuid) -> String {
    Place::Packed { model: model.into(), hash: hash.into(), view: view.into(), pull_id }.to_string()
}

/// Rows of a mart, of one `day` for a snapshot.
pub fn mart_part(table: &str, transform_id: Uuid, day: Option<NaiveDate>) -> String {
    Place::MartPart { table: table.into(), transform_id, day }.to_string()
}

/// The manifest of a mart.
pub fn manifest(table: &str, transform_id: Uuid) -> String {
    Place::Manifest { table: table.into(), transform_id }.to_string()
}

/// A picture, by the hash of its content.
pub fn image(sha256: &str) -> String {
    Place::Image { sha256: sha256.to_owned() }.to_string()
}

/// The claim to an attempt, by the hash of what it is.
pub fn claim(sha256: &str) -> String {
    Place::Claim { sha256: sha256.to_owned() }.to_string()
}

/// The start of a run; `run_date` is the UTC date of `run_at`.
pub fn run_start(run_date: NaiveDate, run_id: Uuid) -> String {
    Place::RunStart { day: run_date, run_id }.to_string()
}

/// The end of a run; `run_date` is the UTC date of its `run_at`, also when it ended on a later day.
pub fn run_end(run_date: NaiveDate, run_id: Uuid) -> String {
    Place::RunEnd { day: run_date, run_id }.to_string()
}

/// The rows that a run moved; `run_date` is the UTC date of its `run_at`.
pub fn run_flow(run_date: NaiveDate, run_id: Uuid) -> String {
    Place::RunFlow { day: run_date, run_id }.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn days() -> impl Strategy<Value = NaiveDate> {
        (0..40_000_i64).prop_map(|offset| NaiveDate::default() + chrono::Duration::days(offset))
    }

    fn places() -> impl Strategy<Value = Place> {
        let names = || "[a-z][a-z0-9_]{0,20}";
        let ids = || any::<u128>().prop_map(Uuid::from_u128);
        prop_oneof![
            Just(Place::Identity),
            (names(), names(), days(), ids()).prop_map(|(source, endpoint, day, pull_id)| Place::Records { source, endpoint, day, pull_id }),
            (names(), names(), days(), ids()).prop_map(|(source, endpoint, day, pull_id)| Place::Requests { source, endpoint, day, pull_id }),
            (names(), names(), days(), ids()).prop_map(|(source, endpoint, day, pull_id)| Place::Receipt { source, endpoint, day, pull_id }),
            (names(), names(), any::<u64>()).prop_map(|(source, endpoint, receipts)| Place::Checkpoint { source, endpoint, receipts }),
            (names(), "[0-9a-f]{1,64}", ids()).prop_map(|(model, hash, pull_id)| Place::Staged { model, hash, pull_id }),
            (names(), "[0-9a-f]{1,64}", prop_oneof!["latest", "history"], ids()).prop_map(|(model, hash, view, pull_id)| Place::Packed {
                model,
                hash,
                view,
                pull_id
            }),
            (names(), ids(), proptest::option::of(days())).prop_map(|(table, transform_id, day)| Place::MartPart { table, transform_id, day }),
            (names(), ids()).prop_map(|(table, transform_id)| Place::Manifest { table, transform_id }),
            (days(), ids()).prop_map(|(day, run_id)| Place::RunStart { day, run_id }),
            (days(), ids()).prop_map(|(day, run_id)| Place::RunEnd { day, run_id }),
            (days(), ids()).prop_map(|(day, run_id)| Place::RunFlow { day, run_id }),
            "[0-9a-f]{64}".prop_map(|sha256| Place::Image { sha256 }),
            "[0-9a-f]{64}".prop_map(|sha256| Place::Claim { sha256 }),
            ids().prop_map(|upload_id| Place::Upload { upload_id }),
        ]
    }

    proptest! {
        #[test]
        fn every_place_is_read_back(place in places()) {
            prop_assert_eq!(parse(&place.to_string()), Some(place));
        }

        #[test]
        fn what_is_read_is_written_alike(path in "(landed|receipts|marts|runs|staged|packed|checkpoints)(/[a-z0-9=.-]{1,12}){1,4}") {
            if let Some(place) = parse(&path) {
                prop_assert_eq!(place.to_string(), path);
            }
        }
    }

    #[test]
    fn foreign_paths_are_no_places() {
        for path in [
            "",
            "landed/testrail/cases/date=2026-01-01/x.parquet",
            "landed/testrail/cases/2026-01-01/0198c0de-0000-7000-8000-000000000000.parquet",
            "landed/testrail/cases/date=2026-01-01/0198C0DE-0000-7000-8000-000000000000.parquet",
            "checkpoints/testrail/cases/007.parquet",
            "receipts/testrail/cases/date=2026-1-1/0198c0de-0000-7000-8000-000000000000.json",
            "runs/date=2026-01-01/0198c0de-0000-7000-8000-000000000000.json",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn endpoint_names() {
        assert_eq!(endpoint_name("testrail", "testrail_cases").unwrap(), "cases");
        assert_eq!(endpoint_name("test_ops", "test_ops_a_b").unwrap(), "a_b");
        for (source, endpoint) in [("testrail", "cases"), ("testrail", "testrail_"), ("testrail", "testrailcases")] {
            assert_eq!(endpoint_name(source, endpoint).unwrap_err().kind(), Kind::Internal);
        }
    }
}
