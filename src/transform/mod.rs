//! The second stage: models over the lake become marts, checked and then published.

mod at;
mod audit;
mod behind;
mod compute;
mod coverage;
mod fingerprint;
mod publish;
mod run;
mod scope_names;
mod snapshot;
mod sql_tests;
mod trace;

pub use at::{At, at};
pub use fingerprint::definition;
pub use run::{Job, ModelSummary, State, Summary, run};
pub use sql_tests::{CaseResult, cases, run_case};
pub use trace::explain;
