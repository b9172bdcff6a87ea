//! The batches of a small mart, kept after they were first read: a load looks at a mart up to three times.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;

use super::mart::{Batches, Mart};
use crate::error::Result;

/// Bytes that are kept at most; a larger mart is read from its files each time.
const AT_MOST: usize = 48 << 20;

/// What was read so far, and whether that is all.
#[derive(Default)]
struct Kept {
    batches: Vec<RecordBatch>,
    bytes: usize,
    whole: bool,
    too_large: bool,
}

/// The same mart; what its first reading gives is kept, if it is not too large.
pub(super) fn kept(mart: &Arc<Mart>) -> Mart {
    let (files, kept) = (Arc::clone(mart), Arc::new(Mutex::new(Kept::default())));
    let open = move || -> Result<Batches> {
        {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.whole {
                let batches: Vec<_> = kept.batches.iter().cloned().map(Ok).collect();
                return Ok(Box::new(batches.into_iter()));
            }
            // A reading that was broken off is begun anew.
            kept.batches.clear();
            kept.bytes = 0;
        }
        let kept = Arc::clone(&kept);
        let mut batches = (files.open)()?;
        Ok(Box::new(std::iter::from_fn(move || {
            let next = batches.next();
            kept.lock().unwrap_or_else(PoisonError::into_inner).take(next.as_ref());
            next
        })))
    };
    Mart { transform_id: mart.transform_id, as_of: mart.as_of, days: mart.days.clone(), open: Box::new(open) }
}

impl Kept {
    fn take(&mut self, next: Option<&Result<RecordBatch>>) {
        match next {
            None => self.whole = !self.too_large,
            Some(Err(_)) => self.too_large = true,
            Some(Ok(batch)) if !self.too_large => {
                self.bytes += batch.get_array_memory_size();
                self.too_large = self.bytes > AT_MOST;
                if self.too_large {
                    self.batches = Vec::new();
                } else {
                    self.batches.push(batch.clone());
                }
            }
            Some(Ok(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::load::sample::{mart, plan, plans};

    #[test]
    fn a_small_mart_is_read_once() {
        let contract = plans();
        let rows: Vec<_> = (0..50).map(|number| plan(number, "x", 1)).collect();
        let inner = mart(&contract, &rows, 1);
        let opened = Arc::new(AtomicUsize::new(0));
        let counting = {
            let (opened, open) = (Arc::clone(&opened), inner.open);
            move || {
                opened.fetch_add(1, Ordering::SeqCst);
                open()
            }
        };
        let mart = kept(&Arc::new(Mart { transform_id: inner.transform_id, as_of: inner.as_of, days: None, open: Box::new(counting) }));
        let rows = |mart: &Mart| (mart.open)().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>();
        // Broken off, and begun anew.
        assert!((mart.open)().unwrap().next().is_some());
        assert_eq!([rows(&mart), rows(&mart), rows(&mart)], [50; 3]);
        assert_eq!(opened.load(Ordering::SeqCst), 2);
    }
}
