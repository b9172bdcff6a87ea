//! Publish: pages, pictures and messages made from marts, and the record of what was published.
//!
//! [`marts`] reads the published results and says how far they can be trusted. [`outcomes`] keeps what was published as pulls of
//! the source `etl`, so that a retry does not post twice and SQL can read it like any other source.

mod journal;
pub mod marts;
pub mod outcomes;

pub use journal::Journal;
