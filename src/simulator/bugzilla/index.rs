//! What searches look at, of every bug on one day: to tell the story of each bug for each page of each search takes longer than all
//! else that the simulator does.

use std::sync::{Arc, PoisonError};

use super::{super::world::Today, bug::Bug, search::Search};

/// The bugs of one day, by number.
#[derive(Debug)]
pub(in super::super) struct BugIndex(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    changed_on: i64,
    created_on: i64,
    product: &'static str,
    qa_whiteboard: String,
}

impl BugIndex {
    /// The index of today; made when it is first asked for.
    pub(super) fn of(today: Today<'_>) -> Arc<Self> {
        let mut kept = today.world.bugs.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((day, index)) if *day == today.day => Arc::clone(index),
            _ => {
                let index = Arc::new(Self(Bug::all(today).map(|bug| Entry::of(&bug)).collect()));
                *kept = Some((today.day, Arc::clone(&index)));
                index
            }
        }
    }

    /// Whether `search` may find the bug of this number; what it says of other fields is still to be looked at.
    pub(super) fn may_be(&self, number: u64, search: &Search) -> bool {
        self.0.get(number as usize).is_some_and(|entry| {
            search.admits_times(entry.changed_on, entry.created_on)
                && search.admits("product", entry.product)
                && search.admits("cf_qa_whiteboard", &entry.qa_whiteboard)
        })
    }
}

impl Entry {
    fn of(bug: &Bug<'_>) -> Self {
        Self {
            changed_on: bug.story.changed_on(),
            created_on: bug.story.created_on,
            product: bug.product(),
            qa_whiteboard: bug.state("cf_qa_whiteboard"),
        }
    }
}
