//! Some rows of a mart by their positions.

use arrow::array::RecordBatch;
use uuid::Uuid;

use super::{
    mart::{Batches, Mart, Piece, Rows},
    value::Value,
};
use crate::{
    catalog::Contract,
    error::{Error, Kind, Result},
};

/// The rows at these ascending positions. For few rows; only the pieces that hold them are read.
pub(super) fn rows_at(contract: &Contract, mart: &Mart, positions: &[u32]) -> Result<Vec<Vec<Value<'static>>>> {
    let mut found = Vec::with_capacity(positions.len());
    let mut picked = Picked::of(mart, positions)?;
    while let Some((batch, places)) = picked.next()? {
        let rows = Rows::of(&batch, contract, mart)?;
        for (row, _) in places {
            found.push(rows.row(row)?.into_iter().map(Value::into_owned).collect());
        }
    }
    Ok(found)
}

/// A batch, and which of its rows are wanted: where they stand in it, and their positions in the mart.
pub(super) type Found = (RecordBatch, Vec<(usize, u32)>);

/// Walks along ascending positions; pieces and batches that hold none of them are passed over.
pub(super) struct Picked<'p> {
    pieces: std::vec::IntoIter<Piece>,
    batches: Option<Batches>,
    /// Of the next batch.
    position: usize,
    /// Of the next piece.
    next_piece: usize,
    wanted: &'p [u32],
    transform: Uuid,
}

impl<'p> Picked<'p> {
    /// From the mart's first row on.
    pub(super) fn of(mart: &Mart, wanted: &'p [u32]) -> Result<Self> {
        let pieces = if wanted.is_empty() { Vec::new() } else { (mart.open)()? };
        Ok(Self { pieces: pieces.into_iter(), batches: None, position: 0, next_piece: 0, wanted, transform: mart.head.transform_id })
    }

    /// The next batch that holds any of them.
    pub(super) fn next(&mut self) -> Result<Option<Found>> {
        while let Some(first) = self.wanted.first().map(|first| *first as usize) {
            let Some(batch) = self.batches.as_mut().and_then(Iterator::next).transpose()? else {
                self.position = self.next_piece;
                let Some(piece) = self.pieces.next() else {
                    return Err(Error::new(
                        Kind::Internal,
                        format!("the mart of transform {} had fewer rows when it was read again", self.transform),
                    ));
                };
                self.next_piece += piece.rows;
                self.batches = (first < self.next_piece).then(|| piece.batches(None));
                continue;
            };
            let (start, end) = (self.position, self.position + batch.num_rows());
            self.position = end;
            let (here, rest) = self.wanted.split_at(self.wanted.partition_point(|place| (*place as usize) < end));
            self.wanted = rest;
            if !here.is_empty() {
                return Ok(Some((batch, here.iter().map(|place| (*place as usize - start, *place)).collect())));
            }
        }
        Ok(None)
    }
}
