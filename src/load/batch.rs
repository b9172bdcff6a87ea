//! Loads several tables over one connection. A table that fails does not stop the others.

use std::sync::Arc;

use super::{
    again::{PAUSES, gave_way, was_lost},
    destination::Destination,
    mart::Published,
    session::Session,
    table::{self, Manner, Mode, TableSummary},
};
use crate::{
    catalog::Contract,
    error::{Error, Kind, Result},
    events::{Event, Observer},
    names::count,
};

/// A table and the mart that it is to equal.
pub(super) struct Pair {
    pub(super) contract: Arc<Contract>,
    /// `Ok(None)`: nothing was published so far.
    pub(super) mart: Result<Option<Arc<dyn Published>>>,
}

/// What a load did.
#[derive(Debug, Default)]
pub struct Summary {
    /// By table, in the order of the project.
    pub tables: Vec<TableSummary>,
}

impl Summary {
    /// What went wrong, table by table.
    pub fn failures(&self) -> impl Iterator<Item = &Error> {
        self.tables.iter().filter_map(|table| table.error.as_ref())
    }

    /// Rows written in all tables together.
    pub fn written(&self) -> u64 {
        self.tables.iter().map(|table| table.inserted + table.updated + table.deleted).sum()
    }
}

/// Loads one table after another, over `open` while that works.
pub(super) async fn load(
    destination: &Destination,
    mut open: Option<Box<dyn Session>>,
    pairs: Vec<Pair>,
    manner: &Manner,
    observer: &dyn Observer,
) -> Summary {
    let mut summary = Summary::default();
    for pair in pairs {
        let table = pair.contract.table.clone();
        observer.on(&Event::TableStarted { table: table.clone() });
        let mut done = TableSummary { table: table.clone(), ..TableSummary::default() };
        if let Err(error) = one(destination, &mut open, pair, manner, &mut done).await {
            // A connection that saw a failure is not trusted again.
            open = None;
            done.failed(error.within(format!("cannot {} `{table}`", verb(manner.mode))));
        }
        if done.error.is_none() {
            done.error = edited(&done);
        }
        observer.on(&Event::TableFinished {
            table,
            inserted: done.inserted,
            updated: done.updated,
            deleted: done.deleted,
            unchanged: done.unchanged,
        });
        summary.tables.push(done);
    }
    if let Some(session) = open {
        session.close().await;
    }
    summary
}

fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Load => "load",
        Mode::Plan => "plan the load of",
        Mode::Verify => "verify",
    }
}

async fn one(destination: &Destination, open: &mut Option<Box<dyn Session>>, pair: Pair, manner: &Manner, done: &mut TableSummary) -> Result<()> {
    let Some(mart) = pair.mart? else {
        done.skipped = Some("no mart was published yet: `etl transform` computes it, or says what was never pulled".to_owned());
        return Ok(());
    };
    done.manifest = Some(mart.head().transform_id);
    done.as_of = Some(mart.head().as_of);
    done.origin = mart.head().origin.clone();
    let mut pauses = PAUSES[..manner.attempts.saturating_sub(1).min(PAUSES.len())].iter();
    // What was counted when the answer to a COMMIT was lost.
    let mut in_doubt = None;
    loop {
        let session = match open {
            Some(session) => session,
            None => open.insert(destination.open(false).await?),
        };
        let ended = table::run(session.as_mut(), &pair.contract, mart.as_ref(), manner, done).await;
        match (ended, pauses.next()) {
            (Err(error), Some(pause)) if gave_way(&error) => tokio::time::sleep(*pause).await,
            (Err(error), Some(pause)) if was_lost(&error) => {
                *open = None;
                in_doubt = done.committing.then(|| done.counts());
                done.committing = false;
                tokio::time::sleep(*pause).await;
            }
            // There is nothing to do any more: the COMMIT had arrived, and what was done is what was counted then.
            (Ok(()), _) if done.counts().is_nothing() => {
                in_doubt.iter().for_each(|counts| done.take(counts));
                return Ok(());
            }
            (ended, _) => return ended,
        }
    }
}

/// The error of a table that was edited by hand.
fn edited(done: &TableSummary) -> Option<Error> {
    let found = done.verification.as_ref().filter(|found| found.edited > 0)?;
    let keys: Vec<&str> = found.samples.iter().take(5).map(|sample| sample.key.as_str()).collect();
    Some(
        Error::new(
            Kind::Database,
            format!(
                "{} of `{}` {} edited by hand: {}",
                count(found.edited, "row"),
                done.table,
                if found.edited == 1 { "was" } else { "were" },
                keys.join("; ")
            ),
        )
        .hint("to have them written again, set their `_row_hash` to 0 and run `etl load`"),
    )
}
