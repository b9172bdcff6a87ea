//! The batches of a small mart, kept after they were first read: a load looks at a mart up to three times.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use arrow::array::RecordBatch;

use super::mart::{Batches, Mart, Piece};
use crate::error::Result;

/// Bytes that are kept at most; what is beyond is read from the files each time.
const AT_MOST: usize = 48 << 20;

/// The same mart, opened; what the first reading of its pieces gives is kept, as far as there is room.
pub(super) fn kept(mart: &Mart) -> Result<Mart> {
    let room = Arc::new(AtomicUsize::new(AT_MOST));
    let pieces: Vec<Piece> = (mart.open)()?.into_iter().map(|piece| kept_piece(piece, Arc::clone(&room))).collect();
    let open = move || Ok(pieces.clone());
    Ok(Mart { head: mart.head.clone(), open: Arc::new(open) })
}

fn kept_piece(piece: Piece, room: Arc<AtomicUsize>) -> Piece {
    let kept: Arc<Mutex<Option<Vec<RecordBatch>>>> = Arc::default();
    let rows = piece.rows;
    let read = move |columns: Option<&[&str]>| -> Result<Batches> {
        if let Some(batches) = kept.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(Box::new(batches.into_iter().map(Ok)));
        }
        let batches = (piece.read)(columns)?;
        // Columns alone are not kept: the next one may ask for others.
        if columns.is_some() {
            return Ok(batches);
        }
        Ok(Box::new(Keeping { batches, so_far: Some(Vec::new()), kept: Arc::clone(&kept), room: Room { left: Arc::clone(&room), taken: 0 } }))
    };
    Piece { rows, read: Arc::new(read) }
}

/// The first reading of a piece. One that is broken off keeps nothing.
struct Keeping {
    batches: Batches,
    /// `None`: there was no room.
    so_far: Option<Vec<RecordBatch>>,
    kept: Arc<Mutex<Option<Vec<RecordBatch>>>>,
    room: Room,
}

/// A share of the room; given back unless it is used.
struct Room {
    left: Arc<AtomicUsize>,
    taken: usize,
}

impl Iterator for Keeping {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.batches.next();
        match &next {
            None => {
                if let Some(whole) = self.so_far.take() {
                    *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(whole);
                    self.room.taken = 0;
                }
            }
            Some(Ok(batch)) => {
                let has_room = self.so_far.is_some() && self.room.takes(batch.get_array_memory_size());
                match &mut self.so_far {
                    Some(so_far) if has_room => so_far.push(batch.clone()),
                    so_far => *so_far = None,
                }
            }
            Some(Err(_)) => self.so_far = None,
        }
        next
    }
}

impl Room {
    fn takes(&mut self, bytes: usize) -> bool {
        let has = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(bytes)).is_ok();
        self.taken += if has { bytes } else { 0 };
        has
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.left.fetch_add(self.taken, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::sample::{mart, plan, plans};

    /// A mart of 50 rows that counts how often it was read.
    fn counted() -> (Mart, Arc<AtomicUsize>) {
        let contract = plans();
        let rows: Vec<_> = (0..50).map(|number| plan(number, "x", 1)).collect();
        let inner = mart(&contract, &rows, 1);
        let read = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&read);
        let open = move || {
            let counting = |piece: Piece| {
                let counter = Arc::clone(&counter);
                let read = move |columns: Option<&[&str]>| {
                    counter.fetch_add(1, Ordering::SeqCst);
                    (piece.read)(columns)
                };
                Piece { rows: piece.rows, read: Arc::new(read) }
            };
            Ok((inner.open)()?.into_iter().map(counting).collect())
        };
        (Mart { head: inner.head, open: Arc::new(open) }, read)
    }

    #[test]
    fn a_small_mart_is_read_once() {
        let (mart, read) = counted();
        let mart = kept(&mart).unwrap();
        let rows = |mart: &Mart| mart.batches().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>();
        // Broken off in the first of two pieces, and begun anew.
        assert!(mart.batches().unwrap().next().is_some());
        assert_eq!([rows(&mart), rows(&mart), rows(&mart)], [50; 3]);
        assert_eq!(read.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn what_has_no_room_is_read_again_and_gives_its_room_back() {
        let (mart, read) = counted();
        let room = Arc::new(AtomicUsize::new(1_000));
        let piece = kept_piece((mart.open)().unwrap().remove(0), Arc::clone(&room));
        for _ in 0..2 {
            assert_eq!(piece.batches(None).map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 25);
        }
        assert_eq!((read.load(Ordering::SeqCst), room.load(Ordering::SeqCst)), (2, 1_000));
    }
}
