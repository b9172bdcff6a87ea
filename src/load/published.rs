//! Which published mart a load takes, and how its files are read.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::mart::{Batches, Mart};
use crate::{
    catalog::Contract,
    error::Result,
    lake::{Lake, Manifest, Wanted, read_batches},
};

/// The mart to load: of exactly `as_of`, else the newest that is no replay.
pub(super) async fn newest(lake: &Lake, contract: &Contract, as_of: Option<DateTime<Utc>>) -> Result<Option<Arc<Mart>>> {
    let manifests = lake.manifests(&contract.table).await?;
    match chosen(manifests, as_of) {
        None => Ok(None),
        Some(manifest) => Ok(Some(Arc::new(mart(lake, contract, manifest).await?))),
    }
}

fn chosen(manifests: Vec<Manifest>, as_of: Option<DateTime<Utc>>) -> Option<Manifest> {
    manifests.into_iter().rev().find(|manifest| match as_of {
        Some(as_of) => manifest.as_of == as_of,
        None => !manifest.replay,
    })
}

async fn mart(lake: &Lake, contract: &Contract, manifest: Manifest) -> Result<Mart> {
    let days = contract.snapshot_date().map(|_| manifest.parts.iter().filter_map(|part| part.day).collect());
    let files = Arc::new(lake.local(manifest.parts.iter().filter(|part| part.rows > 0).map(Wanted::from).collect()).await?);
    let columns: Vec<String> = contract.columns.iter().map(|column| column.name.clone()).collect();
    // Columns that the contract has lost are not read; ones that it has gained are missed where the cells are looked up.
    let columns: Vec<String> = columns.into_iter().filter(|name| manifest.columns.iter().any(|(known, _)| known == name)).collect();
    let open = move || -> Result<Batches> {
        let (files, columns) = (Arc::clone(&files), columns.clone());
        let batches = (0..files.paths().len()).flat_map(move |index| {
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            let found: Batches = match read_batches(&files.paths()[index], Some(&names)) {
                Ok(batches) => Box::new(batches),
                Err(error) => Box::new(std::iter::once(Err(error))),
            };
            found
        });
        Ok(Box::new(batches))
    };
    Ok(Mart { transform_id: manifest.transform_id, as_of: manifest.as_of, days, open: Box::new(open) })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn manifest(as_of: &str, replay: bool) -> Manifest {
        let as_of: DateTime<Utc> = as_of.parse().unwrap();
        Manifest {
            version: 1,
            table: "t".to_owned(),
            transform_id: Uuid::from_u128(as_of.timestamp().unsigned_abs().into()),
            as_of,
            replay,
            created: as_of,
            fingerprint: String::new(),
            columns: Vec::new(),
            parts: Vec::new(),
            rows: 0,
            etl: String::new(),
            duckdb: String::new(),
        }
    }

    #[test]
    fn a_replay_is_taken_only_when_asked_for() {
        let (old, new, replay) = ("2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z", "2024-06-01T00:00:00Z");
        let all = || vec![manifest(old, false), manifest(new, false), manifest(replay, true)];
        let taken = |as_of: Option<&str>| {
            chosen(all(), as_of.map(|text| text.parse().unwrap())).map(|manifest| manifest.as_of.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        };
        assert_eq!(taken(None).as_deref(), Some(new));
        assert_eq!(taken(Some(replay)).as_deref(), Some(replay));
        assert_eq!(taken(Some(old)).as_deref(), Some(old));
        assert_eq!(taken(Some("2020-01-01T00:00:00Z")), None);
    }
}
