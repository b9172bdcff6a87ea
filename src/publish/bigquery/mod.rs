//! Views of BigQuery over the tables of Cloud SQL, made from the contracts (reports.md 4).

mod account;
mod api;
mod apply;
mod convenience;
mod place;
mod tables;
mod view;

pub use api::account;
pub use apply::{Applied, Change, apply};
pub use place::{Database, Place};
pub use tables::views;
pub use view::{View, script};
