//! Migrations own the schema of the destination. `new` writes them from the contracts, people review them, `run` applies them.

mod baseline;
mod change;
#[cfg(test)]
pub(super) mod checks;
mod consistency;
mod ddl;
mod files;
mod rebuild;
pub(super) mod resumable;
mod run;
mod schema;
mod write;

pub(super) use baseline::{record, unrecorded};
pub use consistency::check_migrations;
pub(super) use ddl::{create, index_name};
pub use run::{MigrationStatus, State, run, status, trial};
pub(super) use write::behind;
pub use write::{drift, new};

#[cfg(test)]
pub(super) use run::bring;
pub(super) use schema::{Table, tables};
#[cfg(test)]
pub(super) use write::write;
