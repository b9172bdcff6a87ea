//! Which published mart a load takes, and how its files are read.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::mart::{Batches, Mart, Piece};
use crate::{
    catalog::Contract,
    error::Result,
    lake::{Lake, Manifest, RowGroups, Wanted},
};

/// The mart to load: of exactly `as_of`, else the newest that is no replay.
pub(super) async fn newest(lake: &Lake, contract: &Contract, as_of: Option<DateTime<Utc>>) -> Result<Option<Arc<Mart>>> {
    let manifest = match as_of {
        None => lake.newest_manifest(&contract.table).await?,
        Some(as_of) => lake.manifests(&contract.table).await?.into_iter().rfind(|manifest| manifest.as_of == as_of),
    };
    match manifest {
        None => Ok(None),
        Some(manifest) => Ok(Some(Arc::new(mart(lake, contract, manifest).await?))),
    }
}

async fn mart(lake: &Lake, contract: &Contract, manifest: Manifest) -> Result<Mart> {
    let days = contract.snapshot_date().map(|_| manifest.parts.iter().filter_map(|part| part.day).collect());
    let files = Arc::new(lake.local(manifest.parts.iter().filter(|part| part.rows > 0).map(Wanted::from).collect()).await?);
    let columns: Vec<String> = contract.columns.iter().map(|column| column.name.clone()).collect();
    // Columns that the contract has lost are not read; ones that it has gained are missed where the cells are looked up.
    let columns: Vec<String> = columns.into_iter().filter(|name| manifest.columns.iter().any(|(known, _)| known == name)).collect();
    let columns: Arc<[String]> = columns.into();
    let open = move || -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for path in files.paths() {
            let file = Arc::new(RowGroups::open(path)?);
            for (group, rows) in file.rows().into_iter().enumerate() {
                // The copies of a bucket's files stay while a piece has `files`.
                let (files, file, columns) = (Arc::clone(&files), Arc::clone(&file), Arc::clone(&columns));
                let read = move |wanted: Option<&[&str]>| -> Result<Batches> {
                    let names = columns.iter().map(String::as_str).filter(|name| wanted.is_none_or(|wanted| wanted.contains(name)));
                    let _: &Arc<_> = &files;
                    Ok(Box::new(file.read(group, Some(&names.collect::<Vec<_>>()))?))
                };
                pieces.push(Piece { rows, read: Arc::new(read) });
            }
        }
        Ok(pieces)
    };
    Ok(Mart { transform_id: manifest.transform_id, as_of: manifest.as_of, days, open: Box::new(open) })
}
