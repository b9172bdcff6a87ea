//! The only place that writes to the terminal: data to standard output, everything else to standard error.
//!
//! `term` knows errors, events and rows, and nothing of the stages: `commands` turn their summaries into a [`Report`].

mod batches;
mod cell;
mod color;
mod failure;
mod github;
mod job_summary;
mod outcome;
mod printer;
mod progress;
mod report;
mod rows;
mod tally;
mod units;

pub use batches::{BatchWriter, Written};
pub use cell::Cell;
pub use color::Color;
pub use outcome::{ModelLine, PullLine, TableLine, Verdict};
pub use printer::{Captured, Out, Printer, Verbosity};
pub use progress::{Progress, ProgressMode};
pub use report::Report;
pub use rows::{Format, Rows};
pub use units::{bytes, seconds};
