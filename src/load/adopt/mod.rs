//! `etl load --adopt`: takes over a MySQL database as the old scripts left it. See `docs/load.md` and ADR 0011.
//!
//! Every step is worked out from what the tables are now (`look.rs`, `steps.rs`, both without memory), so a run that was
//! stopped between two steps is simply run again: it finds what is left to do. Rows are taken over by the load itself
//! (`take.rs`), in the transaction of their table.

mod found;
mod look;
mod rows;
mod run;
mod sets;
mod steps;
mod take;
#[cfg(test)]
mod tests;

pub use run::{AdoptStep, Adoption, run};
pub(super) use take::{complete, take};
