//! Which published mart a load takes, and how its files are read.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, Utc};
use futures::future::BoxFuture;
use uuid::Uuid;

use super::mart::{Batches, Before, Head, Mart, Origin, Piece, Published};
use crate::{
    catalog::Contract,
    error::Result,
    lake::{Lake, Manifest, Part, RowGroups, Wanted, failed_to_read, never_read, stale_since},
};

/// The mart to load: of exactly `as_of`, else the newest that is no replay.
pub(super) async fn newest(lake: &Lake, contract: &Contract, as_of: Option<DateTime<Utc>>) -> Result<Option<Arc<dyn Published>>> {
    let manifest = match as_of {
        None => lake.newest_manifest(&contract.table).await?,
        Some(as_of) => lake.manifests(&contract.table).await?.into_iter().rfind(|manifest| manifest.as_of == as_of),
    };
    Ok(manifest.map(|manifest| Arc::new(InLake::of(lake, contract, manifest)) as Arc<dyn Published>))
}

/// A mart as its manifest tells of it.
struct InLake {
    lake: Lake,
    manifest: Manifest,
    head: Head,
    /// The contract's columns that its files have.
    columns: Arc<[String]>,
}

impl InLake {
    fn of(lake: &Lake, contract: &Contract, manifest: Manifest) -> Self {
        let days = contract.snapshot_date().map(|_| manifest.parts.iter().filter_map(|part| part.day).collect());
        // Columns that the contract has lost are not read; ones that it has gained are missed where the cells are looked up.
        let has = |name: &String| manifest.columns.iter().any(|(known, _)| known == name);
        let columns = contract.columns.iter().map(|column| column.name.clone()).filter(has).collect();
        let head = Head { transform_id: manifest.transform_id, as_of: manifest.as_of, days, origin: origin(&manifest) };
        Self { lake: lake.clone(), manifest, head, columns }
    }
}

impl Published for InLake {
    fn head(&self) -> &Head {
        &self.head
    }

    fn before(&self, transform_id: Uuid) -> BoxFuture<'_, Result<Option<Before>>> {
        Box::pin(async move {
            let Some(before) = self.lake.manifest(&self.manifest.table, transform_id).await? else { return Ok(None) };
            let files: HashSet<(&str, &str)> = before.parts.iter().map(file).collect();
            let same = self.manifest.parts.iter().filter(|part| files.contains(&file(part))).filter_map(|part| part.day).collect();
            let days = before.parts.iter().filter_map(|part| part.day).collect();
            Ok(Some(Before { days, same, replay: before.replay }))
        })
    }

    fn fetch<'a>(&'a self, days: Option<&'a BTreeSet<NaiveDate>>) -> BoxFuture<'a, Result<Mart>> {
        Box::pin(async move {
            let is_wanted = |part: &&Part| part.rows > 0 && days.is_none_or(|days| part.day.is_some_and(|day| days.contains(&day)));
            let files = Arc::new(self.lake.local(self.manifest.parts.iter().filter(is_wanted).map(Wanted::from).collect()).await?);
            let columns = Arc::clone(&self.columns);
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
            let head = Head { days: days.cloned().or_else(|| self.head.days.clone()), ..self.head.clone() };
            Ok(Mart { head, open: Arc::new(open) })
        })
    }
}

fn origin(manifest: &Manifest) -> Origin {
    let newest = manifest.parts.iter().filter(|part| part.day.is_some()).max_by_key(|part| part.day);
    let scopes = || manifest.scopes.iter().chain(newest.iter().flat_map(|part| &part.unread));
    Origin {
        created: manifest.created,
        definition: manifest.definition.clone(),
        never_read: never_read(scopes()),
        failed: failed_to_read(scopes()),
        stale_since: stale_since(&manifest.scopes),
        unread_days: manifest.parts.iter().filter(|part| !part.unread.is_empty()).filter_map(|part| part.day).collect(),
    }
}

/// What tells a file from all others.
fn file(part: &Part) -> (&str, &str) {
    (&part.path, &part.sha256)
}
