//! Makes the tables of a destination database equal to the published marts. See `docs/load.md`.
//!
//! [`run`] takes the newest manifests of the lake; one table after another goes the way of `table.rs`. Every engine is
//! one implementation of the trait in `session.rs`; SQL text is built in `statement.rs` and nowhere else.

pub mod adopt;
mod again;
mod apply;
mod batch;
mod buckets;
mod canonical;
mod cells;
mod civil;
mod compare;
#[cfg(test)]
mod conformance;
mod connect;
mod cores;
#[cfg(test)]
mod cut;
mod destination;
mod diff;
mod find;
mod flavour;
mod folds;
mod guard;
mod kept;
mod ledger;
mod mart;
pub mod migrate;
mod mysql;
mod mysql_values;
#[cfg(test)]
mod on_servers;
mod picked;
mod plan;
mod postgres;
mod postgres_values;
mod preflight;
mod published;
mod relay;
mod rest;
mod run;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod scratch;
mod session;
#[cfg(test)]
mod snapshots;
mod sqlite;
mod sqlite_values;
mod statement;
mod table;
mod target;
mod value;
mod verify;

pub use batch::Summary;
pub use canonical::{HASH_VERSION, row_hash};
pub use destination::Destination;
pub use find::{Found, find_row};
pub use flavour::Flavour;
pub use mart::Origin;
pub use plan::{Action, Change, Plan, Sample};
pub use run::{Job, LoadedMart, check, check_ready, last_loads, read_table, run};
pub use table::TableSummary;
pub use value::Value;
pub use verify::{Edited, Verification};
