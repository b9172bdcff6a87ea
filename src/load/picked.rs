//! Some rows of a mart by their positions.

use super::{
    mart::{Mart, Rows},
    value::Value,
};
use crate::{catalog::Contract, error::Result};

/// The rows at these ascending positions. For few rows; reading stops after the last one.
pub(super) fn rows_at(contract: &Contract, mart: &Mart, positions: &[u32]) -> Result<Vec<Vec<Value<'static>>>> {
    let mut found = Vec::with_capacity(positions.len());
    let mut wanted = Positions::new(positions);
    let mut base = 0;
    for batch in (mart.open)()? {
        if wanted.is_done() {
            break;
        }
        let batch = batch?;
        let rows = Rows::of(&batch, contract, mart)?;
        for row in 0..rows.len() {
            if wanted.takes(base + row) {
                found.push(rows.row(row)?.into_iter().map(Value::into_owned).collect());
            }
        }
        base += rows.len();
    }
    Ok(found)
}

/// Walks along ascending positions.
pub(super) struct Positions<'a>(&'a [u32]);

impl<'a> Positions<'a> {
    pub(super) fn new(positions: &'a [u32]) -> Self {
        Self(positions)
    }

    /// Whether `position` is the next one; if so, it is taken.
    pub(super) fn takes(&mut self, position: usize) -> bool {
        match self.0.split_first() {
            Some((next, rest)) if *next as usize == position => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Whether all were taken.
    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}
