//! Reads a mart on all cores.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    vec::IntoIter,
};

use arrow::array::RecordBatch;

use super::mart::{Batches, Piece};
use crate::error::{Error, Kind, Result};

/// Gives every batch, with the position of its first row, to one of as many workers as there are cores; gives what the
/// workers have made of them. Each worker reads pieces of its own. Where there are no more, it takes batches of another's: a
/// mart of one piece keeps all of them busy too.
pub(super) fn on_all_cores<S: Send>(
    pieces: Vec<Piece>,
    columns: Option<&[&str]>,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, &RecordBatch) -> Result<()> + Sync,
) -> Result<Vec<S>> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(8);
    let reading = Reading { pieces: Mutex::new((0, pieces.into_iter())), columns, open: (0..workers).map(|_| Mutex::new(None)).collect() };
    let one = |worker: usize| {
        let mut state = start();
        while let Some(next) = reading.next(worker) {
            let (position, batch) = next?;
            work(&mut state, position, &batch)?;
        }
        Ok(state)
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|worker| scope.spawn(move || one(worker))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Error::new(Kind::Internal, "a thread that read the mart broke off"))))
            .collect()
    })
}

/// What all workers read from.
struct Reading<'a> {
    /// Those that nobody has begun, and the position of the first of them.
    pieces: Mutex<(usize, IntoIter<Piece>)>,
    columns: Option<&'a [&'a str]>,
    /// What each worker has begun, and the position of the next batch.
    open: Vec<Mutex<Option<(usize, Batches)>>>,
}

impl Reading<'_> {
    /// The next batch for a worker: its own first, then those of the others.
    fn next(&self, worker: usize) -> Option<Result<(usize, RecordBatch)>> {
        let workers = self.open.len();
        (0..workers).find_map(|other| self.next_of((worker + other) % workers, other == 0))
    }

    fn next_of(&self, worker: usize, is_own: bool) -> Option<Result<(usize, RecordBatch)>> {
        let mut open = locked(&self.open[worker]);
        loop {
            if let Some((position, batches)) = open.as_mut()
                && let Some(next) = batches.next()
            {
                return Some(next.map(|batch| {
                    let first = *position;
                    *position += batch.num_rows();
                    (first, batch)
                }));
            }
            *open = None;
            if !is_own {
                return None;
            }
            let mut pieces = locked(&self.pieces);
            let piece = pieces.1.next()?;
            *open = Some((pieces.0, piece.batches(self.columns)));
            pieces.0 += piece.rows;
        }
    }
}

/// A thread that panicked has not left an iterator half-way: it is the batch that it was working on.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{AsArray, Int64Array},
        datatypes::Int64Type,
    };

    use super::*;

    fn piece(first: i64, batches: Vec<usize>) -> Piece {
        let rows = batches.iter().sum();
        let read = move |_: Option<&[&str]>| -> Result<Batches> {
            let mut next = first;
            let made: Vec<Result<RecordBatch>> = batches
                .iter()
                .map(|rows| {
                    let numbers = Int64Array::from_iter_values((next..).take(*rows));
                    next += i64::try_from(*rows).unwrap();
                    Ok(RecordBatch::try_from_iter([("n", Arc::new(numbers) as _)]).unwrap())
                })
                .collect();
            Ok(Box::new(made.into_iter()))
        };
        Piece { rows, read: Arc::new(read) }
    }

    /// Adds up the rows; every batch must stand where its first number says.
    fn sum(pieces: Vec<Piece>) -> Result<i64> {
        let sums = on_all_cores(
            pieces,
            None,
            || 0,
            |sum, position, batch| {
                let numbers = batch.column(0).as_primitive::<Int64Type>().values();
                assert_eq!(numbers.first().map(|first| usize::try_from(*first).unwrap()), Some(position));
                *sum += numbers.iter().sum::<i64>();
                Ok(())
            },
        )?;
        Ok(sums.into_iter().sum())
    }

    #[test]
    fn every_row_is_seen_once_and_where_it_stands() {
        assert_eq!(sum(Vec::new()).unwrap(), 0);
        assert_eq!(sum(vec![piece(0, vec![4; 25])]).unwrap(), 99 * 100 / 2);
        let many = (0..30).map(|place| piece(place * 10, vec![3, 0, 3, 4].into_iter().filter(|rows| *rows > 0).collect())).collect();
        assert_eq!(sum(many).unwrap(), 299 * 300 / 2);
    }

    #[test]
    fn a_failure_is_told() {
        let broken = Piece { rows: 1, read: Arc::new(|_| Err(Error::new(Kind::Lake, "torn"))) };
        assert_eq!(sum(vec![piece(0, vec![5]), broken]).unwrap_err().to_string(), "torn");
    }
}
