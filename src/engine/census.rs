//! From what was landed of an endpoint to what is live of it, in numbers.

use std::collections::BTreeSet;

use super::{
    live,
    moment::Moment,
    row::Value,
    session::parquet,
    staged,
    typed::{self, Covered, View},
};
use crate::{
    catalog::Reference,
    error::{Error, Kind, Result},
    lake::{Census, Receipt},
};

impl Moment<'_> {
    /// Counts the records of an endpoint; `None` where nothing was pulled so far. Reads only what `latest` reads.
    ///
    /// # Errors
    /// As [`Moment::require`].
    pub fn census(&self, name: &str) -> Result<Option<Census>> {
        let (Some(endpoint), Some(model)) = (self.engine().project().endpoint(name), self.engine().project().model(name)) else {
            return Err(Error::new(Kind::Internal, format!("`{name}` is no endpoint with a staging model")));
        };
        let pulls = self.pulls(name)?;
        let Some(newest) = pulls.last() else { return Ok(None) };
        self.require(&[Reference { schema: Some("latest".to_owned()), name: name.to_owned() }])?;
        let cover = live::cover(endpoint, &pulls);
        let live: BTreeSet<_> = cover.live_pulls().into_iter().collect();
        let (newest_pulls, live_pulls): (Vec<&Receipt>, Vec<&Receipt>) = (
            pulls.iter().filter(|pull| pull.run_id == newest.run_id).copied().collect(),
            pulls.iter().filter(|pull| live.contains(&pull.pull_id)).copied().collect(),
        );
        let newest_files = staged::files(self.engine(), model, &newest_pulls)?;
        let live_files = self.typed_files(model, View::Latest, &cover.live(), &live_pulls)?;
        let key = "(_scope::varchar, _record_key)";
        let keys = if newest_files.paths().is_empty() {
            0
        } else {
            self.one_number(&format!("select count(distinct {key}) from {}", parquet(newest_files.paths(), "")))?
        };
        let (uncovered, latest) = if live_files.paths().is_empty() {
            (0, 0)
        } else {
            let rows = parquet(live_files.paths(), "");
            let covered = typed::covered_sql(&rows, Covered::of(endpoint), &typed::suffix(View::Latest, name));
            let counts = self.rows(&format!("select count(*), count(distinct {key}) from ({covered}) where cover_at is null"))?;
            match counts.first().map(Vec::as_slice) {
                Some([(_, Value::Int(rows)), (_, Value::Int(keys))]) => (rows.cast_unsigned(), keys.cast_unsigned()),
                _ => (0, 0),
            }
        };
        let ever: u64 = pulls.iter().map(|pull| pull.records).sum();
        Ok(Some(Census {
            run_id: newest.run_id,
            landed: newest_pulls.iter().map(|pull| pull.records).sum(),
            keys,
            ever,
            replaced: ever.saturating_sub(uncovered),
            older: uncovered - latest,
            latest,
        }))
    }

    fn one_number(&self, sql: &str) -> Result<u64> {
        Ok(match self.rows(sql)?.first().and_then(|row| row.first()) {
            Some((_, Value::Int(number))) => number.cast_unsigned(),
            _ => 0,
        })
    }
}
