//! Puts checked results into the lake: data files first, the manifest last, each written once.

use std::{io::Read, path::Path};

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::{behind::Behind, compute::Candidate, run::Job};
use crate::{
    catalog::Model,
    digest::Sha256,
    error::Result,
    lake::{Manifest, Part, layout},
};

/// Uploads one candidate, or points at the former file where the bytes are the same.
pub(super) fn part(
    job: &Job<'_>,
    table: &str,
    day: Option<NaiveDate>,
    candidate: &Candidate,
    fingerprint: String,
    inputs: Vec<Uuid>,
    former: Option<&Part>,
) -> Result<Part> {
    let (sha256, bytes) = digest(&candidate.path)?;
    // What is computed on request replaces the file, whatever the former one holds.
    let same = former.filter(|former| former.sha256 == sha256 && !job.fresh);
    let path = match same {
        Some(former) if job.is_intact(std::slice::from_ref(former))? => former.path.clone(),
        _ => {
            let path = layout::mart_part(table, job.transform_id, day);
            job.block_on(job.lake.upload_new(&path, &candidate.path))?.require_written(job.lake, &path)?;
            path
        }
    };
    Ok(Part { day, path, rows: candidate.rows, bytes, sha256, fingerprint, inputs, unread: Vec::new() })
}

/// What a manifest says of a result, besides its files.
pub(super) struct Draft<'m> {
    pub(super) model: &'m Model,
    pub(super) as_of: DateTime<Utc>,
    pub(super) fingerprint: String,
    pub(super) definition: String,
    pub(super) behind: &'m Behind<'m>,
}

/// Writes the manifest: from here on the result is visible.
pub(super) fn manifest(job: &Job<'_>, draft: Draft<'_>, parts: Vec<Part>) -> Result<Manifest> {
    let Draft { model, as_of, fingerprint, definition, behind } = draft;
    let columns = model.contract.iter().flat_map(|contract| &contract.columns);
    let manifest = Manifest {
        version: crate::lake::MANIFEST_VERSION,
        table: model.name.clone(),
        transform_id: job.transform_id,
        as_of,
        replay: job.replay,
        created: job.publishes_at(),
        fingerprint,
        columns: columns.map(|column| (column.name.clone(), column.kind.to_string())).collect(),
        rows: parts.iter().map(|part| part.rows).sum(),
        parts,
        definition: Some(definition),
        scopes: behind.scopes.clone(),
        scopes_fingerprint: Some(behind.fingerprint.clone()).filter(|fingerprint| !fingerprint.is_empty()),
        etl: env!("CARGO_PKG_VERSION").to_owned(),
        duckdb: job.engine.version().to_owned(),
    };
    job.block_on(job.lake.publish(&manifest))?;
    Ok(manifest)
}

fn digest(path: &Path) -> Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut file = fs_err::File::open(path)?;
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((hash.finish(), bytes))
}
