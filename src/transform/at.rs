//! The moment in which a model's result of some time is computed, for those who look into it afterwards.

use chrono::NaiveDate;

use super::snapshot;
use crate::{
    catalog::{Grain, Model},
    engine::{Engine, Moment, RunRow},
    error::Result,
    lake::Receipts,
};

/// A moment, and the day that it shows of a snapshot.
pub struct At<'e> {
    /// The relations as the model sees them.
    pub moment: Moment<'e>,
    /// Of a snapshot.
    pub day: Option<NaiveDate>,
}

/// The relations as `model` sees them as of `run`: of a snapshot those of `day`, or of its last day. `None`: there is no such day.
///
/// # Errors
/// As [`Engine::moment`].
pub fn at<'e>(engine: &'e Engine, model: &Model, receipts: &'e Receipts, run: &RunRow, day: Option<NaiveDate>) -> Result<Option<At<'e>>> {
    let Some(Grain::Snapshot { of, .. }) = model.contract.as_ref().map(|contract| &contract.grain) else {
        return Ok(Some(At { moment: engine.moment(run, receipts)?, day: None }));
    };
    let days = snapshot::days(receipts, of, run);
    let found = match day {
        Some(day) => days.get_key_value(&day),
        None => days.last_key_value(),
    };
    let Some((day, run)) = found else { return Ok(None) };
    Ok(Some(At { moment: engine.moment_of_day(run, receipts, Some((of, *day)))?, day: Some(*day) }))
}
