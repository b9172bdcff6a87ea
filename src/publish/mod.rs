//! Publish: pages, pictures, messages, exports and views made from marts, and the record of what was published.
//!
//! [`looker`] renders looks, [`confluence`] writes pages; [`images`] are what the one makes and the other shows. [`marts`] reads the published results and says how far they can be trusted. [`outcomes`] keeps what was published as pulls of
//! the source `etl`, so that a retry does not post twice and SQL can read it like any other source.

pub mod bigquery;
pub mod claims;
pub mod confluence;
pub mod csv;
pub mod images;
mod journal;
pub mod looker;
pub mod marts;
pub mod outcomes;
pub mod product;
mod site;
pub mod slack;
pub mod standing;

pub use journal::Journal;
